//! A stream over many runs.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use event_gateway::{
    follow::End,
    limits::CLIENT_PATIENCE,
    many::{Looks, Many, Passed},
    outlet::Outlet,
    resume::Position,
};
use model::Timestamp;
use proptest::prelude::*;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use crate::{
    follow::paused,
    world::{World, run, settle, tenant},
};

const LONG: Duration = Duration::from_secs(60);

struct Client {
    queue: mpsc::Receiver<Passed>,
    task: JoinHandle<End>,
    /// What it got last.
    at: Position,
}

impl Client {
    async fn connect(world: &World, name: &str, resume: Option<&str>, room: usize) -> Self {
        let resume = resume.map(|token| Position::parse(token).expect("a token"));
        let tenant = tenant(name);
        let history = world.history(&tenant);
        let mut many = Many::new(
            &world.feed,
            Arc::new(world.bus.clone()),
            history,
            tenant,
            world.now(),
            resume,
        );
        many.begin(&Looks::default())
            .await
            .expect("the history answers");
        let at = many.position();
        let (client, queue) = Outlet::new(room, CLIENT_PATIENCE);
        Self {
            queue,
            task: tokio::spawn(many.run(client)),
            at,
        }
    }

    async fn new(world: &World) -> Self {
        let client = Self::connect(world, "one", None, 64).await;
        settle().await;
        client
    }

    async fn again(&self, world: &World) -> Self {
        Self::connect(world, "one", Some(&self.at.token()), 64).await
    }

    async fn next(&mut self) -> Option<String> {
        let passed = timeout(LONG, self.queue.recv()).await.ok()??;
        self.at = passed.position;
        Some(passed.event.id)
    }

    async fn take(&mut self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(self.next().await.expect("it comes"));
        }
        ids
    }

    async fn nothing_more(&mut self) {
        assert_eq!(self.next().await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_begins_now_and_fills_what_is_lost() {
    let world = World::new();
    let ear = world.listen().await;
    let (one, a, b) = (tenant("one"), run("a"), run("b"));
    world.happen(&one, &a, "submitted").await;
    let mut client = Client::new(&world).await;
    world.happen(&one, &a, "step_started").await;
    assert_eq!(client.take(1).await, ["a.2"]);
    // The first event of a new run is lost, then one in the middle, then the last.
    world.commit(&one, &b, "submitted");
    world.happen(&one, &b, "step_started").await;
    assert_eq!(client.take(2).await, ["b.1", "b.2"]);
    world.commit(&one, &a, "step_finished");
    world.happen(&one, &a, "step_started").await;
    assert_eq!(client.take(2).await, ["a.3", "a.4"]);
    world.commit(&one, &b, "ended");
    world.heads().await;
    assert_eq!(client.take(1).await, ["b.3"]);
    client.nothing_more().await;
    ear.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_silent_for_long_goes_on_where_it_stood() {
    let world = World::new();
    let ear = world.listen().await;
    let (one, a) = (tenant("one"), run("a"));
    for _ in 0..7 {
        world.happen(&one, &a, "step_started").await;
    }
    tokio::time::advance(Duration::from_secs(600)).await;
    let mut client = Client::new(&world).await;
    world.commit(&one, &a, "lost");
    world.happen(&one, &a, "heard").await;
    assert_eq!(client.take(2).await, ["a.8", "a.9"]);
    client.nothing_more().await;
    ear.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_gets_what_it_missed_and_nothing_else() {
    let world = World::new();
    let ear = world.listen().await;
    let (one, a, b) = (tenant("one"), run("a"), run("b"));
    let mut client = Client::new(&world).await;
    for name in [&a, &b, &a] {
        world.happen(&one, name, "step_started").await;
    }
    assert_eq!(client.take(3).await, ["a.1", "b.1", "a.2"]);
    client.queue.close();
    world.happen(&one, &b, "step_started").await;
    world.commit(&one, &a, "lost");
    world.happen(&one, &b, "step_started").await;
    let mut back = client.again(&world).await;
    assert_eq!(back.take(3).await, ["b.2", "b.3", "a.3"]);
    world.happen(&one, &a, "step_started").await;
    assert_eq!(back.take(1).await, ["a.4"]);
    back.nothing_more().await;
    ear.stop().await;
}

#[tokio::test(start_paused = true)]
async fn before_its_first_event_a_client_can_resume_too() {
    let world = World::new();
    let ear = world.listen().await;
    let client = Client::new(&world).await;
    drop(client.queue);
    world.happen(&tenant("one"), &run("a"), "submitted").await;
    let mut back = Client::connect(&world, "one", Some(&client.at.token()), 64).await;
    assert_eq!(back.take(1).await, ["a.1"]);
    back.nothing_more().await;
    ear.stop().await;
}

#[tokio::test(start_paused = true)]
async fn after_the_loss_of_the_bus_nothing_is_missing() {
    let world = World::new();
    let ear = world.listen().await;
    let (one, a, b) = (tenant("one"), run("a"), run("b"));
    let mut client = Client::new(&world).await;
    world.happen(&one, &a, "submitted").await;
    world.happen(&one, &b, "submitted").await;
    assert_eq!(client.take(2).await, ["a.1", "b.1"]);
    ear.stop().await;
    let world = world.with_new_bus();
    let ear = world.listen().await;
    world.commit(&one, &a, "lost with the bus");
    // Another event stands where the token's stood.
    world.happen(&one, &b, "step_started").await;
    world.happen(&one, &b, "step_started").await;
    let mut back = client.again(&world).await;
    let mut got = Vec::new();
    while let Some(id) = back.next().await {
        got.push(id);
    }
    for id in ["a.2", "b.2", "b.3"] {
        assert_eq!(
            got.iter().filter(|got| *got == id).count(),
            1,
            "{id} in {got:?}"
        );
    }
    ear.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_burst_cuts_nobody_who_goes_on_reading() {
    let world = World::new();
    let ear = world.listen().await;
    let (one, a) = (tenant("one"), run("a"));
    let mut busy = Client::connect(&world, "one", None, 3).await;
    for _ in 0..8 {
        world.happen(&one, &a, "step_started").await;
    }
    for number in 1..=8 {
        tokio::time::sleep(CLIENT_PATIENCE / 2).await;
        assert_eq!(busy.take(1).await, [format!("a.{number}")]);
    }
    ear.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_is_cut_and_resumes_where_it_was() {
    let world = World::new();
    let ear = world.listen().await;
    let (one, a) = (tenant("one"), run("a"));
    let mut slow = Client::connect(&world, "one", None, 3).await;
    let mut fast = Client::new(&world).await;
    for _ in 0..8 {
        world.happen(&one, &a, "step_started").await;
        settle().await;
    }
    tokio::time::sleep(CLIENT_PATIENCE).await;
    settle().await;
    assert_eq!(slow.take(3).await, ["a.1", "a.2", "a.3"]);
    slow.nothing_more().await;
    let mut back = slow.again(&world).await;
    assert!(matches!(
        slow.task.await.expect("no panic"),
        End::Lagged { .. }
    ));
    assert_eq!(back.take(5).await, ["a.4", "a.5", "a.6", "a.7", "a.8"]);
    back.nothing_more().await;
    assert_eq!(fast.take(8).await.len(), 8);
    ear.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_tenant_sees_its_own_events_alone_even_with_anothers_token() {
    let world = World::new();
    let ear = world.listen().await;
    let mut one = Client::new(&world).await;
    world.happen(&tenant("one"), &run("a"), "submitted").await;
    world.happen(&tenant("two"), &run("x"), "submitted").await;
    assert_eq!(one.take(1).await, ["a.1"]);
    let mut two = Client::connect(&world, "two", Some(&one.at.token()), 64).await;
    assert_eq!(two.take(1).await, ["x.1"]);
    world
        .happen(&tenant("one"), &run("a"), "step_started")
        .await;
    world.commit(&tenant("one"), &run("a"), "lost");
    world.heads().await;
    two.nothing_more().await;
    assert_eq!(one.take(2).await, ["a.2", "a.3"]);
    one.nothing_more().await;
    ear.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_orchestrator_is_waited_out() {
    let world = World::new();
    let ear = world.listen().await;
    let (one, a) = (tenant("one"), run("a"));
    let mut client = Client::new(&world).await;
    world.happen(&one, &a, "submitted").await;
    assert_eq!(client.take(1).await, ["a.1"]);
    world.set_down(true);
    world.commit(&one, &a, "lost");
    world.happen(&one, &a, "step_started").await;
    settle().await;
    world.set_down(false);
    assert_eq!(client.take(2).await, ["a.2", "a.3"]);
    client.nothing_more().await;
    ear.stop().await;
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Event(usize, Fate),
    /// What was held back comes, the last first.
    Late,
    Heads,
    /// So many seconds pass.
    Wait(u64),
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
    let fate = prop_oneof![3 => Just(Fate::Heard), 1 => Just(Fate::Doubled), 1 => Just(Fate::Lost), 1 => Just(Fate::Late)];
    let step = prop_oneof![
        8 => (0..RUNS.len(), fate).prop_map(|(run, fate)| Step::Event(run, fate)),
        1 => Just(Step::Late),
        1 => Just(Step::Heads),
        1 => (1..50_u64).prop_map(Step::Wait),
        3 => (0..6_usize).prop_map(Step::Reconnect),
    ];
    proptest::collection::vec(step, 1..60)
}

const RUNS: [&str; 3] = ["a", "b", "c"];

type Got = BTreeMap<String, Vec<u64>>;

fn note(got: &mut Got, id: &str) {
    let (run, number) = id.rsplit_once('.').expect("an event's id");
    got.entry(run.to_owned())
        .or_default()
        .push(number.parse().expect("a number"));
}

/// What was committed, and what the client got, of each run.
async fn whatever_happens(steps: Vec<Step>) -> (Got, Got) {
    let world = World::new();
    let ear = world.listen().await;
    let one = tenant("one");
    let mut client = Client::new(&world).await;
    let (mut committed, mut got) = (Got::new(), Got::new());
    let mut held = Vec::new();
    for (at, step) in steps.into_iter().enumerate() {
        match step {
            Step::Event(of, fate) => {
                let event = world.commit(&one, &run(RUNS[of]), "step_started");
                note(&mut committed, &event.id);
                match fate {
                    Fate::Heard => world.publish(&event).await,
                    Fate::Doubled => {
                        world.publish(&event).await;
                        world.publish_as(&event, &format!("{at} again")).await;
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
            Step::Wait(seconds) => {
                // Heads come within seconds of a commit, long before the margin has passed.
                world.heads().await;
                settle().await;
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            Step::Reconnect(take) => {
                for _ in 0..take {
                    let Ok(passed) = client.queue.try_recv() else {
                        break;
                    };
                    client.at = passed.position;
                    note(&mut got, &passed.event.id);
                }
                client = client.again(&world).await;
            }
        }
        settle().await;
    }
    world.heads().await;
    while let Some(id) = client.next().await {
        note(&mut got, &id);
    }
    ear.stop().await;
    (committed, got)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_event_is_seen_once_and_in_order(steps in steps()) {
        let (committed, got) = paused(whatever_happens(steps));
        prop_assert_eq!(got, committed);
    }

    /// Whatever a token says, it is taken as a place or refused, and shows the caller's own events alone.
    #[test]
    fn a_forged_token_shows_nothing_of_others(sequence: u64, number in 0..9_u64, since in 0..i64::MAX) {
        let forged = Position {
            at: Some(event_gateway::resume::At { sequence, id: format!("x.{number}") }),
            since: Timestamp(since),
            ahead: [(run("a"), number), (run("x"), number)].into(),
        };
        let seen = paused(async {
            let world = World::new();
            let ear = world.listen().await;
            for _ in 0..4 {
                world.happen(&tenant("two"), &run("x"), "step_started").await;
                world.happen(&tenant("one"), &run("a"), "step_started").await;
            }
            let mut client = Client::connect(&world, "one", Some(&forged.token()), 64).await;
            let mut seen = Vec::new();
            while let Some(id) = client.next().await {
                seen.push(id);
            }
            ear.stop().await;
            seen
        });
        prop_assert!(seen.iter().all(|id| id.starts_with("a.")), "{:?}", seen);
    }
}
