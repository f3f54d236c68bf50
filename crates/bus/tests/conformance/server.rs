//! What must hold between this crate and a server: its version, its rights, its configuration.

use std::{io, time::Duration};

use bus::{
    Bus, BusError, Nats, Subject,
    limits::{MAX_AGE, MAX_MESSAGE_BYTES, OUTCOME_ACK_WAIT, PULL_EXPIRES},
    nats::{Options, Role},
    port::From,
};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::kit::{
    connect, event, job, kind, next, options, outcome, publish, publish_at_last, run, take, tenant,
    within,
};

/// Calls the server behind this crate's back.
pub(crate) async fn api(url: &str, subject: &str, request: Value) -> Value {
    let client = async_nats::connect(url).await.expect("a connection");
    let answer = client
        .request(format!("$JS.API.{subject}"), request.to_string().into())
        .await
        .expect("an answer");
    serde_json::from_slice(&answer.payload).expect("JSON")
}

/// Waits until no request for jobs stands at the consumer of `copy`.
pub(crate) async fn until_nobody_asks(url: &str) {
    within(async {
        let subject = "CONSUMER.INFO.JOBS.jobs-copy";
        while api(url, subject, json!({})).await["num_waiting"] != 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Greets as a server of this version, and answers only pings.
async fn old_server(version: &'static str) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let serve = move |mut stream: TcpStream| async move {
        let info = json!({
            "server_id": "old", "version": version, "proto": 1, "host": "127.0.0.1", "port": port,
            "max_payload": 1_048_576, "headers": true, "jetstream": true,
        });
        let (reader, mut writer) = stream.split();
        writer
            .write_all(format!("INFO {info}\r\n").as_bytes())
            .await?;
        let mut lines = BufReader::new(reader).lines();
        while let Some(line) = lines.next_line().await? {
            if line.starts_with("PING") {
                writer.write_all(b"PONG\r\n").await?;
            }
        }
        io::Result::Ok(())
    };
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    Ok(format!("nats://127.0.0.1:{port}"))
}

#[tokio::test]
async fn an_old_server_is_refused() {
    let url = old_server("2.9.10").await.expect("a listener");
    let refused = within(Nats::connect(&options(&url))).await.map(|_| ());
    let Err(BusError::Unusable(text)) = refused else {
        panic!("{refused:?}");
    };
    assert!(text.contains("2.9.10") && text.contains("2.12"), "{text}");
}

#[tokio::test]
async fn no_server_is_unavailable() {
    let port = rig::free_port().expect("a port");
    let url = format!("nats://127.0.0.1:{port}");
    let answer = within(Nats::connect(&options(&url))).await.map(|_| ());
    assert!(
        matches!(answer, Err(BusError::Unavailable(_))),
        "{answer:?}"
    );
}

#[tokio::test]
async fn streams_are_as_asked_for_and_another_configuration_is_refused() {
    let server = rig::Nats::own().await.expect("a server");
    connect(server.url()).await;
    connect(server.url()).await;
    let info = api(server.url(), "STREAM.INFO.JOBS", json!({})).await;
    let config = &info["config"];
    assert_eq!(config["retention"], "workqueue");
    assert_eq!(config["discard"], "new");
    assert_eq!(config["max_msg_size"], MAX_MESSAGE_BYTES);
    assert_eq!(config["max_age"], MAX_AGE.as_secs() * 1_000_000_000);
    let mut other = config.clone();
    other["max_bytes"] = json!(4_096);
    let updated = api(server.url(), "STREAM.UPDATE.JOBS", other).await;
    assert!(updated["error"].is_null(), "{updated}");
    let refused = Nats::connect(&options(server.url())).await.map(|_| ());
    let Err(BusError::Unusable(text)) = refused else {
        panic!("{refused:?}");
    };
    assert!(
        text.contains("JOBS") && text.contains("max_bytes"),
        "{text}"
    );
}

#[tokio::test]
async fn a_foreign_consumer_is_refused() {
    let server = rig::Nats::own().await.expect("a server");
    let bus = connect(server.url()).await;
    let config = json!({ "stream_name": "JOBS", "config": {
        "durable_name": "jobs-copy", "filter_subject": "jobs.copy.*", "ack_policy": "explicit",
        "deliver_policy": "all", "deliver_subject": "elsewhere",
    }});
    let made = api(
        server.url(),
        "CONSUMER.CREATE.JOBS.jobs-copy.jobs.copy.*",
        config,
    )
    .await;
    assert!(made["error"].is_null(), "{made}");
    let refused = bus.pull(&Subject::jobs_of(&kind("copy"))).await.map(|_| ());
    assert!(refused.is_err(), "a push consumer was taken");
}

#[tokio::test]
async fn a_full_queue_takes_nothing_new_until_something_is_acked() {
    let server = rig::Nats::own().await.expect("a server");
    let bus = connect(server.url()).await;
    let info = api(server.url(), "STREAM.INFO.JOBS", json!({})).await;
    let mut small = info["config"].clone();
    small["max_bytes"] = json!(4_096);
    api(server.url(), "STREAM.UPDATE.JOBS", small).await;
    let answers = bus.publish((0..50).map(|n| job("copy", n)).collect()).await;
    let taken = answers.iter().take_while(|answer| answer.is_ok()).count();
    assert!((1..50).contains(&taken), "{taken}");
    for answer in &answers[taken..] {
        assert!(
            matches!(answer, Err(BusError::Unavailable(_))),
            "{answer:?}"
        );
    }
    let mut pull = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    take(&mut pull, taken).await;
    publish_at_last(&bus, vec![job("copy", 49)]).await;
    assert_eq!(take(&mut pull, 1).await, ["job-copy-49"]);
}

#[tokio::test]
async fn a_queue_never_runs_empty_for_its_server() {
    let server = rig::Nats::own().await.expect("a server");
    let bus = connect(server.url()).await;
    // Who connects later lays no second one.
    connect(server.url()).await;
    publish_at_last(&bus, vec![job("copy", 1)]).await;
    let mut pull = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    assert_eq!(take(&mut pull, 1).await, ["job-copy-1"]);
    let left = json!({ "jobs.anchor": 1 });
    within(async {
        loop {
            let request = json!({ "subjects_filter": ">" });
            let info = api(server.url(), "STREAM.INFO.JOBS", request).await;
            if info["state"]["subjects"] == left {
                return;
            }
        }
    })
    .await;
}

const SEED: &str = "SUAFHFZINB6FPLADODA7ZF3G4D443BR33C3AAO45XLLJW2ZG663YT4G66Q";
const BOSS_SEED: &str = "SUAD4PJDKTRMUY2BLZMIVMUVLKJR4VHXMM2YY352JA7AXRKGMXBEQ2KQAE";
const BOSS: &str = "UD7E73AVVV66J2PJV7R25EGXOF57B7CAWMHG5EHNXOEDJBV5ARFFFGOM";
const USER: &str = "UDDJICME3MTKRDFQ2HKE6X52DF6FZWUKKYK3YDGEWDFK3IA7HCWCDLI2";

/// Rights of a worker that hosts the agent `copy`, besides those of whoever makes the streams.
fn users() -> String {
    format!(
        r#"accounts {{ APP {{ jetstream: enabled, users: [
            {{ nkey: {BOSS} }},
            {{ nkey: {USER}, permissions {{
                publish: [
                    "$JS.API.STREAM.INFO.*", "$JS.API.CONSUMER.CREATE.JOBS.jobs-copy.jobs.copy.*",
                    "$JS.API.CONSUMER.INFO.JOBS.jobs-copy", "$JS.API.CONSUMER.MSG.NEXT.JOBS.jobs-copy",
                    "$JS.API.DIRECT.GET.JOBS.jobs.copy.*", "$JS.ACK.JOBS.jobs-copy.>",
                    "outcomes.>", "presence.worker", "live.>", "_INBOX_worker.>"
                ],
                subscribe: ["_INBOX_worker.>", "cancelled"]
            }} }}
        ] }} }}"#
    )
}

#[tokio::test]
async fn a_worker_needs_no_more_than_its_rights_and_a_violation_is_counted() {
    let server = rig::Nats::with_config(&users()).await.expect("a server");
    let boss = Options {
        nkey_seed: Some(BOSS_SEED.to_owned()),
        ..options(server.url())
    };
    let boss = Nats::connect(&boss).await.expect("a connection");
    let worker = Options {
        nkey_seed: Some(SEED.to_owned()),
        inbox_prefix: Some("_INBOX_worker".to_owned()),
        role: Some(Role::AgentWorker),
        ..options(server.url())
    };
    assert!(!format!("{worker:?}").contains(SEED));
    let worker = Nats::connect(&worker).await.expect("a connection");
    let mut cancelled = worker
        .listen(&Subject::cancelled())
        .await
        .expect("listening");
    publish(&boss, vec![job("copy", 1)]).await;
    let mut pull = worker
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("its queue");
    assert_eq!(take(&mut pull, 1).await, ["job-copy-1"]);
    publish(&worker, vec![outcome(1, 1)]).await;
    boss.broadcast(&Subject::cancelled(), Bytes::from_static(b"x"))
        .await
        .expect("sent");
    assert!(within(cancelled.next()).await.is_some());
    let live = Subject::live(&tenant("a"), &run("r"));
    let mut viewer = boss.listen(&live).await.expect("listening");
    worker
        .broadcast(&live, Bytes::from_static(b"text"))
        .await
        .expect("sent");
    assert!(within(viewer.next()).await.is_some());
    assert_eq!(worker.violations(), 0);

    let (other, all) = (Subject::jobs_of(&kind("other")), Subject::all_events());
    let (forged, foreign, spied) = tokio::join!(
        worker.publish(vec![job("copy", 2)]),
        worker.pull(&other),
        worker.events(&all, From::Now),
    );
    for answer in [
        forged.into_iter().next().expect("an answer"),
        foreign.map(|_| ()),
        spied.map(|_| ()),
    ] {
        assert!(
            matches!(answer, Err(BusError::Unavailable(_))),
            "{answer:?}"
        );
    }
    assert!(worker.violations() >= 3, "{}", worker.violations());

    let stranger = Nats::connect(&options(server.url())).await.map(|_| ());
    assert!(
        matches!(stranger, Err(BusError::Unusable(_))),
        "{stranger:?}"
    );
    let malformed = Options {
        nkey_seed: Some("SUNOTASEED".to_owned()),
        ..options(server.url())
    };
    assert!(Nats::connect(&malformed).await.is_err());
}

#[tokio::test]
async fn listening_has_begun_when_it_returns() {
    let server = rig::Nats::own().await.expect("a server");
    let (one, two) = (connect(server.url()).await, connect(server.url()).await);
    for round in 0..100 {
        let mut listener = one.listen(&Subject::heads()).await.expect("listening");
        two.broadcast(&Subject::heads(), Bytes::from(vec![round]))
            .await
            .expect("sent");
        let (_, body) = within(listener.next()).await.expect("open");
        assert_eq!(body, vec![round]);
    }
    let mut feed = one
        .events(&Subject::all_events(), From::Now)
        .await
        .expect("a feed");
    publish(&two, vec![event("a", "r", 1)]).await;
    assert_eq!(
        within(feed.next()).await.expect("an event").1.id,
        "event-a-r-1"
    );
}

/// A worker that has what it wants gets nothing more, so that others do.
#[tokio::test]
async fn who_stops_asking_soon_holds_nothing_back() {
    let server = rig::Nats::own().await.expect("a server");
    let bus = connect(server.url()).await;
    let queue = Subject::jobs_of(&kind("copy"));
    let mut busy = bus.pull(&queue).await.expect("a queue");
    publish(&bus, vec![job("copy", 0)]).await;
    assert_eq!(next(&mut busy, 8).await.len(), 1);
    // Its request for seven more still stands, until the server ends it.
    until_nobody_asks(server.url()).await;
    publish(&bus, vec![job("copy", 1)]).await;
    let mut idle = bus.pull(&queue).await.expect("a queue");
    let started = tokio::time::Instant::now();
    assert_eq!(take(&mut idle, 1).await, ["job-copy-1"]);
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "it was held back"
    );
}

#[tokio::test]
async fn who_comes_back_late_does_not_get_what_went_to_another() {
    let server = rig::Nats::own().await.expect("a server");
    let bus = connect(server.url()).await;
    let queue = Subject::outcomes_of(4);
    let mut late = bus.pull(&queue).await.expect("a queue");
    publish(&bus, vec![outcome(4, 1)]).await;
    let first = next(&mut late, 5).await.remove(0);
    first.ack().await.expect("acked");
    // Of five asked for it got one; the next goes to its request, and it does not look.
    publish(&bus, vec![outcome(4, 2)]).await;
    let mut other = bus.pull(&queue).await.expect("a queue");
    let started = tokio::time::Instant::now();
    while started.elapsed() < PULL_EXPIRES + OUTCOME_ACK_WAIT {
        let again = next(&mut other, 1).await;
        assert_eq!(again[0].envelope().id, "outcome-4-2");
    }
    take(&mut other, 1).await;
    drop(other);
    publish(&bus, vec![outcome(4, 3)]).await;
    assert_eq!(take(&mut late, 1).await, ["outcome-4-3"]);
}
