//! Faults of a server: each heals without anyone's help.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bus::{
    Bus, BusError, Nats, Subject,
    port::{EventFeed, From},
};
use bytes::Bytes;
use futures::FutureExt;
use serde_json::json;

use crate::{
    kit::{
        connect, event, job, kind, outcome, publish, publish_at_last, take, until_holds, within,
    },
    server::{api, until_nobody_asks},
};

/// The ids of the next events, errors of a bus that is away skipped.
async fn follow(feed: &mut Box<dyn EventFeed>, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    within(async {
        while ids.len() < count {
            match feed.next().await {
                Ok((_, envelope)) => ids.push(envelope.id),
                Err(BusError::Unavailable(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
    })
    .await;
    ids
}

async fn until_lost(bus: &Nats, before: u64) {
    within(async {
        while bus.reconnects() == before {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Everything goes on over a restart, with what the server kept or without it.
async fn goes_on(wiped: bool) {
    let mut server = rig::Nats::own().await.expect("a server");
    let bus = connect(server.url()).await;
    let mut jobs = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    let mut outcomes = bus.pull(&Subject::outcomes_of(7)).await.expect("a queue");
    let mut feed = bus
        .events(&Subject::all_events(), From::Now)
        .await
        .expect("a feed");
    let mut idle_feed = bus
        .events(&Subject::all_events(), From::Now)
        .await
        .expect("a feed");
    let mut heads = bus.listen(&Subject::heads()).await.expect("listening");
    publish(&bus, vec![job("copy", 1), outcome(7, 1)]).await;
    publish(&bus, (1..=20).map(|n| event("a", "r", n)).collect()).await;
    take(&mut jobs, 1).await;
    take(&mut outcomes, 1).await;
    follow(&mut feed, 20).await;
    assert_eq!(bus.reconnects(), 0);

    server.kill9().await.expect("killed");
    until_lost(&bus, 0).await;
    let lost = bus.publish(vec![outcome(7, 2)]).await;
    assert!(
        matches!(lost[..], [Err(BusError::Unavailable(_))]),
        "{lost:?}"
    );
    if wiped {
        server.wipe().expect("wiped");
    }
    // These wait while the server is away, and see it come back.
    let waiting = tokio::spawn(async move {
        let ids = take_past(&mut jobs, "job-copy-2").await;
        (jobs, ids)
    });
    server.restart().await.expect("started");
    publish_at_last(
        &bus,
        vec![job("copy", 2), outcome(7, 3), event("a", "r", 21)],
    )
    .await;
    within(waiting).await.expect("no panic");
    take_past(&mut outcomes, "outcome-7-3").await;
    assert_eq!(follow(&mut feed, 1).await, ["event-a-r-21"]);
    let (first, count) = if wiped { (21, 1) } else { (1, 21) };
    let seen = follow(&mut idle_feed, count).await;
    assert_eq!(seen[0], format!("event-a-r-{first}"));
    assert_eq!(bus.reconnects(), 1);
    within(async {
        bus.broadcast(&Subject::heads(), Bytes::from_static(b"back"))
            .await
            .expect("sent");
        let (_, body) = heads.next().await.expect("open");
        assert_eq!(body, "back");
    })
    .await;
}

/// Takes until a message comes; a killed server may give again what was acked before.
async fn take_past(pull: &mut Box<dyn bus::port::Pull>, id: &str) {
    while take(pull, 1).await != [id] {}
}

#[tokio::test]
async fn a_killed_server_that_comes_back_is_used_again() {
    goes_on(false).await;
}

#[tokio::test]
async fn a_server_that_lost_everything_is_used_again() {
    goes_on(true).await;
}

#[tokio::test]
async fn a_deleted_stream_is_made_again() {
    let server = rig::Nats::own().await.expect("a server");
    let bus = connect(server.url()).await;
    let mut pull = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    let mut feed = bus
        .events(&Subject::all_events(), From::Now)
        .await
        .expect("a feed");
    publish(&bus, (1..=5).map(|n| event("a", "r", n)).collect()).await;
    follow(&mut feed, 5).await;
    for stream in ["JOBS", "EVENTS"] {
        api(server.url(), &format!("STREAM.DELETE.{stream}"), json!({})).await;
    }
    // Many at once find it missing.
    publish(&bus, (0..200).map(|n| job("copy", n)).collect()).await;
    assert_eq!(take(&mut pull, 200).await.len(), 200);
    // What comes before the feed has noticed is kept for it: the new log is shorter than the old.
    publish(&bus, (6..=9).map(|n| event("a", "r", n)).collect()).await;
    let kept = ["event-a-r-6", "event-a-r-7", "event-a-r-8", "event-a-r-9"];
    assert_eq!(follow(&mut feed, 4).await, kept);

    for stream in ["JOBS", "OUTCOMES"] {
        api(server.url(), &format!("STREAM.DELETE.{stream}"), json!({})).await;
    }
    assert_eq!(bus.holds(&job("copy", 1).subject).await, Ok(false));
    bus.purge(&outcome(1, 1).subject)
        .await
        .expect("nothing to purge");
}

#[tokio::test]
async fn a_deleted_consumer_is_made_again() {
    let server = rig::Nats::own().await.expect("a server");
    let bus = connect(server.url()).await;
    let queue = Subject::jobs_of(&kind("copy"));
    let mut waiting = bus.pull(&queue).await.expect("a queue");
    let waiting = tokio::spawn(async move { take(&mut waiting, 1).await });
    let mut later = bus.pull(&queue).await.expect("a queue");
    let info = within(async {
        loop {
            let info = api(server.url(), "CONSUMER.INFO.JOBS.jobs-copy", json!({})).await;
            if info["num_waiting"] == 1 {
                return info;
            }
        }
    })
    .await;
    assert_eq!(info["config"]["max_ack_pending"], 8_192);
    api(server.url(), "CONSUMER.DELETE.JOBS.jobs-copy", json!({})).await;
    publish(&bus, vec![job("copy", 1)]).await;
    assert_eq!(within(waiting).await.expect("no panic"), ["job-copy-1"]);

    api(server.url(), "CONSUMER.DELETE.JOBS.jobs-copy", json!({})).await;
    publish(&bus, vec![job("copy", 2)]).await;
    assert_eq!(take(&mut later, 1).await, ["job-copy-2"]);
}

/// Reliability M8. New servers notice at their start that a consumer is ahead of its stream, so this one
/// is moved past what is there, which ends the same: messages in the stream that it will never deliver.
#[tokio::test]
async fn a_deaf_consumer_is_made_again() {
    let server = rig::Nats::own().await.expect("a server");
    let bus = connect(server.url()).await;
    let queue = Subject::jobs_of(&kind("copy"));
    let mut pull = bus.pull(&queue).await.expect("a queue");
    publish(&bus, vec![job("copy", 0)]).await;
    take(&mut pull, 1).await;
    publish(&bus, (1..=20).map(|n| job("copy", n)).collect()).await;
    let subject = "CONSUMER.RESET.JOBS.jobs-copy";
    let moved = api(server.url(), subject, json!({ "seq": 16 })).await;
    assert!(moved["error"].is_null(), "{moved}");
    let first = take(&mut pull, 1).await;
    assert_ne!(first, ["job-copy-1"], "the fault did not take");
    take_past(&mut pull, "job-copy-1").await;

    // Deaf for all that is there.
    while bus.holds(&queue).await != Ok(false) {
        if let Some(batch) = pull.next(20).now_or_never() {
            for delivery in batch.expect("messages") {
                delivery.ack().await.expect("acked");
            }
        }
    }
    until_nobody_asks(server.url()).await;
    publish(&bus, (21..=25).map(|n| job("copy", n)).collect()).await;
    let moved = api(server.url(), subject, json!({ "seq": 1_000 })).await;
    assert!(moved["error"].is_null(), "{moved}");
    assert_eq!(moved["num_pending"], 0, "the fault did not take");
    take_past(&mut pull, "job-copy-25").await;
}

/// Whatever keeps a consumer from delivering while messages wait and we ask: here it is paused.
#[tokio::test]
async fn a_silent_consumer_is_made_again() {
    let server = rig::Nats::own().await.expect("a server");
    let bus = connect(server.url()).await;
    let queue = Subject::jobs_of(&kind("copy"));
    let mut pull = bus.pull(&queue).await.expect("a queue");
    publish(&bus, vec![job("copy", 0)]).await;
    take(&mut pull, 1).await;
    until_holds(&bus, &queue, false).await;
    until_nobody_asks(server.url()).await;
    let subject = "CONSUMER.PAUSE.JOBS.jobs-copy";
    let paused = api(
        server.url(),
        subject,
        json!({ "pause_until": "2100-01-01T00:00:00Z" }),
    )
    .await;
    assert_eq!(paused["paused"], true, "the fault did not take: {paused}");
    publish(&bus, vec![job("copy", 1)]).await;
    take_past(&mut pull, "job-copy-1").await;
}

/// The stream's files lose their tail, as after a loss of power.
#[tokio::test]
async fn a_stream_that_lost_its_tail_is_used_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("streams");
    let config = format!("jetstream {{ store_dir: {store:?} }}");
    let mut server = rig::Nats::with_config(&config).await.expect("a server");
    let bus = connect(server.url()).await;
    let mut pull = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    publish(&bus, (0..50).map(|n| job("copy", n)).collect()).await;
    take(&mut pull, 50).await;
    until_holds(&bus, &job("copy", 49).subject, false).await;
    server.kill9().await.expect("killed");
    let stream = store.join("jetstream/$G/streams/JOBS");
    let (messages, old) = (stream.join("msgs"), folder.path().join("old"));
    copy(&messages, &old);

    server.restart().await.expect("started");
    publish_at_last(&bus, (50..90).map(|n| job("copy", n)).collect()).await;
    take_past(&mut pull, "job-copy-89").await;
    drop(pull);
    server.kill9().await.expect("killed");
    fs::remove_dir_all(&messages).expect("removed");
    copy(&old, &messages);
    server.restart().await.expect("started");

    publish_at_last(&bus, (100..110).map(|n| job("copy", n)).collect()).await;
    let info = api(server.url(), "STREAM.INFO.JOBS", json!({})).await;
    // The anchor, and what was published before and after the loss.
    assert_eq!(
        info["state"]["last_seq"], 61,
        "the fault did not take: {info}"
    );
    let mut pull = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    take_past(&mut pull, "job-copy-109").await;
    until_holds(&bus, &job("copy", 105).subject, false).await;
}

fn copy(from: &Path, to: &PathBuf) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
    }
}
