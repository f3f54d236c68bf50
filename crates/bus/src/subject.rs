//! The only place where a subject is spelled.

use std::fmt;

use model::{AgentKind, JobId, RunId, TenantId};

/// A stream: a set of subjects whose messages are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Jobs, for workers: a work queue.
    Jobs,
    /// Outcomes, for orchestrators: a work queue.
    Outcomes,
    /// Lifecycle events, for everyone: a log.
    Events,
    /// What could not be handled, for people: a log.
    Parked,
}

impl Stream {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Jobs, Self::Outcomes, Self::Events, Self::Parked];

    /// The name at the server.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jobs => "JOBS",
            Self::Outcomes => "OUTCOMES",
            Self::Events => "EVENTS",
            Self::Parked => "PARKED",
        }
    }

    /// The subjects whose messages it keeps.
    pub fn subjects(self) -> &'static str {
        match self {
            Self::Jobs => "jobs.>",
            Self::Outcomes => "outcomes.>",
            Self::Events => "ev.>",
            Self::Parked => "parked.>",
        }
    }
}

/// A subject of the bus.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(String);

impl Subject {
    /// Number of partitions that outcomes are spread over.
    pub const PARTITIONS: u32 = 64;

    /// One job.
    pub fn job(kind: &AgentKind, job: &JobId) -> Self {
        Self(format!("jobs.{kind}.{job}"))
    }

    /// The queue of all jobs of a kind.
    pub fn jobs_of(kind: &AgentKind) -> Self {
        Self(format!("jobs.{kind}.*"))
    }

    /// One outcome.
    pub fn outcome(partition: u32, job: &JobId) -> Self {
        Self(format!("outcomes.{partition}.{job}"))
    }

    /// The queue of all outcomes of a partition.
    pub fn outcomes_of(partition: u32) -> Self {
        Self(format!("outcomes.{partition}.*"))
    }

    /// Where the one message of a work queue lies that nobody takes.
    pub(crate) fn anchor(stream: Stream) -> Option<Self> {
        match stream {
            Stream::Jobs => Some(Self("jobs.anchor".to_owned())),
            Stream::Outcomes => Some(Self("outcomes.anchor".to_owned())),
            Stream::Events | Stream::Parked => None,
        }
    }

    /// One run's events.
    pub fn events(tenant: &TenantId, run: &RunId) -> Self {
        Self(format!("ev.{tenant}.{run}"))
    }

    /// All events of a tenant.
    pub fn events_of(tenant: &TenantId) -> Self {
        Self(format!("ev.{tenant}.>"))
    }

    /// All events of all tenants; only for our own services.
    pub fn all_events() -> Self {
        Self("ev.>".to_owned())
    }

    /// Jobs that were given up because they were lost too often, for people.
    pub fn parked_jobs() -> Self {
        Self("parked.jobs".to_owned())
    }

    /// Outcomes that can never be applied, for people.
    pub fn parked_outcomes() -> Self {
        Self("parked.outcomes".to_owned())
    }

    /// Workers say what they host and what they work on (core).
    pub fn worker_presence() -> Self {
        Self("presence.worker".to_owned())
    }

    /// Orchestrators say that they are alive (core).
    pub fn orchestrator_presence() -> Self {
        Self("presence.orchestrator".to_owned())
    }

    /// Jobs that are no longer wanted (core).
    pub fn cancelled() -> Self {
        Self("cancelled".to_owned())
    }

    /// Runs that changed, with their last sequence (core).
    pub fn heads() -> Self {
        Self("heads".to_owned())
    }

    /// What the agents of one run are writing (core).
    pub fn live(tenant: &TenantId, run: &RunId) -> Self {
        Self(format!("live.{tenant}.{run}"))
    }

    /// What the agents of all runs are writing (core); only for our own services.
    pub fn all_live() -> Self {
        Self("live.>".to_owned())
    }

    /// A subject that came with a message.
    pub(crate) fn received(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The stream that keeps this subject's messages; `None` for a core subject.
    pub fn stream(&self) -> Option<Stream> {
        Stream::ALL
            .into_iter()
            .find(|stream| matches(stream.subjects(), &self.0))
    }

    /// The name of the consumer that all pullers of this work queue share (`jobs-copy`, `outcomes-7`);
    /// `None` if this is not a work queue.
    pub fn consumer(&self) -> Option<String> {
        let queue = self.0.strip_suffix(".*")?;
        let (stream, name) = queue.split_once('.')?;
        let is_queue = matches!(self.stream(), Some(Stream::Jobs | Stream::Outcomes));
        (is_queue && !name.contains(['.', '*', '>'])).then(|| format!("{stream}-{name}"))
    }

    /// Whether this names one subject and not a set of them.
    pub fn is_one(&self) -> bool {
        self.0.split('.').all(|token| token != "*" && token != ">")
    }

    /// Whether `subject` is in the set that this names.
    pub fn covers(&self, subject: &Self) -> bool {
        self == subject || matches(&self.0, &subject.0)
    }

    /// The subject as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition of a run: the first eight bytes of SHA-256 of its id, modulo [`Self::PARTITIONS`].
    pub fn partition(run: &RunId) -> u32 {
        use sha2::{Digest, Sha256};
        let hash = Sha256::digest(run.as_str());
        let number = hash
            .iter()
            .take(8)
            .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        u32::try_from(number % u64::from(Self::PARTITIONS)).unwrap_or(0)
    }
}

/// Whether a subject is in the set that a pattern names: `*` is one token, `>` at the end one or more.
fn matches(pattern: &str, subject: &str) -> bool {
    let mut subject = subject.split('.');
    for token in pattern.split('.') {
        match (token, subject.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (token, Some(other)) if token == other => {}
            _ => return false,
        }
    }
    subject.next().is_none()
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_what_a_server_says_it_covers() {
        for (pattern, subject, covered) in [
            ("ev.>", "ev.a.b", true),
            ("ev.>", "ev.a", true),
            ("ev.>", "ev", false),
            ("ev.a.>", "ev.b.c", false),
            ("jobs.copy.*", "jobs.copy.1", true),
            ("jobs.copy.*", "jobs.copy.1.2", false),
            ("jobs.copy.*", "jobs.copy", false),
            ("heads", "heads", true),
            ("heads", "heads.a", false),
        ] {
            let found = Subject::received(pattern).covers(&Subject::received(subject));
            assert_eq!(found, covered, "{pattern} {subject}");
        }
    }

    #[test]
    fn a_queue_has_a_consumer_and_a_stream() {
        let kind = AgentKind::new("short_copy").expect("a token");
        let queue = Subject::jobs_of(&kind);
        assert_eq!(queue.consumer().as_deref(), Some("jobs-short_copy"));
        assert_eq!(queue.stream(), Some(Stream::Jobs));
        assert!(!queue.is_one());
        let queue = Subject::outcomes_of(7);
        assert_eq!(queue.consumer().as_deref(), Some("outcomes-7"));
        assert_eq!(queue.stream(), Some(Stream::Outcomes));
        for other in [
            Subject::all_events(),
            Subject::heads(),
            Subject::received("jobs.*.*"),
            Subject::received("jobs.a.1"),
        ] {
            assert_eq!(other.consumer(), None, "{other}");
        }
    }
}
