//! What this worker knows of jobs: which it works on, which have ended here, which are no longer wanted.
//! All of it is memory only; a crash loses it and the orchestrator drives the jobs again.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use model::JobId;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A job that is listed.
struct Listed {
    token: u64,
    timeout: Duration,
    started: Instant,
    announced: bool,
    stop: CancellationToken,
}

/// Why a job that came is not worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// It runs or ended here under this lease token or a newer one.
    Repeated,
    /// It is no longer wanted.
    Cancelled,
}

impl NotTaken {
    /// The value of the metric's label `reason`.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Repeated => "repeated",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A listed job as it is announced.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) job: JobId,
    pub(crate) token: u64,
    pub(crate) timeout: Duration,
    pub(crate) running: Duration,
}

/// The jobs that a worker knows of.
pub(crate) struct Roster {
    listed: BTreeMap<JobId, Listed>,
    ended: Recent<u64>,
    cancelled: Recent<()>,
}

impl Roster {
    /// A roster that remembers at most `seen` ended and as many cancelled ids, each for `keep`.
    pub(crate) fn new(seen: usize, keep: Duration) -> Self {
        Self {
            listed: BTreeMap::new(),
            ended: Recent::new(seen, keep),
            cancelled: Recent::new(seen, keep),
        }
    }

    /// Lists a job: it is to be worked on until the answer is cancelled. A newer lease token of a listed
    /// job stops the older one.
    pub(crate) fn list(
        &mut self,
        job: &JobId,
        token: u64,
        timeout: Duration,
        now: Instant,
    ) -> Result<CancellationToken, NotTaken> {
        if self.cancelled.get(job, now).is_some() {
            return Err(NotTaken::Cancelled);
        }
        if self
            .ended
            .get(job, now)
            .is_some_and(|ended| *ended >= token)
        {
            return Err(NotTaken::Repeated);
        }
        if let Some(listed) = self.listed.get(job) {
            if listed.token >= token {
                return Err(NotTaken::Repeated);
            }
            listed.stop.cancel();
        }
        let stop = CancellationToken::new();
        let listed = Listed {
            token,
            timeout,
            started: now,
            announced: false,
            stop: stop.clone(),
        };
        self.listed.insert(job.clone(), listed);
        Ok(stop)
    }

    /// Takes a job off the list, when it is still listed under this lease token.
    pub(crate) fn unlist(&mut self, job: &JobId, token: u64) {
        if self
            .listed
            .get(job)
            .is_some_and(|listed| listed.token == token)
        {
            self.listed.remove(job);
        }
    }

    /// Remembers that a job ended here: a repeat of its message is not worked on again.
    pub(crate) fn ended(&mut self, job: &JobId, token: u64, now: Instant) {
        self.ended.put(job.clone(), token, now);
    }

    /// Stops a job, takes it off the list and remembers that it is not wanted.
    pub(crate) fn cancel(&mut self, job: JobId, now: Instant) {
        if let Some(listed) = self.listed.remove(&job) {
            listed.stop.cancel();
        }
        self.cancelled.put(job, (), now);
    }

    /// How many jobs are listed.
    pub(crate) fn len(&self) -> usize {
        self.listed.len()
    }

    /// Whether a job is listed that no announcement has named yet.
    pub(crate) fn has_news(&self) -> bool {
        self.listed.values().any(|listed| !listed.announced)
    }

    /// The list, by job id.
    pub(crate) fn lines(&self, now: Instant) -> Vec<Line> {
        self.listed
            .iter()
            .map(|(job, listed)| Line {
                job: job.clone(),
                token: listed.token,
                timeout: listed.timeout,
                running: now.saturating_duration_since(listed.started),
            })
            .collect()
    }

    /// Notes that these lines were announced.
    pub(crate) fn announced(&mut self, lines: &[Line]) {
        for line in lines {
            if let Some(listed) = self.listed.get_mut(&line.job)
                && listed.token == line.token
            {
                listed.announced = true;
            }
        }
    }
}

/// Values by job id, each kept for a while and at most so many of them: the oldest go first.
struct Recent<V> {
    values: BTreeMap<JobId, (Instant, V)>,
    order: VecDeque<(Instant, JobId)>,
    most: usize,
    keep: Duration,
}

impl<V> Recent<V> {
    fn new(most: usize, keep: Duration) -> Self {
        Self {
            values: BTreeMap::new(),
            order: VecDeque::new(),
            most: most.max(1),
            keep,
        }
    }

    fn get(&self, job: &JobId, now: Instant) -> Option<&V> {
        self.values
            .get(job)
            .filter(|(at, _)| now.saturating_duration_since(*at) < self.keep)
            .map(|(_, value)| value)
    }

    fn put(&mut self, job: JobId, value: V, now: Instant) {
        self.values.insert(job.clone(), (now, value));
        self.order.push_back((now, job));
        while let Some((at, job)) = self.order.front() {
            let due = now.saturating_duration_since(*at) >= self.keep;
            if !due && self.order.len() <= self.most {
                break;
            }
            // A value that was put again since is newer than this place in the order.
            if self.values.get(job).is_some_and(|(put, _)| put == at) {
                self.values.remove(job);
            }
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);
    const LIMIT: Duration = Duration::from_secs(60);

    fn job(n: u32) -> JobId {
        JobId::new(format!("{n:032x}")).expect("a job id")
    }

    #[test]
    fn a_repeat_is_known_and_a_newer_token_stops_the_older() {
        let now = Instant::now();
        let mut roster = Roster::new(8, HOUR);
        let first = roster.list(&job(1), 1, LIMIT, now).expect("taken");
        assert!(matches!(
            roster.list(&job(1), 1, LIMIT, now),
            Err(NotTaken::Repeated)
        ));
        let second = roster.list(&job(1), 2, LIMIT, now).expect("taken");
        assert!(first.is_cancelled() && !second.is_cancelled());
        assert!(matches!(
            roster.list(&job(1), 1, LIMIT, now),
            Err(NotTaken::Repeated)
        ));
        roster.unlist(&job(1), 1);
        assert_eq!(roster.len(), 1, "the older token took the newer off");
        roster.ended(&job(1), 2, now);
        roster.unlist(&job(1), 2);
        assert!(matches!(
            roster.list(&job(1), 2, LIMIT, now),
            Err(NotTaken::Repeated)
        ));
        assert!(roster.list(&job(1), 3, LIMIT, now).is_ok());
    }

    #[test]
    fn a_cancelled_job_is_not_taken_for_an_hour() {
        let now = Instant::now();
        let mut roster = Roster::new(8, HOUR);
        let stop = roster.list(&job(1), 1, LIMIT, now).expect("taken");
        roster.cancel(job(1), now);
        assert!(stop.is_cancelled());
        assert_eq!(roster.len(), 0);
        let later = now + HOUR - Duration::from_secs(1);
        assert!(matches!(
            roster.list(&job(1), 2, LIMIT, later),
            Err(NotTaken::Cancelled)
        ));
        assert!(roster.list(&job(1), 2, LIMIT, now + HOUR).is_ok());
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_go_first() {
        let now = Instant::now();
        let mut recent = Recent::new(3, HOUR);
        recent.put(job(1), 'a', now);
        recent.put(job(2), 'b', now);
        recent.put(job(1), 'c', now + Duration::from_secs(1));
        recent.put(job(3), 'd', now + Duration::from_secs(2));
        assert_eq!(recent.get(&job(1), now), Some(&'c'), "put again");
        recent.put(job(4), 'e', now + Duration::from_secs(3));
        assert_eq!(recent.get(&job(2), now), None, "the oldest");
        assert!(recent.order.len() <= 3 && recent.values.len() <= 3);
        recent.put(job(5), 'f', now + HOUR * 2);
        assert_eq!(recent.values.len(), 1, "what is due goes");
    }

    #[test]
    fn news_are_what_no_announcement_named() {
        let now = Instant::now();
        let mut roster = Roster::new(8, HOUR);
        roster.list(&job(1), 1, LIMIT, now).expect("taken");
        assert!(roster.has_news());
        let lines = roster.lines(now + Duration::from_secs(2));
        assert_eq!(lines[0].running, Duration::from_secs(2));
        roster.announced(&lines);
        assert!(!roster.has_news());
        roster.list(&job(1), 2, LIMIT, now).expect("taken");
        roster.announced(&lines);
        assert!(roster.has_news(), "a newer token is news");
    }
}
