//! The JSON of what travels on the bus: its exact form, and that it loses nothing.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use wire::{
    events::v1::Event,
    job::v1::{
        Failure, HandBack, Job, ListedJob, Outcome, Product, Usage, WorkerPresence, outcome,
    },
    json::{from_json, to_json},
    time::Timestamp,
};

const MAX: usize = 1024 * 1024;

fn time() -> Option<Timestamp> {
    Some(model::Timestamp(1_795_239_000_250).into())
}

fn same<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(message: &T, golden: &str) {
    assert_eq!(
        to_json(message).expect("writable"),
        golden.replace("\n", "")
    );
    assert_eq!(
        &from_json::<T>(golden.as_bytes(), MAX).expect("readable"),
        message
    );
}

#[test]
fn a_job() {
    let job = Job {
        id: "0123456789abcdef0123456789abcdef".into(),
        token: u64::MAX,
        tenant: "acme".into(),
        run_id: "r1".into(),
        step: "copy".into(),
        agent: "copy".into(),
        attempt: 1,
        revision: 2,
        timeout_ms: 90_000,
        expires: time(),
        partition: 63,
        input_json: r#"{"input":{"a":1}}"#.into(),
    };
    same(
        &job,
        r#"{"id":"0123456789abcdef0123456789abcdef","token":"18446744073709551615","tenant":"acme",
"run_id":"r1","step":"copy","agent":"copy","attempt":1,"revision":2,"timeout_ms":"90000",
"expires":"2026-11-21T05:30:00.25Z","partition":63,"input_json":"{\"input\":{\"a\":1}}"}"#,
    );
}

#[test]
fn an_outcome() {
    let outcome = Outcome {
        job_id: "0123456789abcdef0123456789abcdef".into(),
        token: 1,
        tenant: "acme".into(),
        run_id: "r1".into(),
        worker: "w1".into(),
        result: Some(outcome::Result::Product(Product {
            content_json: r#"{"a":1}"#.into(),
            hash: "h".into(),
            facts_json: r#"{"score":0.5}"#.into(),
            agent: "copy".into(),
            model: "offline".into(),
            prompt_version: "1".into(),
        })),
        usage: Some(Usage {
            input_tokens: 1,
            output_tokens: 2,
            cost_microusd: 3,
        }),
        duration_ms: 40,
    };
    same(
        &outcome,
        r#"{"job_id":"0123456789abcdef0123456789abcdef","token":"1","tenant":"acme","run_id":"r1","worker":"w1",
"usage":{"input_tokens":"1","output_tokens":"2","cost_microusd":"3"},"duration_ms":"40",
"product":{"content_json":"{\"a\":1}","hash":"h","facts_json":"{\"score\":0.5}","agent":"copy","model":"offline","prompt_version":"1"}}"#,
    );
}

#[test]
fn an_event() {
    let event = Event {
        id: "r1.3".into(),
        run_id: "r1".into(),
        sequence: 3,
        r#type: "step_finished".into(),
        state: "generating_copy".into(),
        step: "copy".into(),
        agent: "copy".into(),
        message: "copy is done".into(),
        time: time(),
        metadata: BTreeMap::from([("attempt".into(), "1".into())]),
        tenant: "acme".into(),
        workflow: "campaign".into(),
        campaign_id: "c1".into(),
        correlation_id: "x".into(),
        at_rest: true,
    };
    same(
        &event,
        r#"{"id":"r1.3","run_id":"r1","sequence":"3","type":"step_finished","state":"generating_copy","step":"copy",
"agent":"copy","message":"copy is done","time":"2026-11-21T05:30:00.25Z","metadata":{"attempt":"1"},"tenant":"acme",
"workflow":"campaign","campaign_id":"c1","correlation_id":"x","at_rest":true}"#,
    );
}

/// Any text but one with a NUL, which is refused.
fn text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| text.replace('\0', ""))
}

fn moment() -> impl Strategy<Value = Option<Timestamp>> {
    let range = -62_167_219_200_i64..=253_402_300_799;
    proptest::option::of(
        (range, 0..1_000_000_000).prop_map(|(seconds, nanos)| Timestamp { seconds, nanos }),
    )
}

fn results() -> impl Strategy<Value = Option<outcome::Result>> {
    let product =
        (text(), text(), text(), text()).prop_map(|(content_json, hash, facts_json, model)| {
            outcome::Result::Product(Product {
                content_json,
                hash,
                facts_json,
                model,
                ..Default::default()
            })
        });
    let failure =
        (text(), text(), any::<Option<u64>>()).prop_map(|(class, message, retry_after_ms)| {
            outcome::Result::Failure(Failure {
                class,
                message,
                retry_after_ms,
            })
        });
    proptest::option::of(prop_oneof![
        product,
        failure,
        Just(outcome::Result::HandBack(HandBack {}))
    ])
}

fn survives<T>(message: &T) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + prost::Message + std::fmt::Debug + Default,
{
    let json = to_json(message).expect("writable");
    prop_assert_eq!(
        &from_json::<T>(json.as_bytes(), MAX).expect("own output"),
        message
    );
    let bytes = message.encode_to_vec();
    prop_assert_eq!(&T::decode(bytes.as_slice()).expect("own output"), message);
    Ok(())
}

proptest! {
    #[test]
    fn jobs_survive((id, token, tenant, step) in (text(), any::<u64>(), text(), text()), numbers in any::<[u32; 3]>(), timeout_ms: u64, expires in moment(), input_json in text()) {
        let [attempt, revision, partition] = numbers;
        survives(&Job { id, token, tenant, step, attempt, revision, partition, timeout_ms, expires, input_json, ..Default::default() })?;
    }

    #[test]
    fn outcomes_survive((job_id, token, run_id, worker) in (text(), any::<u64>(), text(), text()), result in results(), tokens in any::<Option<[u64; 3]>>(), duration_ms: u64) {
        let usage = tokens.map(|[input_tokens, output_tokens, cost_microusd]| Usage { input_tokens, output_tokens, cost_microusd });
        survives(&Outcome { job_id, token, run_id, worker, result, usage, duration_ms, ..Default::default() })?;
    }

    #[test]
    fn events_survive((id, sequence, state, message) in (text(), any::<u64>(), text(), text()), time in moment(), metadata in proptest::collection::btree_map(text(), text(), 0..4), at_rest: bool) {
        survives(&Event { id, sequence, state, message, time, metadata, at_rest, ..Default::default() })?;
    }

    #[test]
    fn presence_survives(worker in text(), uptime_ms: u64, jobs in proptest::collection::vec((text(), any::<u64>(), any::<u64>()), 0..4), draining: bool) {
        let jobs = jobs.into_iter().map(|(job_id, token, running_ms)| ListedJob { job_id, token, running_ms, ..Default::default() }).collect();
        survives(&WorkerPresence { worker, uptime_ms, jobs, draining, agents: Vec::new(), version: "1".to_owned() })?;
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _outcome = from_json::<Outcome>(&bytes, MAX);
    }
}
