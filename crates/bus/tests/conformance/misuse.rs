//! What no bus takes.

use bus::{
    Bus, BusError, Subject,
    limits::{MAX_BROADCAST_BYTES, MAX_MESSAGE_BYTES},
    port::From,
};
use bytes::Bytes;

use crate::kit::{event, job, kind, message, publish, take, within};

fn refused<T>(answer: Result<T, BusError>) -> bool {
    matches!(answer, Err(BusError::Refused { .. }))
}

pub(crate) async fn what_no_bus_can_take_is_refused_alone(bus: &dyn Bus) {
    let mut large = job("copy", 1);
    large.body = Bytes::from(vec![b'x'; MAX_MESSAGE_BYTES]);
    let mut line = job("copy", 2);
    line.traceparent = "a\r\nNats-Msg-Id: b".to_owned();
    let mut nameless = job("copy", 3);
    nameless.id = String::new();
    let many = message(Subject::jobs_of(&kind("copy")), "many");
    let core = message(Subject::heads(), "core");
    let batch = vec![
        large,
        job("copy", 4),
        line,
        nameless,
        many,
        core,
        job("copy", 5),
    ];
    let answers = bus.publish(batch).await;
    let taken: Vec<_> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(
        taken,
        [false, true, false, false, false, false, true],
        "{answers:?}"
    );
    assert!(answers.into_iter().filter(Result::is_err).all(refused));
    let mut pull = bus
        .pull(&Subject::jobs_of(&kind("copy")))
        .await
        .expect("a queue");
    assert_eq!(take(&mut pull, 2).await, ["job-copy-4", "job-copy-5"]);

    // Among events too, which share answers.
    let mut feed = bus
        .events(&Subject::all_events(), From::Now)
        .await
        .expect("a feed");
    let mut large = event("a", "r", 2);
    large.body = Bytes::from(vec![b'x'; MAX_MESSAGE_BYTES]);
    let mut nameless = event("a", "r", 4);
    nameless.id = String::new();
    let events = [1, 3, 5].map(|number| event("a", "r", number));
    let [first, second, third] = events.clone();
    let answers = bus
        .publish(vec![first, large, second, nameless, third])
        .await;
    let taken: Vec<_> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(taken, [true, false, true, false, true], "{answers:?}");
    for event in events {
        let (_, heard) = within(feed.next()).await.expect("an event");
        assert_eq!(heard.id, event.id);
    }

    // The largest that is taken; its header fields are counted too.
    let mut full = job("copy", 6);
    let room = 1_024;
    full.body = Bytes::from(vec![b'x'; MAX_MESSAGE_BYTES - room]);
    full.signature = "s".repeat(room - 512);
    publish(bus, vec![full.clone()]).await;
    full.id = "larger".to_owned();
    full.signature = "s".repeat(room);
    assert!(bus.publish(vec![full]).await.into_iter().all(refused));
    assert_eq!(take(&mut pull, 1).await, ["job-copy-6"]);
    assert!(bus.publish(Vec::new()).await.is_empty());
}

pub(crate) async fn a_wrong_subject_is_refused(bus: &dyn Bus) {
    for subject in [
        Subject::heads(),
        Subject::all_events(),
        job("copy", 1).subject,
    ] {
        assert!(refused(bus.pull(&subject).await), "{subject}");
    }
    for subject in [Subject::heads(), event("a", "r", 1).subject] {
        assert!(refused(bus.holds(&subject).await), "{subject}");
        assert!(refused(bus.purge(&subject).await), "{subject}");
    }
    for subject in [Subject::heads(), Subject::outcomes_of(1)] {
        assert!(refused(bus.events(&subject, From::Now).await), "{subject}");
    }
    let large = Bytes::from(vec![0; MAX_BROADCAST_BYTES + 1]);
    assert!(refused(bus.broadcast(&Subject::heads(), large).await));
}
