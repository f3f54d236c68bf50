//! Work queues.

use std::{collections::BTreeSet, time::Duration};

use bus::{
    Bus, Subject,
    limits::OUTCOME_ACK_WAIT,
    signature::{Seed, SignatureError, Signer, Verifier},
};
use futures::FutureExt;
use tokio::time::Instant;

use crate::kit::{job, job_id, kind, next, outcome, publish, take, until_holds, within};

/// Clocks of two processes differ a little in where they cut a millisecond.
const SLACK: Duration = Duration::from_millis(50);

pub(crate) async fn what_is_published_comes_once_and_whole(bus: &dyn Bus) {
    let mut sent = vec![job("copy", 1), job("copy", 2), job("copy", 3)];
    sent[1].signature = "some.signature".to_owned();
    sent[2].traceparent = String::new();
    publish(bus, sent.clone()).await;
    let mut pull = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    let mut came = Vec::new();
    while came.len() < sent.len() {
        for delivery in next(&mut pull, 10).await {
            delivery.ack().await.expect("acked");
            came.push(delivery.envelope().clone());
        }
    }
    assert_eq!(came, sent);
    // Nothing comes between these and the next.
    publish(bus, vec![job("copy", 4)]).await;
    assert_eq!(take(&mut pull, 1).await, ["job-copy-4"]);
}

pub(crate) async fn what_is_not_acked_comes_again(bus: &dyn Bus) {
    publish(bus, vec![outcome(3, 1), outcome(3, 2)]).await;
    let mut pull = bus.pull(&Subject::outcomes_of(3)).await.expect("a queue");
    let first = Instant::now();
    let mut seen = Vec::new();
    while seen.len() < 2 {
        for delivery in next(&mut pull, 2).await {
            if delivery.envelope().id == "outcome-3-1" {
                delivery.ack().await.expect("acked");
            }
            seen.push(delivery.envelope().id.clone());
        }
    }
    assert_eq!(take(&mut pull, 1).await, ["outcome-3-2"]);
    assert!(
        first.elapsed() + SLACK >= OUTCOME_ACK_WAIT,
        "{:?}",
        first.elapsed()
    );
    until_holds(bus, &outcome(3, 2).subject, false).await;
}

pub(crate) async fn what_is_given_back_comes_again_after_its_delay(bus: &dyn Bus) {
    let delay = Duration::from_millis(200);
    publish(bus, vec![job("copy", 1)]).await;
    let mut pull = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    let delivery = next(&mut pull, 1).await.remove(0);
    let given_back = Instant::now();
    delivery.nak(delay).await.expect("given back");
    assert_eq!(take(&mut pull, 1).await, ["job-copy-1"]);
    let after = given_back.elapsed();
    assert!(after + SLACK >= delay, "{after:?}");
    assert!(after < bus::limits::JOB_ACK_WAIT, "{after:?}");
}

pub(crate) async fn a_repeat_is_taken_once(bus: &dyn Bus) {
    publish(bus, vec![job("copy", 1), job("copy", 1)]).await;
    let mut pull = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    assert_eq!(take(&mut pull, 1).await, ["job-copy-1"]);
    // Also once it is gone.
    until_holds(bus, &job("copy", 1).subject, false).await;
    let mut anew = job("copy", 1);
    anew.id = "another-id".to_owned();
    publish(bus, vec![job("copy", 1), anew]).await;
    assert_eq!(take(&mut pull, 1).await, ["another-id"]);
    // Each stream remembers for itself.
    let mut other = outcome(1, 1);
    other.id = "another-id".to_owned();
    publish(bus, vec![other]).await;
    let mut pull = bus.pull(&Subject::outcomes_of(1)).await.expect("a queue");
    assert_eq!(take(&mut pull, 1).await, ["another-id"]);
}

pub(crate) async fn a_queue_gives_each_message_to_one(bus: &dyn Bus) {
    const COUNT: u32 = 300;
    let queue = Subject::outcomes_of(5);
    let (mut one, mut two) = (
        bus.pull(&queue).await.expect("a queue"),
        bus.pull(&queue).await.expect("the same queue"),
    );
    let mut three = bus.pull(&queue).await.expect("the same queue");
    let sending = async {
        for first in (0..COUNT).step_by(30) {
            publish(bus, (first..first + 30).map(|n| outcome(5, n)).collect()).await;
        }
    };
    let receiving = async {
        let mut ids: Vec<String> = Vec::new();
        while ids.len() < COUNT as usize {
            let batch = tokio::select! {
                batch = next(&mut one, 7) => batch,
                batch = next(&mut two, 1) => batch,
                batch = next(&mut three, 20) => batch,
            };
            for delivery in batch {
                delivery.ack().await.expect("acked");
                ids.push(delivery.envelope().id.clone());
            }
        }
        ids
    };
    let ((), ids) = tokio::join!(sending, receiving);
    let unique: BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), COUNT as usize);
    assert_eq!(ids.len(), COUNT as usize);
}

pub(crate) async fn queues_do_not_mix(bus: &dyn Bus) {
    let mut copy = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    let mut short = bus
        .pull(&Subject::jobs_of(&kind("short_copy")))
        .await
        .expect("a queue");
    let mut nine = bus.pull(&Subject::outcomes_of(9)).await.expect("a queue");
    publish(
        bus,
        vec![
            outcome(8, 1),
            job("short_copy", 1),
            job("copy", 1),
            outcome(9, 1),
        ],
    )
    .await;
    assert_eq!(take(&mut copy, 1).await, ["job-copy-1"]);
    assert_eq!(take(&mut short, 1).await, ["job-short_copy-1"]);
    assert_eq!(take(&mut nine, 1).await, ["outcome-9-1"]);
}

pub(crate) async fn no_more_than_asked_comes(bus: &dyn Bus) {
    publish(bus, (0..10).map(|n| job("copy", n)).collect()).await;
    let mut pull = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    let mut other = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    let mut held = Vec::new();
    while held.len() < 3 {
        let batch = next(&mut pull, 3 - held.len()).await;
        assert!(batch.len() <= 3 - held.len());
        held.extend(batch);
    }
    // The other seven wait for whoever asks.
    assert_eq!(take(&mut other, 7).await.len(), 7);
    let none = next(&mut other, 0).now_or_never();
    assert!(none.is_none(), "more came than was there");
}

pub(crate) async fn a_dropped_call_loses_nothing(bus: &dyn Bus) {
    const COUNT: u32 = 200;
    let mut pull = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    let started = Instant::now();
    let mut ids = BTreeSet::new();
    let mut sent = 0;
    while ids.len() < COUNT as usize {
        // Dropped after one look, over and over, in every state that the call can be in.
        if let Some(batch) = pull.next(4).now_or_never() {
            for delivery in batch.expect("messages") {
                delivery.ack().await.expect("acked");
                let fresh = ids.insert(delivery.envelope().id.clone());
                assert!(fresh, "delivered twice");
            }
        } else if sent < COUNT {
            publish(bus, vec![job("copy", sent)]).await;
            sent += 1;
        } else {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "it takes too long"
            );
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) async fn a_large_batch_is_answered_in_order(bus: &dyn Bus) {
    const COUNT: u32 = 5_000;
    let mut batch: Vec<_> = (0..COUNT).map(|n| outcome(2, n)).collect();
    batch[4_321].id = String::new();
    let answers = within(bus.publish(batch)).await;
    assert_eq!(answers.len(), COUNT as usize);
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(answer.is_ok(), number != 4_321, "{number}: {answer:?}");
    }
    let mut pull = bus.pull(&Subject::outcomes_of(2)).await.expect("a queue");
    let ids = take(&mut pull, COUNT as usize - 1).await;
    assert_eq!(ids.first().map(String::as_str), Some("outcome-2-0"));
    assert_eq!(
        ids.iter().collect::<BTreeSet<_>>().len(),
        COUNT as usize - 1
    );
}

pub(crate) async fn a_subject_is_held_until_acked_or_purged(bus: &dyn Bus) {
    let subject = job("copy", 1).subject;
    assert_eq!(bus.holds(&subject).await, Ok(false));
    let mut again = job("copy", 1);
    again.id = "second".to_owned();
    publish(bus, vec![job("copy", 1), again, job("copy", 2)]).await;
    assert_eq!(bus.holds(&subject).await, Ok(true));
    bus.purge(&subject).await.expect("purged");
    assert_eq!(bus.holds(&subject).await, Ok(false));
    assert_eq!(bus.holds(&job("copy", 2).subject).await, Ok(true));
    bus.purge(&subject).await.expect("nothing to purge");

    let mut pull = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    let delivery = next(&mut pull, 5).await.remove(0);
    assert_eq!(delivery.envelope().id, "job-copy-2");
    // Delivered is not acked.
    assert_eq!(bus.holds(&job("copy", 2).subject).await, Ok(true));
    delivery.ack().await.expect("acked");
    until_holds(bus, &job("copy", 2).subject, false).await;

    // A purge takes also what is delivered.
    publish(bus, vec![job("copy", 3)]).await;
    let delivery = next(&mut pull, 1).await.remove(0);
    bus.purge(&delivery.envelope().subject)
        .await
        .expect("purged");
    assert_eq!(bus.holds(&job("copy", 3).subject).await, Ok(false));
    delivery.ack().await.expect("too late, and no harm");
    let free = Subject::outcome(1, &job_id(9));
    assert_eq!(bus.holds(&free).await, Ok(false));
}

pub(crate) async fn a_signed_job_verifies_on_the_other_side(bus: &dyn Bus) {
    let signer = Signer::new(&Seed::generate().expect("a seed")).expect("a key");
    let verifier = Verifier::new([signer.public_key().clone()]);
    let mut jobs: Vec<_> = (0..5).map(|n| job("copy", n)).collect();
    signer.sign_batch(&mut jobs);
    jobs.push(job("copy", 5));
    publish(bus, jobs).await;
    let mut pull = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    let mut found = Vec::new();
    while found.len() < 6 {
        for delivery in next(&mut pull, 6).await {
            found.push(verifier.verify(delivery.envelope()));
        }
    }
    assert_eq!(found.pop(), Some(Err(SignatureError::Missing)));
    assert_eq!(found, [Ok(()); 5]);
}
