//! The log of events, and broadcasts.

use std::time::{SystemTime, UNIX_EPOCH};

use bus::{
    Bus, Subject,
    port::{EventFeed, From},
};
use bytes::Bytes;

use crate::kit::{event, publish, run, tenant, within};

async fn ids(feed: &mut Box<dyn EventFeed>, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    let mut before = 0;
    while ids.len() < count {
        let (sequence, envelope) = within(feed.next()).await.expect("an event");
        assert!(sequence > before, "{sequence} after {before}");
        before = sequence;
        ids.push(envelope.id);
    }
    ids
}

pub(crate) async fn a_feed_from_now_has_no_past(bus: &dyn Bus) {
    publish(bus, vec![event("a", "r", 1)]).await;
    let mut feed = bus
        .events(&Subject::all_events(), From::Now)
        .await
        .expect("a feed");
    publish(bus, vec![event("a", "r", 2), event("b", "r", 3)]).await;
    assert_eq!(ids(&mut feed, 2).await, ["event-a-r-2", "event-b-r-3"]);
    let (_, whole) = {
        publish(bus, vec![event("a", "s", 4)]).await;
        within(feed.next()).await.expect("an event")
    };
    assert_eq!(whole, event("a", "s", 4));
}

pub(crate) async fn a_feed_starts_at_a_sequence(bus: &dyn Bus) {
    publish(bus, (1..=1_500).map(|n| event("a", "r", n)).collect()).await;
    let all = Subject::all_events();
    for from in [0, 1] {
        let mut feed = bus
            .events(&all, From::Sequence(from))
            .await
            .expect("a feed");
        let ids = ids(&mut feed, 1_500).await;
        assert_eq!(ids[0], "event-a-r-1");
        assert_eq!(ids[1_499], "event-a-r-1500");
    }
    let mut feed = bus
        .events(&all, From::Sequence(1_499))
        .await
        .expect("a feed");
    assert_eq!(
        ids(&mut feed, 2).await,
        ["event-a-r-1499", "event-a-r-1500"]
    );
    let mut feed = bus
        .events(&all, From::Sequence(1_501))
        .await
        .expect("a feed");
    // A sequence that this log cannot have reached is of a log that was lost.
    let mut lost = bus
        .events(&all, From::Sequence(9_999))
        .await
        .expect("a feed");
    publish(bus, vec![event("a", "r", 1_501)]).await;
    assert_eq!(ids(&mut feed, 1).await, ["event-a-r-1501"]);
    assert_eq!(ids(&mut lost, 1).await, ["event-a-r-1"]);
}

pub(crate) async fn a_feed_starts_at_a_moment(bus: &dyn Bus) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let now = i64::try_from(now.as_millis()).expect("before the year 292 million");
    let hour = 3_600_000;
    publish(bus, vec![event("a", "r", 1), event("a", "r", 2)]).await;
    let all = Subject::all_events();
    for moment in [now - hour, 0, i64::MIN] {
        let mut feed = bus.events(&all, From::Time(moment)).await.expect("a feed");
        assert_eq!(ids(&mut feed, 2).await, ["event-a-r-1", "event-a-r-2"]);
    }
    for (number, moment) in [(3, now + hour), (4, i64::MAX)] {
        let mut feed = bus.events(&all, From::Time(moment)).await.expect("a feed");
        publish(bus, vec![event("a", "r", number)]).await;
        assert_eq!(ids(&mut feed, 1).await, [format!("event-a-r-{number}")]);
    }
}

pub(crate) async fn a_feed_of_a_tenant_has_no_other(bus: &dyn Bus) {
    let mine = Subject::events_of(&tenant("mine"));
    let mut feed = bus.events(&mine, From::Sequence(1)).await.expect("a feed");
    publish(
        bus,
        vec![
            event("other", "r", 1),
            event("mine", "r", 1),
            event("other", "r", 2),
            event("mine", "s", 1),
        ],
    )
    .await;
    assert_eq!(
        ids(&mut feed, 2).await,
        ["event-mine-r-1", "event-mine-s-1"]
    );
    let mut later = bus.events(&mine, From::Sequence(3)).await.expect("a feed");
    assert_eq!(ids(&mut later, 1).await, ["event-mine-s-1"]);
}

pub(crate) async fn a_repeated_event_comes_once(bus: &dyn Bus) {
    let mut feed = bus
        .events(&Subject::all_events(), From::Now)
        .await
        .expect("a feed");
    publish(bus, vec![event("a", "r", 1), event("a", "r", 1)]).await;
    publish(bus, vec![event("a", "r", 1), event("a", "r", 2)]).await;
    assert_eq!(ids(&mut feed, 2).await, ["event-a-r-1", "event-a-r-2"]);
}

pub(crate) async fn a_broadcast_reaches_who_listens(bus: &dyn Bus) {
    let heads = Subject::heads();
    bus.broadcast(&heads, Bytes::from_static(b"missed"))
        .await
        .expect("sent");
    let mut one = bus.listen(&heads).await.expect("listening");
    let mut two = bus.listen(&heads).await.expect("listening");
    let mut other = bus.listen(&Subject::cancelled()).await.expect("listening");
    let gone = bus.listen(&heads).await.expect("listening");
    drop(gone);
    bus.broadcast(&heads, Bytes::from_static(b"1"))
        .await
        .expect("sent");
    bus.broadcast(&heads, Bytes::from_static(b"2"))
        .await
        .expect("sent");
    bus.broadcast(&Subject::cancelled(), Bytes::from_static(b"3"))
        .await
        .expect("sent");
    for listener in [&mut one, &mut two] {
        for body in [&b"1"[..], b"2"] {
            let came = within(listener.next()).await.expect("open");
            assert_eq!(came, (heads.clone(), Bytes::from_static(body)));
        }
    }
    let came = within(other.next()).await.expect("open");
    assert_eq!(came, (Subject::cancelled(), Bytes::from_static(b"3")));
}

pub(crate) async fn live_text_reaches_who_listens_to_its_run_and_is_kept_nowhere(bus: &dyn Bus) {
    let of =
        |tenant_name: &str, run_name: &str| Subject::live(&tenant(tenant_name), &run(run_name));
    let subject = of("a", "r");
    assert_eq!(subject.stream(), None);
    let send = async |subject: &Subject, body: &'static [u8]| {
        bus.broadcast(subject, Bytes::from_static(body))
            .await
            .expect("sent");
    };
    // Nobody listens: it is gone.
    send(&subject, b"missed").await;
    let mut one = bus.listen(&subject).await.expect("listening");
    send(&of("a", "other"), b"of another run").await;
    send(&of("b", "r"), b"of another tenant").await;
    send(&subject, b"1").await;
    let mut late = bus.listen(&subject).await.expect("listening");
    send(&subject, b"2").await;
    for (listener, body) in [(&mut one, &b"1"[..]), (&mut late, b"2")] {
        let came = within(listener.next()).await.expect("open");
        assert_eq!(came, (subject.clone(), Bytes::from_static(body)));
    }
}
