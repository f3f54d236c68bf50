//! What the bus in memory promises alone: bounds, and the waits that a real server makes long.

use std::time::Duration;

use bus::{
    Bus, BusError, Memory, Subject,
    limits::{
        DUPLICATE_WINDOW, JOB_ACK_WAIT, MAX_ACK_PENDING, MAX_AGE, MAX_MESSAGE_BYTES, MAX_PULL,
        MEMORY_EVENTS, MEMORY_EVENTS_BYTES, MEMORY_LISTENER, QUEUE_MAX_BYTES,
    },
    port::From,
};
use bytes::Bytes;
use tokio::time::{Instant, advance, timeout};

use crate::kit::{event, job, kind, next, publish, take};

#[tokio::test(start_paused = true)]
async fn a_job_comes_again_after_exactly_its_wait() {
    let bus = Memory::new();
    publish(&bus, vec![job("copy", 1)]).await;
    let mut pull = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    let mut idle = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    // One who waits already, without a moment to wake at, gets it too.
    let waiting = tokio::spawn(async move { next(&mut idle, 1).await.len() });
    tokio::task::yield_now().await;
    drop(waiting);
    let first = Instant::now();
    let mut times = Vec::new();
    for _ in 0..3 {
        let batch = next(&mut pull, 1).await;
        times.push(first.elapsed());
        drop(batch);
    }
    for pair in times.windows(2) {
        assert_eq!(pair[1] - pair[0], JOB_ACK_WAIT);
    }
}

#[tokio::test(start_paused = true)]
async fn one_who_waits_gets_what_another_took_and_did_not_ack() {
    let bus = Memory::new();
    let queue = Subject::jobs_of(&kind("copy"));
    let mut waiting = bus.pull(&queue).await.expect("a queue");
    let waiting = tokio::spawn(async move { take(&mut waiting, 2).await });
    let mut other = bus.pull(&queue).await.expect("a queue");
    tokio::task::yield_now().await;
    publish(&bus, vec![job("copy", 1)]).await;
    let taken = next(&mut other, 1).await;
    publish(&bus, vec![job("copy", 2)]).await;
    drop((taken, other));
    let ids = waiting.await.expect("no panic");
    assert_eq!(ids, ["job-copy-2", "job-copy-1"]);
}

#[tokio::test(start_paused = true)]
async fn an_id_is_forgotten_after_the_window_and_a_message_after_a_day() {
    let bus = Memory::new();
    let mut pull = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    publish(&bus, vec![job("copy", 1)]).await;
    assert_eq!(take(&mut pull, 1).await, ["job-copy-1"]);
    advance(DUPLICATE_WINDOW - Duration::from_millis(1)).await;
    publish(&bus, vec![job("copy", 1)]).await;
    assert_eq!(bus.holds(&job("copy", 1).subject).await, Ok(false));
    advance(Duration::from_millis(1)).await;
    publish(&bus, vec![job("copy", 1)]).await;
    assert_eq!(bus.holds(&job("copy", 1).subject).await, Ok(true));
    advance(MAX_AGE).await;
    publish(&bus, vec![job("copy", 2)]).await;
    assert_eq!(take(&mut pull, 1).await, ["job-copy-2"]);
    assert_eq!(bus.holds(&job("copy", 1).subject).await, Ok(false));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_takes_nothing_new_until_something_is_acked() {
    let bus = Memory::new();
    // One body shared by all: the gigabyte is counted, not allocated.
    let body = Bytes::from(vec![b'x'; MAX_MESSAGE_BYTES - 1_024]);
    let large = |number| {
        let mut job = job("copy", number);
        job.body = body.clone();
        job
    };
    let count = u32::try_from(QUEUE_MAX_BYTES / MAX_MESSAGE_BYTES).expect("thousands") + 50;
    let answers = bus.publish((0..count).map(large).collect()).await;
    let taken = answers.iter().take_while(|answer| answer.is_ok()).count();
    assert!((4_000..count as usize).contains(&taken), "{taken}");
    for answer in &answers[taken..] {
        assert!(
            matches!(answer, Err(BusError::Unavailable(_))),
            "{answer:?}"
        );
    }
    // The other queue has room, and this one again after an ack; what was not taken is not remembered.
    publish(&bus, vec![crate::kit::outcome(1, 1)]).await;
    let mut pull = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    take(&mut pull, 1).await;
    publish(&bus, vec![large(count - 1)]).await;
    assert_eq!(bus.holds(&large(count - 1).subject).await, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_bound_is_unacked_at_once() {
    let bus = Memory::new();
    let count = u32::try_from(MAX_ACK_PENDING).expect("thousands") + 1;
    publish(&bus, (0..count).map(|n| job("copy", n)).collect()).await;
    let mut pull = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    let mut held = Vec::new();
    while held.len() < MAX_ACK_PENDING {
        let batch = next(&mut pull, usize::MAX).await;
        assert!(batch.len() <= MAX_PULL);
        held.extend(batch);
    }
    let more = timeout(Duration::from_millis(1), pull.next(1)).await;
    assert!(more.is_err(), "one more came");
    held[0].ack().await.expect("acked");
    assert_eq!(
        take(&mut pull, 1).await,
        [format!("job-copy-{}", count - 1)]
    );
}

#[tokio::test(start_paused = true)]
async fn the_log_keeps_the_newest_by_count_and_by_size() {
    let bus = Memory::new();
    let count = u32::try_from(MEMORY_EVENTS).expect("thousands") + 10;
    publish(&bus, (1..=count).map(|n| event("a", "r", n)).collect()).await;
    let mut feed = bus
        .events(&Subject::all_events(), From::Sequence(1))
        .await
        .expect("a feed");
    let (first, oldest) = feed.next().await.expect("an event");
    assert_eq!((first, oldest.id.as_str()), (11, "event-a-r-11"));

    let body = Bytes::from(vec![b'x'; MAX_MESSAGE_BYTES / 2]);
    let fits = MEMORY_EVENTS_BYTES / body.len();
    for number in 0..2 * fits {
        let mut large = event("b", "r", u32::try_from(number).expect("small"));
        large.body = body.clone();
        publish(&bus, vec![large]).await;
    }
    // The feed fell behind: it goes on with the oldest kept.
    let (next, envelope) = feed.next().await.expect("an event");
    assert!(next > 12 && envelope.id.starts_with("event-b"), "{next}");
    let kept = u64::from(count) + 2 * fits as u64 - next + 1;
    assert!(kept <= fits as u64, "{kept} of {fits}");
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_does_not_listen_holds_up_nobody() {
    let bus = Memory::new();
    let mut lazy = bus.listen(&Subject::heads()).await.expect("listening");
    for number in 0..MEMORY_LISTENER + 10 {
        let body = Bytes::from(number.to_string());
        bus.broadcast(&Subject::heads(), body).await.expect("sent");
    }
    for number in 0..MEMORY_LISTENER {
        let (_, body) = lazy.next().await.expect("open");
        assert_eq!(body, number.to_string());
    }
    drop(bus);
    assert!(lazy.next().await.is_none(), "the bus is closed");
}
