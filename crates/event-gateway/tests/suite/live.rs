//! Live text over a real port: to who asked for it, of its own run and tenant, without a number.

use bus::{Bus, Subject};
use futures::StreamExt;
use tokio::time::timeout;
use wire::events::v1::{Delta, Piece, SubscribeRequest, subscribe_response::What};

use crate::{
    port::{Frames, PATIENCE, Stack, of_run, past},
    world::{run, tenant},
};

/// Live text of a run, as a worker sends it.
fn delta(owner: &str, of: &str, text: &str) -> Vec<u8> {
    let delta = Delta {
        tenant: owner.to_owned(),
        run_id: of.to_owned(),
        step: "copy".to_owned(),
        draft: 1,
        pieces: vec![Piece {
            path: "/body".to_owned(),
            at: 0,
            text: text.to_owned(),
        }],
        ..Delta::default()
    };
    wire::json::to_json(&delta).expect("JSON").into()
}

#[tokio::test]
async fn live_text_goes_to_who_asked_for_it_and_has_no_number() {
    let stack = Stack::start().await;
    let (one, r) = (tenant("one"), run("r"));
    past(&stack, &one, &r, &["submitted"]).await;
    let mut asked = Frames::of(stack.sse("one", "run=r&live=true", None).await).await;
    let mut plain = Frames::of(stack.sse("one", "run=r", None).await).await;
    let request = SubscribeRequest {
        live: true,
        ..of_run(&r, 1, false)
    };
    let mut grpc = stack.subscribe("one", request).await.expect("open");
    for frames in [&mut asked, &mut plain] {
        assert_eq!(frames.next().await.expect("a frame").id, "r.1");
    }

    let own = Subject::live(&one, &r);
    for (subject, body) in [
        (
            Subject::live(&tenant("two"), &r),
            delta("two", "r", "of another tenant"),
        ),
        (
            Subject::live(&one, &run("s")),
            delta("one", "s", "of another run"),
        ),
        (
            own.clone(),
            delta("two", "r", "of another than its subject says"),
        ),
        (own.clone(), b"garbage".to_vec()),
        (own.clone(), vec![b' '; 512 * 1024]),
        (own, delta("one", "r", "Good \"morning\"\n")),
    ] {
        stack
            .world
            .bus
            .broadcast(&subject, body.into())
            .await
            .expect("sent");
    }
    let frame = asked.next().await.expect("a frame");
    assert_eq!((frame.id.as_str(), frame.event.as_str()), ("", "delta"));
    assert_eq!(frame.data["pieces"][0]["text"], "Good \"morning\"\n");
    let next = timeout(PATIENCE, grpc.next()).await.expect("in time");
    let Some(What::Delta(delta)) = next.expect("open").expect("unbroken").what else {
        panic!("no live text");
    };
    assert_eq!((delta.step.as_str(), delta.pieces.len()), ("copy", 1));

    // Who did not ask sees the next event and nothing before it.
    past(&stack, &one, &r, &["step_finished"]).await;
    for frames in [&mut asked, &mut plain] {
        assert_eq!(frames.next().await.expect("a frame").id, "r.2");
    }
    let refused = stack.refused("one", "live=true", None).await;
    assert_eq!(refused.errors[0].path, "live");
    stack.end().await;
}
