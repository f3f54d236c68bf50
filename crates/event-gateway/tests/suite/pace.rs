//! Heartbeats, old connections and slow clients, over SSE and gRPC.

use std::time::Duration;

use event_gateway::Pace;
use service::serve::Lifetime;
use tonic::Code;
use wire::events::v1::{SubscribeRequest, subscribe_response::What};

use crate::{
    port::{Frames, Stack, events, ids, next, of_run, past},
    world::{run, tenant},
};

/// Events of 30 kB each: enough of them fill every buffer between the gateway and who does not read.
pub(crate) const MANY: usize = 1_000;
pub(crate) const LARGE: usize = 30_000;

#[tokio::test]
async fn silent_streams_say_that_they_live() {
    let pace = Pace {
        heartbeat: Duration::from_millis(10),
        ..Pace::default()
    };
    let stack = Stack::at(pace).await;
    past(&stack, &tenant("one"), &run("r"), &["submitted"]).await;
    let mut single = Frames::of(stack.sse("one", "run=r&after=1", None).await).await;
    let mut many = Frames::of(stack.sse("one", "", None).await).await;
    let mut stream = stack
        .subscribe("one", SubscribeRequest::default())
        .await
        .expect("open");
    for _ in 0..3 {
        assert_eq!(single.any().await.as_deref(), Some(": alive"));
        let alive = many.any().await.expect("a frame");
        assert!(alive.starts_with(": alive\nid: "), "{alive}");
        let answer = next(&mut stream).await.expect("goes on").expect("unbroken");
        assert!(
            matches!(answer.what, Some(What::Heartbeat(_))),
            "{answer:?}"
        );
        assert!(!answer.resume.is_empty());
    }
    stack.end().await;
}

#[tokio::test]
async fn an_old_connection_ends_and_nothing_is_missed() {
    let lifetime = Lifetime {
        most: Duration::from_millis(50),
        grace: Duration::from_millis(10),
    };
    let stack = Stack::at(Pace {
        lifetime,
        ..Pace::default()
    })
    .await;
    let (one, r) = (tenant("one"), run("r"));
    past(&stack, &one, &r, &["submitted"]).await;
    let mut frames = Frames::of(stack.sse("one", "run=r", None).await).await;
    assert_eq!(frames.next().await.expect("a frame").id, "r.1");
    assert_eq!(frames.next().await, None, "the connection is old");
    let mut stream = stack
        .subscribe("one", of_run(&r, 0, false))
        .await
        .expect("open");
    assert_eq!(ids(&events(&mut stream, 1).await), ["r.1"]);
    let end = next(&mut stream).await.expect("told").expect_err("the end");
    assert_eq!(end.code(), Code::Unavailable);
    past(&stack, &one, &r, &["ended"]).await;
    let mut frames = Frames::of(stack.sse("one", "run=r&until_rest=true", Some("r.1")).await).await;
    assert_eq!(frames.next().await.expect("a frame").id, "r.2");
    stack.end().await;
}

#[tokio::test]
async fn who_does_not_read_is_told_and_cut_and_holds_nobody_up() {
    let stack = Stack::at(Pace {
        patience: Duration::ZERO,
        ..Pace::default()
    })
    .await;
    let (one, r) = (tenant("one"), run("r"));
    past(&stack, &one, &r, &["submitted"]).await;
    let mut slow = Frames::of(stack.sse("one", "run=r", None).await).await;
    let mut slow_stream = stack
        .subscribe("one", of_run(&r, 0, false))
        .await
        .expect("open");
    // All of them are past their history: from here on events come live.
    assert_eq!(slow.next().await.expect("a frame").id, "r.1");
    assert_eq!(ids(&events(&mut slow_stream, 1).await), ["r.1"]);
    let mut quick = stack
        .subscribe("one", of_run(&r, 0, false))
        .await
        .expect("open");
    assert_eq!(ids(&events(&mut quick, 1).await), ["r.1"]);
    let large = "x".repeat(LARGE);
    for number in 2..=MANY {
        past(&stack, &one, &r, &[&large]).await;
        assert_eq!(
            ids(&events(&mut quick, 1).await),
            [format!("r.{number}")],
            "nobody else is held up"
        );
    }

    let mut last = 1;
    let position = loop {
        let frame = slow.next().await.expect("told");
        if frame.event == "lagged" {
            break frame.data["after"].as_u64().expect("a number");
        }
        last += 1;
        assert_eq!(frame.id, format!("r.{last}"), "in order, none missing");
    };
    assert_eq!((position, slow.next().await), (last, None));
    assert!(last < MANY as u64, "it was cut");
    let back = stack
        .sse("one", &format!("run=r&after={position}"), None)
        .await;
    let mut back = Frames::of(back).await;
    assert_eq!(
        back.next().await.expect("a frame").id,
        format!("r.{}", last + 1)
    );

    let mut last = 1;
    let position = loop {
        let answer = next(&mut slow_stream)
            .await
            .expect("told")
            .expect("unbroken");
        match answer.what {
            Some(What::Event(event)) => {
                last += 1;
                assert_eq!(event.sequence, last, "in order, none missing");
            }
            Some(What::Lagged(lagged)) => break lagged.after,
            other => assert!(matches!(other, Some(What::Heartbeat(_))), "{other:?}"),
        }
    };
    assert_eq!(position, last);
    assert!(next(&mut slow_stream).await.is_none());
    stack.end().await;
}
