//! Jobs that go wrong: typed, alone, and never without an answer.

use std::{sync::atomic::Ordering, time::Duration};

use model::{
    ErrorClass, Failure,
    fact::{Fact, Facts},
    usage::Usage,
};
use tokio::time::Instant;
use wire::{convert::outcome::Answer, job::v1::Job};

use super::rig::{Act, Rig, good, job_id};

#[tokio::test(start_paused = true)]
async fn a_job_that_takes_too_long_is_stopped() {
    let mut rig = Rig::start([(1, Act::Hang)]).await;
    let start = Instant::now();
    rig.send(&Rig::job(1, 1)).await;
    assert_eq!(rig.failure().await, ErrorClass::Timeout);
    assert_eq!(start.elapsed().as_secs(), 60);
    assert_eq!(rig.agent.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_stays_with_its_job() {
    let mut rig = Rig::start([(1, Act::Panic)]).await;
    rig.send(&Rig::job(2, 9)).await;
    rig.until_running(1).await;
    rig.send(&Rig::job(1, 1)).await;
    assert_eq!(rig.failure().await, ErrorClass::Internal);
    rig.agent.open(1);
    let outcome = rig.outcome().await;
    assert_eq!(outcome.job, job_id(2));
    assert!(matches!(outcome.answer, Answer::Product(_)));
}

#[tokio::test(start_paused = true)]
async fn an_agents_failure_is_handed_on() {
    let wait = Some(Duration::from_secs(7));
    let failure = Failure::new(ErrorClass::RateLimited, "slow down").retry_after(wait);
    let used = Usage {
        input_tokens: 9,
        output_tokens: 4,
        cost_microusd: 2,
    };
    let act = Act::Fail(failure.clone().used(used));
    let mut rig = Rig::start([(1, act)]).await;
    rig.send(&Rig::job(1, 1)).await;
    let outcome = rig.outcome().await;
    assert_eq!(outcome.answer, Answer::Failure(failure));
    assert_eq!(outcome.usage, used, "a failure is paid for too");
}

#[tokio::test(start_paused = true)]
async fn a_product_that_is_not_in_order_is_a_failure_that_is_paid_for() {
    let (content, facts) = good();
    let cases = [
        (
            1,
            Act::Make("not JSON".to_owned(), facts.clone()),
            ErrorClass::Schema,
        ),
        (
            2,
            Act::Make("[]".to_owned(), facts.clone()),
            ErrorClass::Schema,
        ),
        (
            3,
            Act::Make(format!("{{\"a\":\"{}\"}}", "x".repeat(600_000)), facts),
            ErrorClass::TooLong,
        ),
        (
            4,
            Act::Make(content.clone(), Facts::new()),
            ErrorClass::Internal,
        ),
        (
            5,
            Act::Make(
                content,
                Facts::from([("score".to_owned(), Fact::Bool(true))]),
            ),
            ErrorClass::Internal,
        ),
    ];
    let mut rig = Rig::start(
        cases
            .iter()
            .map(|(attempt, act, _)| (*attempt, act.clone())),
    )
    .await;
    for (attempt, _, class) in cases {
        rig.send(&Rig::job(attempt, attempt)).await;
        let outcome = rig.outcome().await;
        let Answer::Failure(failure) = outcome.answer else {
            panic!("attempt {attempt} was taken");
        };
        assert_eq!(failure.class, class, "attempt {attempt}");
        assert_eq!(outcome.usage.cost_microusd, 8);
    }
    assert!(rig.door.stored.lock().expect("stored").is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_input_that_cannot_be_read_is_not_given_to_the_agent() {
    let mut rig = Rig::start([]).await;
    rig.send(&Job {
        input_json: "{\"nothing\":1}".to_owned(),
        ..Rig::job(1, 1)
    })
    .await;
    assert_eq!(rig.failure().await, ErrorClass::InvalidInput);
    assert_eq!(rig.agent.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_outlives_a_bus_that_is_away() {
    let mut rig = Rig::start([]).await;
    rig.send(&Rig::job(1, 1)).await;
    rig.until_running(1).await;
    rig.bus.down.store(true, Ordering::SeqCst);
    rig.agent.open(1);
    assert!(rig.silent_for(Duration::from_secs(600)).await);
    rig.bus.down.store(false, Ordering::SeqCst);
    assert!(matches!(rig.outcome().await.answer, Answer::Product(_)));
    assert!(
        rig.silent_for(Duration::from_secs(600)).await,
        "it came twice"
    );
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_cannot_be_kept_for_ever_leaves_the_list() {
    let mut rig = Rig::start([]).await;
    rig.send(&Rig::job(1, 1)).await;
    rig.until_running(1).await;
    rig.bus.down.store(true, Ordering::SeqCst);
    rig.agent.open(1);
    rig.present(|presence| presence.jobs.len() == 1).await;
    let start = Instant::now();
    rig.present(|presence| presence.jobs.is_empty()).await;
    assert_eq!(start.elapsed().as_secs() / 3_600, 1);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_the_bus_refuses_becomes_a_failure() {
    let mut rig = Rig::start([(
        1,
        Act::Make(format!("{{\"a\":\"{}\"}}", "x".repeat(5_000)), good().1),
    )])
    .await;
    rig.bus.largest.store(2_000, Ordering::SeqCst);
    rig.send(&Rig::job(1, 1)).await;
    assert_eq!(rig.failure().await, ErrorClass::TooLong);
}
