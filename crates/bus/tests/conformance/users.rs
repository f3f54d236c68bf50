//! The users of a deployed server: what each may do, tried on a real one, and what it may not.

use async_nats::{ConnectOptions, Event};
use bus::{
    Bus, BusError, Nats, Subject,
    nats::{
        Options, Role,
        users::{User, UserKey, accounts},
    },
    port::From,
};
use bytes::Bytes;
use futures::StreamExt;
use serde_json::json;
use tokio::sync::mpsc;

use crate::kit::{event, job, kind, next, outcome, publish, run, take, tenant, within};

/// Refusals that one client of these tests may hear.
const REFUSALS: usize = 1_024;
/// What nobody here may say: its refusal comes after all that was refused before.
const NOBODYS: &str = "nobody.may.say.this";

/// A server with a user for each role, one for a person, and one for an outside follower of tenant `a`.
struct World {
    server: rig::Nats,
    keys: Vec<(&'static str, UserKey)>,
}

impl World {
    async fn start() -> Self {
        let users = [
            ("orchestrator", User::Orchestrator),
            ("agent-worker", User::AgentWorker(vec![kind("copy")])),
            ("audit-worker", User::AuditWorker(vec![kind("judge")])),
            ("event-gateway", User::EventGateway),
            ("operator", User::Operator),
            ("subscriber", User::Subscriber(tenant("a"))),
        ];
        let (keys, users): (Vec<_>, Vec<_>) = users
            .into_iter()
            .map(|(name, user)| {
                let key = UserKey::generate();
                let public = key.public();
                ((name, key), (public, user))
            })
            .unzip();
        let server = rig::Nats::with_config(&accounts(&users))
            .await
            .expect("a server");
        Self { server, keys }
    }

    fn seed(&self, name: &str) -> String {
        let found = self.keys.iter().find(|(known, _)| *known == name);
        found.expect("a user").1.reveal().expect("a seed")
    }

    /// A service as it connects itself.
    async fn try_service(&self, role: Role) -> Result<Nats, BusError> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), self.seed(role.as_str())).expect("written");
        let options = Options::of_service(self.server.url(), Some(file.path()), role);
        within(Nats::connect(&options.expect("the seed"))).await
    }

    async fn service(&self, role: Role) -> Nats {
        self.try_service(role).await.expect("connected")
    }

    /// A bare client: what whoever took a process over could say.
    async fn hostile(&self, name: &str) -> Hostile {
        let (told, refusals) = mpsc::channel(REFUSALS);
        let client = ConnectOptions::new()
            .nkey(self.seed(name))
            .event_callback(move |event| {
                let told = told.clone();
                async move {
                    let Event::ServerError(error) = event else {
                        return;
                    };
                    // permissions violation for publish to "heads"
                    let text = error.to_string();
                    let subject = text.split('"').nth(1).unwrap_or(&text).to_owned();
                    told.send(subject).await.expect("a test that listens");
                }
            })
            .connect(self.server.url())
            .await
            .expect("connected");
        Hostile { client, refusals }
    }

    /// The server's own word that it refused nothing.
    fn nothing_refused(&self) {
        let log = self.server.log();
        assert!(!log.contains("iolation"), "{log}");
    }
}

struct Hostile {
    client: async_nats::Client,
    refusals: mpsc::Receiver<String>,
}

impl Hostile {
    /// Which of these subjects it may publish to.
    async fn may_say(&mut self, subjects: &[&str]) -> Vec<String> {
        for subject in subjects {
            let body = Bytes::from_static(b"forged");
            let said = self.client.publish((*subject).to_owned(), body).await;
            said.expect("handed over");
        }
        self.not_refused(subjects).await
    }

    /// Which of these subjects it may subscribe to.
    async fn may_hear(&mut self, subjects: &[&str]) -> Vec<String> {
        let mut held = Vec::new();
        for subject in subjects {
            let subscriber = self.client.subscribe((*subject).to_owned()).await;
            held.push(subscriber.expect("handed over"));
        }
        self.not_refused(subjects).await
    }

    async fn not_refused(&mut self, subjects: &[&str]) -> Vec<String> {
        let end = self.client.publish(NOBODYS, Bytes::new()).await;
        end.expect("handed over");
        let mut allowed: Vec<String> = subjects.iter().map(|it| (*it).to_owned()).collect();
        loop {
            let refused = within(self.refusals.recv()).await.expect("a refusal");
            if refused == NOBODYS {
                return allowed;
            }
            allowed.retain(|subject| *subject != refused);
        }
    }
}

/// Everything that is said on the bus, and what would do harm.
const SAID: [&str; 49] = [
    "jobs.copy.1",
    "jobs.judge.1",
    "outcomes.1.1",
    "ev.a.r",
    "ev.b.r",
    "parked.x",
    "cancelled",
    "heads",
    "presence.worker",
    "presence.orchestrator",
    "live.a.r",
    "_INBOX.orchestrator.x",
    "_INBOX.agent-worker.x",
    "_INBOX.audit-worker.x",
    "_INBOX.event-gateway.x",
    "_INBOX.x",
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.INFO.JOBS",
    "$JS.API.STREAM.INFO.EVENTS",
    "$JS.API.STREAM.CREATE.JOBS",
    "$JS.API.STREAM.UPDATE.JOBS",
    "$JS.API.STREAM.DELETE.JOBS",
    "$JS.API.STREAM.PURGE.JOBS",
    "$JS.API.STREAM.PURGE.OUTCOMES",
    "$JS.API.STREAM.PURGE.EVENTS",
    "$JS.API.STREAM.MSG.GET.JOBS",
    "$JS.API.STREAM.MSG.DELETE.JOBS",
    "$JS.API.DIRECT.GET.JOBS",
    "$JS.API.DIRECT.GET.JOBS.jobs.copy.*",
    "$JS.API.DIRECT.GET.JOBS.jobs.judge.*",
    "$JS.API.DIRECT.GET.OUTCOMES.outcomes.1.1",
    "$JS.API.CONSUMER.CREATE.JOBS",
    "$JS.API.CONSUMER.CREATE.JOBS.spy",
    "$JS.API.CONSUMER.CREATE.JOBS.jobs-copy.jobs.copy.*",
    "$JS.API.CONSUMER.CREATE.JOBS.jobs-copy.jobs.judge.*",
    "$JS.API.CONSUMER.CREATE.JOBS.jobs-judge.jobs.judge.*",
    "$JS.API.CONSUMER.CREATE.OUTCOMES.outcomes-1.outcomes.1.*",
    "$JS.API.CONSUMER.CREATE.EVENTS.feed-1.ev.>",
    "$JS.API.CONSUMER.DURABLE.CREATE.JOBS.jobs-copy",
    "$JS.API.CONSUMER.DELETE.JOBS.jobs-copy",
    "$JS.API.CONSUMER.DELETE.JOBS.jobs-judge",
    "$JS.API.CONSUMER.MSG.NEXT.JOBS.jobs-copy",
    "$JS.API.CONSUMER.MSG.NEXT.JOBS.jobs-judge",
    "$JS.API.CONSUMER.MSG.NEXT.OUTCOMES.outcomes-1",
    "$JS.API.CONSUMER.MSG.NEXT.EVENTS.feed-1",
    "$JS.ACK.JOBS.jobs-copy.1.1.1.1.1",
    "$JS.ACK.JOBS.jobs-judge.1.1.1.1.1",
    "$JS.ACK.OUTCOMES.outcomes-1.1.1.1.1.1",
];

const HEARD: [&str; 18] = [
    ">",
    "jobs.>",
    "jobs.copy.*",
    "outcomes.>",
    "ev.>",
    "ev.a.>",
    "ev.b.>",
    "cancelled",
    "heads",
    "presence.worker",
    "presence.orchestrator",
    "live.>",
    "_INBOX.>",
    "_INBOX.orchestrator.>",
    "_INBOX.agent-worker.>",
    "_INBOX.audit-worker.>",
    "_INBOX.event-gateway.>",
    "$JS.>",
];

#[tokio::test]
async fn a_user_may_do_what_its_role_does_and_nothing_else() {
    let world = World::start().await;
    let table: [(&str, &[&str], &[&str]); 5] = [
        (
            "orchestrator",
            &[
                "jobs.copy.1",
                "jobs.judge.1",
                "ev.a.r",
                "ev.b.r",
                "parked.x",
                "cancelled",
                "heads",
                "presence.orchestrator",
                "_INBOX.orchestrator.x",
                "$JS.API.STREAM.INFO.JOBS",
                "$JS.API.STREAM.INFO.EVENTS",
                "$JS.API.STREAM.CREATE.JOBS",
                "$JS.API.STREAM.PURGE.JOBS",
                "$JS.API.DIRECT.GET.JOBS.jobs.copy.*",
                "$JS.API.DIRECT.GET.JOBS.jobs.judge.*",
                "$JS.API.DIRECT.GET.OUTCOMES.outcomes.1.1",
                "$JS.API.CONSUMER.CREATE.OUTCOMES.outcomes-1.outcomes.1.*",
                "$JS.API.CONSUMER.MSG.NEXT.OUTCOMES.outcomes-1",
                "$JS.ACK.OUTCOMES.outcomes-1.1.1.1.1.1",
            ],
            &[
                "heads",
                "presence.worker",
                "presence.orchestrator",
                "_INBOX.orchestrator.>",
            ],
        ),
        (
            "agent-worker",
            &[
                "outcomes.1.1",
                "presence.worker",
                "live.a.r",
                "_INBOX.agent-worker.x",
                "$JS.API.STREAM.INFO.JOBS",
                "$JS.API.DIRECT.GET.JOBS.jobs.copy.*",
                "$JS.API.CONSUMER.CREATE.JOBS.jobs-copy.jobs.copy.*",
                "$JS.API.CONSUMER.DELETE.JOBS.jobs-copy",
                "$JS.API.CONSUMER.MSG.NEXT.JOBS.jobs-copy",
                "$JS.ACK.JOBS.jobs-copy.1.1.1.1.1",
            ],
            &["cancelled", "_INBOX.agent-worker.>"],
        ),
        (
            "audit-worker",
            &[
                "outcomes.1.1",
                "presence.worker",
                "_INBOX.audit-worker.x",
                "$JS.API.STREAM.INFO.JOBS",
                "$JS.API.DIRECT.GET.JOBS.jobs.judge.*",
                "$JS.API.CONSUMER.CREATE.JOBS.jobs-judge.jobs.judge.*",
                "$JS.API.CONSUMER.DELETE.JOBS.jobs-judge",
                "$JS.API.CONSUMER.MSG.NEXT.JOBS.jobs-judge",
                "$JS.ACK.JOBS.jobs-judge.1.1.1.1.1",
            ],
            &["cancelled", "_INBOX.audit-worker.>"],
        ),
        (
            "event-gateway",
            &[
                "_INBOX.event-gateway.x",
                "$JS.API.STREAM.INFO.EVENTS",
                "$JS.API.CONSUMER.CREATE.EVENTS.feed-1.ev.>",
                "$JS.API.CONSUMER.MSG.NEXT.EVENTS.feed-1",
            ],
            &["heads", "live.>", "_INBOX.event-gateway.>"],
        ),
        ("subscriber", &[], &["ev.a.>"]),
    ];
    for (user, says, hears) in table {
        let mut hostile = world.hostile(user).await;
        assert_eq!(hostile.may_say(&SAID).await, says, "{user} says");
        assert_eq!(hostile.may_hear(&HEARD).await, hears, "{user} hears");
    }
}

/// A right to make the consumer of one queue is no right to read another through it.
#[tokio::test]
async fn a_worker_cannot_widen_its_queue() {
    let world = World::start().await;
    let orchestrator = world.service(Role::Orchestrator).await;
    publish(&orchestrator, vec![job("judge", 1)]).await;
    let client = ConnectOptions::new()
        .nkey(world.seed("agent-worker"))
        .custom_inbox_prefix("_INBOX.agent-worker")
        .connect(world.server.url())
        .await
        .expect("connected");
    for filter in [
        json!({ "filter_subject": "jobs.judge.*" }),
        json!({ "filter_subject": "jobs.>" }),
        json!({ "filter_subjects": ["jobs.copy.*", "jobs.judge.*"] }),
        json!({}),
    ] {
        let mut config = json!({ "durable_name": "jobs-copy", "ack_policy": "explicit" });
        let fields = config.as_object_mut().expect("an object");
        fields.extend(filter.as_object().expect("an object").clone());
        let request = json!({ "stream_name": "JOBS", "config": config });
        let answer = client
            .request(
                "$JS.API.CONSUMER.CREATE.JOBS.jobs-copy.jobs.copy.*",
                request.to_string().into(),
            )
            .await
            .expect("an answer");
        let answer: serde_json::Value = serde_json::from_slice(&answer.payload).expect("JSON");
        assert!(!answer["error"].is_null(), "{filter}: {answer}");
    }
}

#[tokio::test]
async fn every_role_does_its_work_and_the_server_refuses_nothing() {
    let world = World::start().await;
    let orchestrator = world.service(Role::Orchestrator).await;
    let agents = world.service(Role::AgentWorker).await;
    let auditors = world.service(Role::AuditWorker).await;
    let gateway = world.service(Role::EventGateway).await;
    let mut outside = world.hostile("subscriber").await;
    let mut followed = outside.client.subscribe("ev.a.>").await.expect("asked");
    assert!(outside.may_say(&[]).await.is_empty(), "it listens now");

    let said = Bytes::from_static(b"said");
    let both = [Subject::heads(), Subject::orchestrator_presence()];
    for subject in both {
        let mut heard = orchestrator.listen(&subject).await.expect("listening");
        let sent = orchestrator.broadcast(&subject, said.clone()).await;
        sent.expect("sent");
        assert!(within(heard.next()).await.is_some());
    }
    let mut presence = orchestrator
        .listen(&Subject::worker_presence())
        .await
        .expect("listening");
    for worker in [&agents, &auditors] {
        let subject = Subject::worker_presence();
        let sent = worker.broadcast(&subject, said.clone()).await;
        sent.expect("sent");
        assert!(within(presence.next()).await.is_some());
        let subject = Subject::cancelled();
        let mut cancelled = worker.listen(&subject).await.expect("listening");
        let sent = orchestrator.broadcast(&subject, said.clone()).await;
        sent.expect("sent");
        assert!(within(cancelled.next()).await.is_some());
    }
    let live = Subject::live(&tenant("a"), &run("r"));
    let mut viewer = gateway.listen(&live).await.expect("listening");
    agents.broadcast(&live, said.clone()).await.expect("sent");
    assert!(within(viewer.next()).await.is_some());
    gateway.listen(&Subject::heads()).await.expect("listening");

    publish(&orchestrator, vec![job("copy", 1), job("judge", 1)]).await;
    for (worker, queue, id) in [
        (&agents, "copy", "job-copy-1"),
        (&auditors, "judge", "job-judge-1"),
    ] {
        let queue = Subject::jobs_of(&kind(queue));
        let mut pull = worker.pull(&queue).await.expect("its queue");
        let back = next(&mut pull, 1).await.remove(0);
        back.nak(std::time::Duration::ZERO).await.expect("sent");
        assert_eq!(take(&mut pull, 1).await, [id]);
    }
    publish(&agents, vec![outcome(1, 1)]).await;
    publish(&auditors, vec![outcome(1, 2)]).await;
    let held = orchestrator.holds(&outcome(1, 1).subject).await;
    assert_eq!(held, Ok(true));
    let outcomes = orchestrator.pull(&Subject::outcomes_of(1)).await;
    take(&mut outcomes.expect("the queue"), 2).await;
    publish(&orchestrator, vec![job("copy", 2)]).await;
    assert_eq!(orchestrator.holds(&job("copy", 2).subject).await, Ok(true));
    let purged = orchestrator.purge(&job("copy", 2).subject).await;
    purged.expect("purged");

    let mut all = gateway
        .events(&Subject::all_events(), From::Now)
        .await
        .expect("a feed");
    let mut one = gateway
        .events(&Subject::events_of(&tenant("a")), From::Sequence(1))
        .await
        .expect("a feed");
    publish(&orchestrator, vec![event("b", "r", 1), event("a", "r", 1)]).await;
    assert_eq!(within(all.next()).await.expect("one").1.id, "event-b-r-1");
    assert_eq!(within(one.next()).await.expect("one").1.id, "event-a-r-1");
    let came = within(followed.next()).await.expect("an event");
    assert_eq!(came.subject.as_str(), "ev.a.r");

    for service in [&orchestrator, &agents, &auditors, &gateway] {
        assert_eq!(service.violations(), 0);
    }
    // The mark of the outside follower is the one refusal that there may be.
    let log = world.server.log();
    let refusals: Vec<_> = log.lines().filter(|it| it.contains("iolation")).collect();
    assert!(
        refusals.len() == 1 && refusals[0].contains(NOBODYS),
        "{refusals:?}"
    );
}

#[tokio::test]
async fn only_an_orchestrator_makes_streams_and_the_others_wait_for_it() {
    let world = World::start().await;
    let early = world.try_service(Role::AgentWorker).await.map(|_| ());
    assert!(matches!(early, Err(BusError::Unavailable(_))), "{early:?}");
    let orchestrator = world.service(Role::Orchestrator).await;
    let worker = world.service(Role::AgentWorker).await;
    let queue = Subject::jobs_of(&kind("copy"));
    let mut pull = worker.pull(&queue).await.expect("its queue");
    publish(&orchestrator, vec![job("copy", 1)]).await;
    assert_eq!(take(&mut pull, 1).await, ["job-copy-1"]);

    let operator = ConnectOptions::new().nkey(world.seed("operator"));
    let operator = operator.connect(world.server.url()).await.expect("let in");
    for stream in ["JOBS", "OUTCOMES"] {
        let gone = operator
            .request(format!("$JS.API.STREAM.DELETE.{stream}"), Bytes::new())
            .await
            .expect("an answer");
        let gone: serde_json::Value = serde_json::from_slice(&gone.payload).expect("JSON");
        assert_eq!(gone["success"], true, "{gone}");
    }
    let refused = worker.publish(vec![outcome(1, 1)]).await;
    assert!(
        matches!(refused[..], [Err(BusError::Unavailable(_))]),
        "{refused:?}"
    );
    publish(&orchestrator, vec![job("copy", 2)]).await;
    assert_eq!(take(&mut pull, 1).await, ["job-copy-2"]);
    publish(&worker, vec![outcome(1, 1)]).await;
    world.nothing_refused();
}

#[test]
fn a_key_is_its_seed_and_shows_only_its_public_half() {
    let key = UserKey::generate();
    let seed = key.reveal().expect("a seed");
    let again = UserKey::from_seed(&format!("{seed}\n")).expect("the same");
    assert_eq!(again.public(), key.public());
    assert!(key.public().starts_with('U') && seed.starts_with("SU"));
    assert!(!format!("{key:?}").contains(&seed));
    for bad in ["", "SU", &key.public(), &seed[1..]] {
        let error = UserKey::from_seed(bad).expect_err(bad);
        assert!(bad.is_empty() || !error.to_string().contains(&seed));
    }
}
