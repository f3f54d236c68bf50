//! Jobs that go well.

use std::{sync::atomic::Ordering, time::Duration};

use bus::{Bus, Subject};
use model::{
    ContentHash,
    media::{Media, MediaType},
};
use tokio::time::Instant;
use wire::convert::outcome::Answer;

use super::rig::{Act, Rig, good, job_id, kind};

fn make() -> Act {
    let (content, facts) = good();
    Act::Make(content, facts)
}

#[tokio::test(start_paused = true)]
async fn a_job_becomes_an_outcome() {
    let mut rig = Rig::start([(1, make())]).await;
    let sent = rig.signed(&Rig::job(1, 1));
    rig.publish(sent.clone()).await;
    let (envelope, outcome) = rig.outcome_envelope().await;
    assert_eq!(envelope.id, format!("{}.1", job_id(1)));
    assert_eq!(envelope.traceparent, sent.traceparent);
    assert_eq!(envelope.kind, "pressrun.job.v1.Outcome");
    assert_eq!((outcome.job, outcome.token), (job_id(1), 1));
    assert_eq!(
        (outcome.worker.as_str(), outcome.run.as_str()),
        ("w1", "r1")
    );
    assert_eq!(outcome.usage.cost_microusd, 8);
    let Answer::Product(product) = outcome.answer else {
        panic!("no product");
    };
    let (content, facts) = good();
    assert_eq!((product.content, product.facts), (content, facts));
    assert_eq!(product.provenance.prompt_version, "7");
    assert!(
        !rig.bus
            .holds(&Subject::job(&kind(), &job_id(1)))
            .await
            .expect("bus"),
        "not acked"
    );
}

#[tokio::test(start_paused = true)]
async fn a_running_job_is_listed_soon_and_until_its_outcome_is_taken() {
    let mut rig = Rig::start([]).await;
    let first = rig.presence().await;
    assert_eq!(
        (first.worker.as_str(), first.jobs.len(), first.draining),
        ("w1", 0, false)
    );
    assert_eq!(
        (first.agents[0].kind.as_str(), first.agents[0].slots),
        ("copy", 2)
    );
    assert_eq!(first.agents[0].facts_json, r#"{"score":"number"}"#);
    let sent = Instant::now();
    rig.send(&Rig::job(1, 1)).await;
    let listed = rig.presence().await;
    assert!(
        sent.elapsed() <= Duration::from_millis(300),
        "{:?}",
        sent.elapsed()
    );
    assert_eq!(
        (listed.jobs[0].job_id.clone(), listed.jobs[0].token),
        (job_id(1).to_string(), 1)
    );
    assert_eq!(listed.jobs[0].timeout_ms, 60_000);

    rig.bus.down.store(true, Ordering::SeqCst);
    rig.agent.open(1);
    rig.until_running(0).await;
    for _ in 0..3 {
        assert_eq!(
            rig.presence().await.jobs.len(),
            1,
            "its outcome is not taken yet"
        );
    }
    rig.bus.down.store(false, Ordering::SeqCst);
    assert!(matches!(rig.outcome().await.answer, Answer::Product(_)));
    rig.present(|presence| presence.jobs.is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn presence_comes_every_three_seconds() {
    let mut rig = Rig::start([]).await;
    rig.presence().await;
    for _ in 0..5 {
        let before = Instant::now();
        rig.presence().await;
        assert_eq!(before.elapsed().as_secs(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn many_short_jobs_cost_no_presence_messages() {
    let mut rig = Rig::start([(1, make())]).await;
    rig.presence().await;
    let before = rig.bus.broadcasts.load(Ordering::SeqCst);
    let start = Instant::now();
    for n in 0..500 {
        rig.send(&Rig::job(n, 1)).await;
        rig.outcome().await;
    }
    let regular = start.elapsed().as_millis() / 3_000 + 1;
    let sent = rig.bus.broadcasts.load(Ordering::SeqCst) - before;
    assert!(u128::from(sent) <= regular, "{sent} messages for 500 jobs");
}

#[tokio::test(start_paused = true)]
async fn a_repeat_is_worked_on_once() {
    let mut rig = Rig::start([]).await;
    rig.send(&Rig::job(1, 1)).await;
    rig.until_running(1).await;
    rig.send(&Rig::job(1, 1)).await;
    rig.until_gone(1).await;
    rig.agent.open(2);
    rig.outcome().await;
    rig.send(&Rig::job(1, 1)).await;
    rig.until_gone(1).await;
    assert!(rig.silent_for(Duration::from_secs(30)).await);
    assert_eq!(rig.agent.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_newer_token_stops_the_older() {
    let mut rig = Rig::start([(1, Act::Hang)]).await;
    rig.send(&Rig::job(1, 1)).await;
    rig.until_running(1).await;
    let newer = wire::job::v1::Job {
        token: 2,
        attempt: 9,
        ..Rig::job(1, 1)
    };
    rig.send(&newer).await;
    rig.until_gone(1).await;
    rig.until_running(1).await;
    rig.agent.open(1);
    assert_eq!(rig.outcome().await.token, 2);
    rig.until_running(0).await;
    rig.send(&Rig::job(1, 1)).await;
    assert!(
        rig.silent_for(Duration::from_secs(90)).await,
        "the older token was worked on"
    );
    assert_eq!(rig.agent.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn no_more_jobs_are_fetched_than_places_are_free() {
    let mut rig = Rig::start([]).await;
    for n in 0..5 {
        rig.send(&Rig::job(n, 1)).await;
    }
    rig.until_running(2).await;
    let presence = rig.present(|presence| !presence.jobs.is_empty()).await;
    assert_eq!(presence.jobs.len(), 2);
    for n in 2..5 {
        assert!(
            rig.bus
                .holds(&Subject::job(&kind(), &job_id(n)))
                .await
                .expect("bus"),
            "{n} was fetched"
        );
    }
    rig.agent.open(5);
    for _ in 0..5 {
        rig.outcome().await;
    }
    assert_eq!(rig.agent.most_running.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_large_goes_through_the_door() {
    let large = format!("{{\"text\":\"{}\"}}", "x".repeat(100_000));
    let mut rig = Rig::start([(1, Act::Make(large.clone(), good().1))]).await;
    let job = wire::job::v1::Job {
        input_json: String::new(),
        ..Rig::job(1, 1)
    };
    rig.send(&job).await;
    let Answer::Uploaded { hash, facts, .. } = rig.outcome().await.answer else {
        panic!("not uploaded");
    };
    assert_eq!((hash, facts), (ContentHash::of(large.as_bytes()), good().1));
    assert_eq!(*rig.door.stored.lock().expect("stored"), [large]);
}

#[tokio::test(start_paused = true)]
async fn pictures_are_stored_before_the_outcome_that_names_them() {
    let picture = Media {
        media_type: MediaType::Svg,
        content: b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec(),
    };
    let mut rig = Rig::start([(1, Act::Draw(vec![picture.clone()]))]).await;
    rig.send(&Rig::job(1, 1)).await;
    let answer = rig.outcome().await.answer;
    assert!(matches!(answer, Answer::Product(_)), "{answer:?}");
    assert_eq!(*rig.door.pictures.lock().expect("pictures"), [picture]);
}
