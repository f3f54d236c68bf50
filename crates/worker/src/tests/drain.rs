//! Jobs that are no longer wanted, and workers that stop.

use std::{sync::atomic::Ordering, time::Duration};

use bus::{Bus, Subject};
use tokio::time::{Instant, timeout};
use wire::convert::outcome::Answer;

use super::rig::{Act, Rig, job_id, kind};

#[tokio::test(start_paused = true)]
async fn a_cancelled_job_is_dropped_without_an_outcome() {
    let mut rig = Rig::start([(1, Act::Hang)]).await;
    rig.send(&Rig::job(1, 1)).await;
    rig.send(&Rig::job(2, 9)).await;
    rig.until_running(2).await;
    let start = Instant::now();
    rig.cancel(1).await;
    rig.until_running(1).await;
    assert!(start.elapsed() < Duration::from_secs(2));
    let left = rig.present(|presence| presence.jobs.len() == 1).await;
    assert_eq!(left.jobs[0].job_id, job_id(2).to_string());
    assert!(rig.silent_for(Duration::from_secs(30)).await);
    rig.agent.open(1);
    assert_eq!(rig.outcome().await.job, job_id(2), "the sibling goes on");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_cancelled_while_its_outcome_waits_sends_none() {
    let mut rig = Rig::start([]).await;
    rig.send(&Rig::job(1, 1)).await;
    rig.until_running(1).await;
    rig.bus.down.store(true, Ordering::SeqCst);
    rig.agent.open(1);
    rig.until_running(0).await;
    rig.cancel(1).await;
    rig.present(|presence| presence.jobs.is_empty()).await;
    rig.bus.down.store(false, Ordering::SeqCst);
    assert!(rig.silent_for(Duration::from_secs(30)).await);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_worker_ends_what_it_has_and_takes_no_more() {
    let mut rig = Rig::start([]).await;
    rig.send(&Rig::job(1, 1)).await;
    rig.until_running(1).await;
    rig.stop.cancel();
    rig.present(|presence| presence.draining && presence.jobs.len() == 1)
        .await;
    rig.send(&Rig::job(2, 1)).await;
    rig.agent.open(2);
    let outcome = rig.outcome().await;
    assert_eq!(outcome.job, job_id(1));
    assert!(matches!(outcome.answer, Answer::Product(_)));
    timeout(Duration::from_secs(1), &mut rig.task)
        .await
        .expect("ends")
        .expect("no panic");
    assert!(
        rig.bus
            .holds(&Subject::job(&kind(), &job_id(2)))
            .await
            .expect("bus"),
        "it was taken"
    );
    assert_eq!(rig.agent.calls(), 1);
    rig.present(|presence| presence.draining && presence.jobs.is_empty())
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_does_not_end_in_time_is_given_back() {
    let mut rig = Rig::start([(1, Act::Hang)]).await;
    rig.send(&Rig::job(1, 1)).await;
    rig.until_running(1).await;
    let start = Instant::now();
    rig.stop.cancel();
    assert_eq!(rig.outcome().await.answer, Answer::HandBack);
    assert_eq!(start.elapsed().as_secs(), 20);
    timeout(Duration::from_secs(1), &mut rig.task)
        .await
        .expect("ends")
        .expect("no panic");
    assert_eq!(rig.agent.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_even_when_the_bus_is_away() {
    let mut rig = Rig::start([(1, Act::Hang)]).await;
    rig.send(&Rig::job(1, 1)).await;
    rig.until_running(1).await;
    rig.bus.down.store(true, Ordering::SeqCst);
    let start = Instant::now();
    rig.stop.cancel();
    timeout(Duration::from_secs(60), &mut rig.task)
        .await
        .expect("ends")
        .expect("no panic");
    assert!(
        start.elapsed() <= Duration::from_secs(25),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_dropped_worker_is_a_crash() {
    let mut rig = Rig::start([]).await;
    rig.send(&Rig::job(1, 1)).await;
    rig.until_running(1).await;
    rig.task.abort();
    rig.until_running(0).await;
    rig.agent.open(1);
    assert!(
        rig.silent_for(Duration::from_secs(60)).await,
        "a dead worker answered"
    );
}
