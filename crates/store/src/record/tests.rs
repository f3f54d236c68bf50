use std::time::Duration;

use engine::{
    event::{Kind, LoopEnd},
    recovery::Strategy,
    review::{Decision, End, Review, Verdict},
    run::{Phase, Step, StepResult},
    schedule::Score,
};
use model::{
    AgentKind, CampaignId, ContentHash, ErrorClass, Failure, JobId, RunStatus, StepName, Timestamp,
    fact::{Fact, Facts},
    usage::Usage,
};
use proptest::{
    collection, option,
    prelude::{Strategy as _, *},
};

use super::*;
use crate::port::Birth;

fn step(name: &str) -> StepName {
    StepName::new(name).expect("a token")
}

fn agent() -> AgentKind {
    AgentKind::new("copy").expect("a token")
}

fn job(n: u8) -> JobId {
    JobId::new(format!("{n:032x}")).expect("32 digits")
}

fn usage() -> Usage {
    Usage {
        input_tokens: 1,
        output_tokens: 2,
        cost_microusd: 3,
    }
}

fn facts() -> Facts {
    [
        (
            "keys".to_owned(),
            Fact::Keys(vec!["a".to_owned(), "b".to_owned()]),
        ),
        ("none".to_owned(), Fact::Keys(Vec::new())),
        ("score".to_owned(), Fact::Number(0.1 + 0.2)),
        ("text".to_owned(), Fact::Text("1".to_owned())),
        ("yes".to_owned(), Fact::Bool(true)),
    ]
    .into()
}

fn failure() -> Failure {
    Failure::new(ErrorClass::RateLimited, "slow down")
        .retry_after(Some(Duration::from_millis(1_500)))
}

/// One event of every kind.
fn every_kind() -> Vec<Event> {
    let hash = ContentHash::of(b"x");
    let kinds = vec![
        Kind::Submitted {
            deadline: Some(Timestamp(9)),
            by: "mia".to_owned(),
        },
        Kind::StepStarted {
            step: step("copy"),
            agent: agent(),
            job: job(1),
            token: 1,
            attempt: 1,
            revision: 1,
            score: Score {
                weight: 1,
                behind: 4,
                attempts: 2,
            },
        },
        Kind::StepSkipped {
            step: step("short_copy"),
            condition: "input.wants.short_copy".to_owned(),
        },
        Kind::StepRetrying {
            step: step("copy"),
            job: job(1),
            token: 1,
            attempt: 1,
            failure: failure(),
            usage: Usage::default(),
            at: Timestamp(5),
            strategy: None,
        },
        Kind::JobRedriven {
            step: step("copy"),
            job: job(2),
            token: 3,
            lost: 1,
        },
        Kind::StepFinished {
            step: step("copy"),
            agent: agent(),
            job: job(2),
            token: 3,
            attempt: 2,
            version: 1,
            hash: hash.clone(),
            facts: facts(),
            usage: usage(),
            duration_ms: 12,
        },
        Kind::StepFailed {
            step: step("audit"),
            job: Some((job(3), 4)),
            attempt: 1,
            failure: Failure::new(ErrorClass::Internal, "defect"),
            usage: usage(),
        },
        Kind::OutcomeLate {
            job: job(2),
            token: 2,
            usage: usage(),
        },
        Kind::MilestoneReached {
            milestone: "generation_complete".to_owned(),
        },
        Kind::Ended {
            status: RunStatus::PartiallyCompleted,
        },
        Kind::Reopened {
            step: step("copy"),
            note: Some(hash.clone()),
            by: "mia".to_owned(),
            through: vec![step("short_copy")],
        },
        Kind::Cancelled {
            reason: "enough".to_owned(),
            by: "mia".to_owned(),
        },
        Kind::FannedOut {
            step: step("items"),
            keys: vec!["a".to_owned(), "ü".to_owned()],
        },
        Kind::StepRetrying {
            step: step("items.1"),
            job: job(4),
            token: 5,
            attempt: 1,
            failure: Failure::new(ErrorClass::Schema, "no JSON"),
            usage: usage(),
            at: Timestamp(6),
            strategy: Some(Strategy::Repair),
        },
        Kind::Gathered {
            step: step("items"),
            done: 1,
            failed: 1,
        },
        Kind::LoopRepeated {
            step: step("improve"),
            pass: 2,
            value: Some(0.5),
        },
        Kind::LoopEnded {
            step: step("improve"),
            passes: 2,
            reason: LoopEnd::Plateau,
        },
        Kind::StepEdited {
            step: step("copy"),
            version: 2,
            hash: hash.clone(),
            by: "mia".to_owned(),
        },
        Kind::ReviewAsked {
            step: step("sign_off"),
            subject: hash.clone(),
            of: vec![(step("copy"), 2)],
            role: "approver".to_owned(),
            approvals: 2,
            deadline: Some(Timestamp(8)),
        },
        Kind::ReviewDecided {
            step: step("sign_off"),
            subject: hash.clone(),
            verdict: Verdict::Approve,
            by: "ben".to_owned(),
            note: Some(hash.clone()),
        },
        Kind::ReviewEscalated {
            step: step("sign_off"),
            role: "admin".to_owned(),
        },
        Kind::ReviewEnded {
            step: step("sign_off"),
            subject: hash,
            end: End::RejectedByDeadline,
        },
        Kind::Paused {
            reason: "holiday".to_owned(),
            by: "mia".to_owned(),
            step: Some(step("copy")),
        },
        Kind::Resumed {
            by: "mia".to_owned(),
        },
    ];
    (1..)
        .zip(kinds)
        .map(|(sequence, kind)| Event {
            sequence,
            time: Timestamp(1_700_000_000_000 + sequence as i64),
            state: "queued".to_owned(),
            kind,
        })
        .collect()
}

/// A run with a step in every phase.
fn every_phase() -> Run {
    let phases = [
        Phase::Waiting,
        Phase::Running {
            job: job(1),
            token: 1,
            lost: 2,
            since: Timestamp(3),
        },
        Phase::Backoff {
            until: Timestamp(4),
        },
        Phase::Done,
        Phase::Skipped,
        Phase::Failed,
        Phase::Fanned,
        Phase::Reviewing,
    ];
    let steps = phases.into_iter().enumerate().map(|(n, phase)| {
        let full = n % 2 == 1;
        let state = Step {
            revision: 1,
            attempt: n as u32,
            phase,
            result: full.then(|| StepResult {
                version: 1,
                hash: ContentHash::of(b"x"),
                facts: facts(),
            }),
            failure: full.then(|| (failure(), Timestamp(5))),
            recovered: (n == 3).then(|| (failure(), Timestamp(4))),
            note: full.then(|| ContentHash::of(b"note")),
            usage: if full { usage() } else { Usage::default() },
            review: (n == 7).then(|| Review {
                subject: ContentHash::of(b"x"),
                of: vec![(step("copy"), 2)],
                role: "approver".to_owned(),
                approvals: 2,
                since: Timestamp(3),
                deadline: Some(Timestamp(8)),
                decisions: vec![Decision {
                    by: "ben".to_owned(),
                    verdict: Verdict::Approve,
                    at: Timestamp(4),
                    note: None,
                }],
                end: None,
            }),
            started: full.then_some(Timestamp(6)),
            ended: None,
            duration_ms: 7,
            versions: n as u32 % 2,
            kept: n == 3,
            pass: 1 + n as u32 % 2,
            agent: full.then(agent),
            key: full.then(|| "ü".to_owned()),
            items: n as u32 % 2,
            strategy: full.then_some(Strategy::FallbackAgent),
            failed_strategies: full.then_some((Strategy::Repair, 2)).into_iter().collect(),
            fallbacks: n as u32 % 2,
            longer: n as u32 % 2,
            plateau: full.then_some((0.5, 1)),
        };
        (step(&format!("step{n}")), state)
    });
    Run {
        by: "mia".to_owned(),
        paused: None,
        held_since: None,
        tenant: tenant(),
        id: run_id(),
        input: Arc::new(serde_json::Value::Null),
        sequence: 12,
        time: Timestamp(20),
        submitted: Timestamp(10),
        deadline: Some(Timestamp(30)),
        status: RunStatus::Failed,
        state: "failed".to_owned(),
        ended: Some(Timestamp(20)),
        issued: [(1, job(1)), (2, job(2)), (11, job(3))].into(),
        settled: [2, 11].into(),
        steps: steps.collect(),
        milestones: ["generation_complete".to_owned()].into(),
        usage: usage(),
    }
}

fn tenant() -> TenantId {
    TenantId::new("acme").expect("a token")
}

fn run_id() -> RunId {
    RunId::new("r1").expect("a token")
}

fn provenance() -> Provenance {
    Provenance {
        agent: "copy".to_owned(),
        model: "offline".to_owned(),
        prompt_version: "3".to_owned(),
        worker: "w1".to_owned(),
        usage: usage(),
        duration_ms: 9,
    }
}

const EVENTS: &str = include_str!("../../tests/golden/events.v1.json");
const RUN: &str = include_str!("../../tests/golden/run.v1.json");
const PROVENANCE: &str = include_str!("../../tests/golden/provenance.v1.json");

/// What was written once is read for ever; the files never change.
#[test]
fn version_1_is_read_as_it_was_written() {
    assert_eq!(decode_events(EVENTS), Ok(every_kind()));
    let input = Arc::new(serde_json::Value::Null);
    assert_eq!(
        decode_run(RUN, tenant(), run_id(), input),
        Ok(every_phase())
    );
    assert_eq!(decode_provenance(PROVENANCE), Ok(provenance()));
}

#[test]
fn version_1_is_what_is_written() {
    assert_eq!(encode_events(&every_kind()), EVENTS.trim_end());
    assert_eq!(encode_run(&every_phase()), RUN.trim_end());
    assert_eq!(encode_provenance(&provenance()), PROVENANCE.trim_end());
}

#[test]
fn a_record_of_another_version_or_none_is_named() {
    for (text, why) in [
        (r#"{"v":2,"events":[]}"#, "version 2"),
        (r#"{"events":[]}"#, "missing field `v`"),
        (r#"{"v":1}"#, "missing field `events`"),
        ("", "EOF"),
    ] {
        let error = decode_events(text).expect_err(text).to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
    let deep = "[".repeat(100_000);
    assert!(decode_events(&deep).is_err());
    assert!(decode_provenance("{}").is_err());
}

#[test]
fn a_number_that_json_lacks_comes_back_as_nan() {
    let mut events = every_kind();
    for number in [f64::NAN, f64::INFINITY] {
        if let Kind::StepFinished { facts, .. } = &mut events[5].kind {
            facts.insert("score".to_owned(), Fact::Number(number));
        }
        let read = decode_events(&encode_events(&events)).expect("reads");
        let Kind::StepFinished { facts, .. } = &read[5].kind else {
            panic!("{read:?}");
        };
        assert!(matches!(facts["score"], Fact::Number(read) if read.is_nan()));
    }
}

fn stored(events: Vec<Event>, version: u64) -> StoredRun {
    StoredRun {
        birth: Birth {
            workflow: "campaign".to_owned(),
            mode: "parallel".to_owned(),
            workflow_version: 1,
            plan: ContentHash::of(b"plan"),
            input: ContentHash::of(b"{}"),
            campaign: CampaignId::new("c1").expect("a token"),
            title: String::new(),
            idempotency_key: None,
            correlation_id: String::new(),
            traceparent: String::new(),
            priority: 3,
            submitted: Timestamp(0),
        },
        version,
        snapshot: None,
        events,
        input: "{}".to_owned(),
    }
}

#[test]
fn a_history_with_a_hole_is_no_run() {
    let plan = workflow::builtin::find("campaign", "parallel").expect("built in");
    let events = every_kind();
    let fold = |stored: &StoredRun| fold(stored, &tenant(), &run_id(), plan);
    let count = events.len() as u64;
    assert!(fold(&stored(events.clone(), count)).is_ok());
    let mut hole = events.clone();
    hole.remove(3);
    let error = fold(&stored(hole, count)).expect_err("a hole").to_string();
    assert!(error.contains("5 follows 3"), "{error}");
    let error = fold(&stored(events[..11].to_vec(), 12))
        .expect_err("short")
        .to_string();
    assert!(error.contains("end at 11 of 12"), "{error}");
    let mut bad = stored(events, 12);
    bad.input = "{".to_owned();
    assert!(fold(&bad).is_err());
}

fn any_fact() -> impl proptest::strategy::Strategy<Value = Fact> {
    prop_oneof![
        any::<bool>().prop_map(Fact::Bool),
        (proptest::num::f64::NORMAL | proptest::num::f64::ZERO | proptest::num::f64::SUBNORMAL)
            .prop_map(Fact::Number),
        any::<String>().prop_map(Fact::Text),
        collection::vec(any::<String>(), 0..4).prop_map(Fact::Keys),
    ]
}

fn any_usage() -> impl proptest::strategy::Strategy<Value = Usage> {
    any::<(u64, u64, u64)>().prop_map(|(input_tokens, output_tokens, cost_microusd)| Usage {
        input_tokens,
        output_tokens,
        cost_microusd,
    })
}

fn any_failure() -> impl proptest::strategy::Strategy<Value = Failure> {
    let class = prop::sample::select(vec![
        ErrorClass::Network,
        ErrorClass::Policy,
        ErrorClass::Parked,
    ]);
    (class, any::<String>(), option::of(any::<Duration>()))
        .prop_map(|(class, message, wait)| Failure::new(class, message).retry_after(wait))
}

prop_compose! {
    fn any_finished()(
        token in any::<u64>(),
        facts in collection::btree_map(any::<String>(), any_fact(), 0..5),
        usage in any_usage(),
        duration_ms in any::<u64>(),
    ) -> Kind {
        Kind::StepFinished {
            step: step("copy"), agent: agent(), job: job(1), token, attempt: 1, version: 1,
            hash: ContentHash::of(b"x"), facts, usage, duration_ms,
        }
    }
}

prop_compose! {
    fn any_failed()(
        job in option::of((any::<u8>().prop_map(job), any::<u64>())),
        failure in any_failure(),
        usage in any_usage(),
    ) -> Kind {
        Kind::StepFailed { step: step("copy"), job, attempt: 1, failure, usage }
    }
}

fn any_event() -> impl proptest::strategy::Strategy<Value = Event> {
    let kind = prop_oneof![
        any_finished(),
        any_failed(),
        (any::<String>(), any::<String>()).prop_map(|(reason, by)| Kind::Cancelled { reason, by }),
        option::of(any::<i64>()).prop_map(|at| Kind::Submitted {
            deadline: at.map(Timestamp),
            by: "mia".to_owned(),
        }),
    ];
    (any::<u64>(), any::<i64>(), any::<String>(), kind).prop_map(|(sequence, time, state, kind)| {
        Event {
            sequence,
            time: Timestamp(time),
            state,
            kind,
        }
    })
}

proptest! {
    #[test]
    fn events_come_back_as_they_were(events in collection::vec(any_event(), 0..6)) {
        prop_assert_eq!(decode_events(&encode_events(&events)), Ok(events));
    }

    #[test]
    fn runs_come_back_as_they_were(
        events in collection::vec(any_event(), 0..20),
        issued in collection::btree_map(any::<u64>(), any::<u8>().prop_map(job), 0..9),
    ) {
        let plan = workflow::builtin::find("campaign", "parallel").expect("built in");
        let input = Arc::new(serde_json::Value::Null);
        let mut run = Run::new(tenant(), run_id(), input.clone(), plan);
        for event in &events {
            engine::apply(plan, &mut run, event);
        }
        run.issued.extend(issued);
        prop_assert_eq!(decode_run(&encode_run(&run), tenant(), run_id(), input), Ok(run));
    }

    #[test]
    fn nothing_read_panics(text in any::<String>()) {
        prop_assert!(decode_events(&text).is_err());
        prop_assert!(decode_provenance(&text).is_err());
    }
}
