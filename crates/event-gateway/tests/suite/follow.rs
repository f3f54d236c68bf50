//! A stream over one run.

use std::time::Duration;

use event_gateway::{
    follow::{End, Follower},
    history::Error,
    limits::CLIENT_PATIENCE,
    outlet::Outlet,
};
use proptest::prelude::*;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use wire::events::v1::Event;

use crate::world::{World, run, settle, tenant};

const LONG: Duration = Duration::from_secs(60);

fn follow(
    world: &World,
    after: u64,
    room: usize,
    until_rest: bool,
) -> (mpsc::Receiver<Event>, JoinHandle<End>) {
    let (client, queue) = Outlet::new(room, CLIENT_PATIENCE);
    let one = tenant("one");
    let follower = Follower::new(&world.feed, world.history(&one), one, run("r"), after);
    (queue, tokio::spawn(follower.run(client, until_rest)))
}

async fn numbers(queue: &mut mpsc::Receiver<Event>, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let event = timeout(LONG, queue.recv())
            .await
            .expect("it comes")
            .expect("the stream goes on");
        numbers.push(event.sequence);
    }
    numbers
}

async fn nothing_more(queue: &mut mpsc::Receiver<Event>) {
    assert_eq!(timeout(LONG, queue.recv()).await.ok().flatten(), None);
}

#[tokio::test(start_paused = true)]
async fn history_comes_first_then_live_until_it_rests() {
    let world = World::new();
    let ear = world.listen().await;
    let (one, r) = (tenant("one"), run("r"));
    for _ in 0..5 {
        world.commit(&one, &r, "step_started");
    }
    let (mut queue, end) = follow(&world, 2, 16, true);
    assert_eq!(numbers(&mut queue, 3).await, [3, 4, 5]);
    world.happen(&one, &r, "step_finished").await;
    world.happen(&one, &r, "ended").await;
    assert_eq!(numbers(&mut queue, 2).await, [6, 7]);
    assert_eq!(end.await.expect("no panic"), End::AtRest);
    ear.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_young_run_is_shown_as_it_was_heard_and_to_its_tenant_alone() {
    let world = World::new();
    let ear = world.listen().await;
    let (one, r) = (tenant("one"), run("r"));
    world.happen(&one, &r, "submitted").await;
    world.happen(&one, &r, "step_started").await;
    settle().await;
    world.set_down(true);
    let check = async |who: &str, after| {
        let who = tenant(who);
        let history = world.history(&who);
        Follower::new(&world.feed, history, who, r.clone(), after)
            .check()
            .await
            .expect("a first page, or none now")
    };
    assert_eq!(check("one", 0).await, Some(2));
    assert_eq!(check("one", 1).await, Some(2));
    assert_eq!(check("one", 2).await, None, "nothing to show");
    assert_eq!(check("two", 0).await, None, "another tenant's run");

    let (mut queue, _end) = follow(&world, 0, 16, true);
    world.set_down(false);
    assert_eq!(numbers(&mut queue, 2).await, [1, 2]);
    world.happen(&one, &r, "ended").await;
    settle().await;
    world.set_down(true);
    assert_eq!(
        check("one", 0).await,
        None,
        "whether it rests, only the store knows"
    );
    ear.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_run_with_a_gap_is_asked_of_the_store() {
    let world = World::new();
    let ear = world.listen().await;
    let (one, r) = (tenant("one"), run("r"));
    world.happen(&one, &r, "submitted").await;
    world.commit(&one, &r, "lost");
    world.happen(&one, &r, "step_started").await;
    settle().await;
    let history = world.history(&one);
    let mut follower = Follower::new(&world.feed, history, one, r, 0);
    assert_eq!(follower.check().await, Ok(Some(3)));
    ear.stop().await;
}

#[tokio::test(start_paused = true)]
async fn lost_reordered_and_doubled_events_make_no_difference() {
    let world = World::new();
    let ear = world.listen().await;
    let (one, r) = (tenant("one"), run("r"));
    let events: Vec<_> = (0..6)
        .map(|_| world.commit(&one, &r, "step_started"))
        .collect();
    let (mut queue, _end) = follow(&world, 6, 16, false);
    settle().await;
    let lost = world.commit(&one, &r, "a");
    let heard = world.commit(&one, &r, "b");
    world.publish(&heard).await;
    world.publish(&lost).await;
    world.publish_as(&heard, "again").await;
    world.publish(&events[0]).await;
    assert_eq!(numbers(&mut queue, 2).await, [7, 8]);
    world.commit(&one, &r, "the last one, and lost");
    world.heads().await;
    assert_eq!(numbers(&mut queue, 1).await, [9]);
    nothing_more(&mut queue).await;
    ear.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_is_cut_and_resumes_where_it_was() {
    let world = World::new();
    let ear = world.listen().await;
    let (one, r) = (tenant("one"), run("r"));
    world.commit(&one, &r, "submitted");
    let (mut slow, end) = follow(&world, 0, 4, false);
    let (mut fast, _end) = follow(&world, 0, 16, false);
    settle().await;
    for _ in 0..9 {
        world.happen(&one, &r, "step_started").await;
        settle().await;
    }
    assert_eq!(end.await.expect("no panic"), End::Lagged { after: 4 });
    assert_eq!(numbers(&mut slow, 4).await, [1, 2, 3, 4]);
    assert_eq!(numbers(&mut fast, 10).await, (1..=10).collect::<Vec<_>>());
    let (mut again, _end) = follow(&world, 4, 16, false);
    assert_eq!(numbers(&mut again, 6).await, (5..=10).collect::<Vec<_>>());
    nothing_more(&mut again).await;
    ear.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_waited_out_but_not_for_a_client_that_left() {
    let world = World::new();
    world.commit(&tenant("one"), &run("r"), "submitted");
    world.set_down(true);
    let (mut queue, _end) = follow(&world, 0, 16, false);
    let (left, ended) = follow(&world, 0, 16, false);
    settle().await;
    drop(left);
    assert_eq!(ended.await.expect("no panic"), End::ClientGone);
    world.set_down(false);
    assert_eq!(numbers(&mut queue, 1).await, [1]);
}

#[tokio::test(start_paused = true)]
async fn a_run_of_another_tenant_is_none() {
    let world = World::new();
    world.commit(&tenant("two"), &run("r"), "submitted");
    let (_queue, end) = follow(&world, 0, 16, false);
    assert_eq!(
        end.await.expect("no panic"),
        End::Failed(Error::NotFound(run("r")))
    );
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Event(Fate),
    /// What was held back comes, the last first.
    Late,
    Heads,
    /// The client takes so many events, and connects again.
    Reconnect(usize),
}

#[derive(Debug, Clone, Copy)]
enum Fate {
    Heard,
    Doubled,
    Lost,
    Late,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fate = prop_oneof![
        Just(Fate::Heard),
        Just(Fate::Doubled),
        Just(Fate::Lost),
        Just(Fate::Late)
    ];
    let step = prop_oneof![
        6 => fate.prop_map(Step::Event),
        1 => Just(Step::Late),
        1 => Just(Step::Heads),
        2 => (0..4_usize).prop_map(Step::Reconnect),
    ];
    proptest::collection::vec(step, 1..40)
}

async fn whatever_happens(steps: Vec<Step>) -> (u64, Vec<u64>) {
    let world = World::new();
    let ear = world.listen().await;
    let (one, r) = (tenant("one"), run("r"));
    let mut total = 1;
    world.commit(&one, &r, "submitted");
    let (mut queue, _) = follow(&world, 0, 4, false);
    let mut got: Vec<u64> = Vec::new();
    let mut held = Vec::new();
    for step in steps {
        match step {
            Step::Event(fate) => {
                let event = world.commit(&one, &r, "step_started");
                total += 1;
                match fate {
                    Fate::Heard => world.publish(&event).await,
                    Fate::Doubled => {
                        world.publish(&event).await;
                        world.publish_as(&event, &format!("{total} again")).await;
                    }
                    Fate::Lost => {}
                    Fate::Late => held.push(event),
                }
            }
            Step::Late => {
                for event in held.drain(..).rev() {
                    world.publish(&event).await;
                }
            }
            Step::Heads => world.heads().await,
            Step::Reconnect(take) => {
                for _ in 0..take {
                    match queue.try_recv() {
                        Ok(event) => got.push(event.sequence),
                        Err(_) => break,
                    }
                }
                queue = follow(&world, got.last().copied().unwrap_or(0), 4, false).0;
            }
        }
        settle().await;
    }
    // A client that was cut comes back; the rest comes by the history.
    queue = follow(&world, got.last().copied().unwrap_or(0), 64, false).0;
    while let Ok(Some(event)) = timeout(LONG, queue.recv()).await {
        got.push(event.sequence);
    }
    ear.stop().await;
    (total, got)
}

pub(crate) fn paused<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_event_is_seen_once_and_in_order(steps in steps()) {
        let (total, got) = paused(whatever_happens(steps));
        prop_assert_eq!(got, (1..=total).collect::<Vec<_>>());
    }
}
