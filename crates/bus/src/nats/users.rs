//! Who may say and hear what: a NATS user for each role, and the server's configuration that says so.
//!
//! A user gets what its role does and nothing besides, so that a worker that was taken over can neither
//! give work to others nor speak for the orchestrator. Its answers come below an inbox of its role's own.

use std::fmt::{self, Write};

use model::{AgentKind, TenantId};

use super::{request, streams};
use crate::subject::{Stream, Subject};

/// A service, as far as NATS tells one from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The only writer of run state; makes the streams, at whatever time one is missing.
    Orchestrator,
    /// Hosts the agents that write.
    AgentWorker,
    /// Hosts the auditors.
    AuditWorker,
    /// Follows events for clients.
    EventGateway,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Orchestrator,
        Self::AgentWorker,
        Self::AuditWorker,
        Self::EventGateway,
    ];

    /// The service's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Orchestrator => "orchestrator",
            Self::AgentWorker => "agent-worker",
            Self::AuditWorker => "audit-worker",
            Self::EventGateway => "event-gateway",
        }
    }

    /// What the subjects of its answers begin with.
    pub(super) fn inbox(self) -> String {
        format!("_INBOX.{}", self.as_str())
    }

    pub(super) fn makes_streams(self) -> bool {
        self == Self::Orchestrator
    }

    /// The streams that it has to do with, and so checks at its start.
    pub(super) fn streams(self) -> &'static [Stream] {
        match self {
            Self::Orchestrator => &Stream::ALL,
            Self::AgentWorker | Self::AuditWorker => &[Stream::Jobs, Stream::Outcomes],
            Self::EventGateway => &[Stream::Events],
        }
    }
}

/// A user of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    /// The orchestrator.
    Orchestrator,
    /// An agent worker that hosts agents of these kinds, and no other.
    AgentWorker(Vec<AgentKind>),
    /// An audit worker that hosts auditors of these kinds, and no other.
    AuditWorker(Vec<AgentKind>),
    /// The event gateway.
    EventGateway,
    /// A person who looks after the bus: everything.
    Operator,
    /// Someone outside who follows one tenant's events as they come: says nothing, and so cannot ask for
    /// what was before; that is the gateway's to give.
    Subscriber(TenantId),
}

/// What a user may say and hear: subjects, perhaps with wildcards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// Subjects that it may publish to.
    pub publish: Vec<String>,
    /// Subjects that it may subscribe to.
    pub subscribe: Vec<String>,
}

impl User {
    /// What it may say and hear; none for one without bounds.
    pub fn rights(&self) -> Option<Rights> {
        match self {
            Self::Orchestrator => Some(orchestrator()),
            Self::AgentWorker(kinds) => {
                let mut rights = worker(Role::AgentWorker, kinds);
                rights.publish.push(Subject::all_live().to_string());
                Some(rights)
            }
            Self::AuditWorker(kinds) => Some(worker(Role::AuditWorker, kinds)),
            Self::EventGateway => Some(gateway()),
            Self::Operator => None,
            Self::Subscriber(tenant) => Some(Rights {
                publish: Vec::new(),
                subscribe: vec![Subject::events_of(tenant).to_string()],
            }),
        }
    }
}

/// What every service needs: its inbox, where it hears answers and, to know that it listens, itself; and a
/// look at its streams.
fn service(role: Role) -> Rights {
    let inbox = format!("{}.>", role.inbox());
    let mut publish = vec![inbox.clone()];
    publish.extend(role.streams().iter().copied().map(request::stream_info));
    Rights {
        publish,
        subscribe: vec![inbox],
    }
}

/// What whoever pulls from a work queue needs. `consumer` and `queue` may have wildcards.
fn puller(stream: Stream, consumer: &str, queue: &str) -> [String; 6] {
    [
        request::consumer_create(stream, consumer, queue),
        request::consumer_info(stream, consumer),
        request::consumer_delete(stream, consumer),
        request::consumer_next(stream, consumer),
        request::direct_get(stream, queue),
        request::acks(stream, consumer),
    ]
}

fn orchestrator() -> Rights {
    let mut rights = service(Role::Orchestrator);
    let streams = Stream::ALL.into_iter();
    rights.publish.extend(streams.map(request::stream_create));
    let outcomes = Stream::Outcomes.subjects();
    rights
        .publish
        .extend(puller(Stream::Outcomes, "*", outcomes));
    let anchor = Subject::anchor(Stream::Outcomes);
    rights.publish.extend(anchor.map(|it| it.to_string()));
    let jobs = Stream::Jobs.subjects();
    rights.publish.extend([
        jobs.to_owned(),
        request::direct_get(Stream::Jobs, jobs),
        request::stream_purge(Stream::Jobs),
        Stream::Events.subjects().to_owned(),
        Stream::Parked.subjects().to_owned(),
        Subject::cancelled().to_string(),
    ]);
    let both = [Subject::heads(), Subject::orchestrator_presence()].map(|it| it.to_string());
    rights.publish.extend(both.clone());
    rights.subscribe.extend(both);
    rights
        .subscribe
        .push(Subject::worker_presence().to_string());
    rights
}

fn worker(role: Role, kinds: &[AgentKind]) -> Rights {
    let mut rights = service(role);
    for kind in kinds {
        let queue = Subject::jobs_of(kind);
        if let Some(consumer) = queue.consumer() {
            let pull = puller(Stream::Jobs, &consumer, queue.as_str());
            rights.publish.extend(pull);
        }
    }
    rights.publish.extend([
        Stream::Outcomes.subjects().to_owned(),
        Subject::worker_presence().to_string(),
    ]);
    rights.subscribe.push(Subject::cancelled().to_string());
    rights
}

fn gateway() -> Rights {
    let mut rights = service(Role::EventGateway);
    let (events, all) = (Stream::Events, Stream::Events.subjects());
    rights.publish.extend([
        request::consumer_create(events, "*", all),
        request::consumer_next(events, "*"),
    ]);
    rights
        .subscribe
        .extend([Subject::heads(), Subject::all_live()].map(|it| it.to_string()));
    rights
}

/// The nkey of a user: what it logs in with, and what the server knows it by.
pub struct UserKey(nkeys::KeyPair);

/// A seed that is none.
#[derive(Debug, thiserror::Error)]
#[error("not the seed of a NATS user: expected 58 characters that begin with SU")]
pub struct InvalidSeed;

impl UserKey {
    /// A new one, from the system's randomness.
    pub fn generate() -> Self {
        Self(nkeys::KeyPair::new_user())
    }

    /// The key with this seed.
    ///
    /// # Errors
    /// When it is not the seed of a user. The message does not show it.
    pub fn from_seed(seed: &str) -> Result<Self, InvalidSeed> {
        let pair = nkeys::KeyPair::from_seed(seed.trim()).map_err(|_shows_it| InvalidSeed)?;
        match pair.key_pair_type() {
            nkeys::KeyPairType::User => Ok(Self(pair)),
            _ => Err(InvalidSeed),
        }
    }

    /// The secret as text: only to be written to where secrets are kept.
    ///
    /// # Errors
    /// Never for a key that was made here.
    pub fn reveal(&self) -> Result<String, InvalidSeed> {
        self.0.seed().map_err(|_public_only| InvalidSeed)
    }

    /// What the server knows it by.
    pub fn public(&self) -> String {
        self.0.public_key()
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserKey({})", self.public())
    }
}

/// The part of a server's configuration that names its users, by their public keys. Whoever has none of
/// these keys is not let in.
pub fn accounts(users: &[(String, User)]) -> String {
    let mut text = String::from("accounts {\n  PRESSRUN {\n    jetstream: enabled\n    users: [\n");
    for (key, user) in users {
        text.push_str(&entry(key, user));
    }
    text.push_str("    ]\n  }\n}\n");
    text
}

/// The whole configuration of one server but the folder of its streams: it listens at `listen` for clients,
/// says whether it is well at `monitor`, and gives streams as much room as they may take.
pub fn configuration(listen: &str, monitor: &str, users: &[(String, User)]) -> String {
    let room = streams::max_bytes();
    format!(
        "listen: {listen:?}\nhttp: {monitor:?}\n\
         jetstream {{ max_file_store: {room} }}\n{}",
        accounts(users)
    )
}

fn entry(key: &str, user: &User) -> String {
    let Some(rights) = user.rights() else {
        return format!("      {{ nkey: {key} }}\n");
    };
    let mut text = format!("      {{ nkey: {key}, permissions {{\n");
    for (verb, subjects) in [
        ("publish", &rights.publish),
        ("subscribe", &rights.subscribe),
    ] {
        text.push_str("        ");
        text.push_str(verb);
        // An empty list of what is allowed would allow everything.
        if subjects.is_empty() {
            text.push_str(" { deny: [\">\"] }\n");
            continue;
        }
        text.push_str(" { allow: [\n");
        for subject in subjects {
            // Writing to a text cannot fail.
            let _infallible = writeln!(text, "          {subject:?}");
        }
        text.push_str("        ] }\n");
    }
    text.push_str("      } }\n");
    text
}
