//! Stores to test, and runs that the real engine drives through them.

use std::sync::Arc;

use engine::{Command, Outstanding, Run, command::JobEnd, decide, outstanding, progress};
use model::{
    ContentHash, ErrorClass, Failure, JobId, RunId, StepName, TenantId, Timestamp,
    fact::Fact,
    usage::{Provenance, Usage},
};
use store::{
    Store,
    port::{
        Active, Birth, Blob, CommitError, JobRow, NewVersion, ReportRow, Rest, ReviewRow, Standing,
        Transition,
    },
    postgres::{Options, Postgres},
    record,
    sqlite::Sqlite,
};
use workflow::{Plan, StepKind};

pub(crate) const SUBMITTED: i64 = 1_700_000_000_000;

pub(crate) async fn sqlite() -> (Arc<dyn Store>, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Sqlite::open(folder.path().join("deep/er/store.db"))
        .await
        .expect("opens");
    (Arc::new(store), folder)
}

/// The address of a new database with tables.
pub(crate) async fn database() -> String {
    let cluster = rig::Postgres::shared().await.expect("a cluster");
    let url = cluster.database().await.expect("a database");
    store::postgres::migrate(&url).await.expect("migrates");
    url
}

pub(crate) async fn postgres() -> Arc<dyn Store> {
    Arc::new(connect(&database().await).await)
}

pub(crate) async fn connect(url: &str) -> Postgres {
    Postgres::connect(&Options::new(url))
        .await
        .expect("connects")
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("a token")
}

pub(crate) fn run_id(name: &str) -> RunId {
    RunId::new(name).expect("a token")
}

pub(crate) fn step(name: &str) -> StepName {
    StepName::new(name).expect("a token")
}

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp(SUBMITTED + millis)
}

/// A run, and the transitions that take it on: what the orchestrator does, without a bus.
#[derive(Clone)]
pub(crate) struct Driver {
    pub(crate) plan: Plan,
    pub(crate) run: Run,
    pub(crate) birth: Birth,
    input: String,
    versions: u32,
    /// What it holds for itself alone.
    pub(crate) holds: Option<String>,
}

impl Driver {
    pub(crate) fn new(owner: &str, id: &str, key: Option<&str>) -> Self {
        let plan = workflow::builtin::find("campaign", "parallel")
            .expect("built in")
            .clone();
        let input = format!(
            r#"{{"wants":{{"copy":true,"short_copy":true,"visual_concept":true}},"name":"ünï {id}"}}"#
        );
        let value = Arc::new(serde_json::from_str(&input).expect("JSON"));
        Self {
            birth: Birth {
                workflow: "campaign".to_owned(),
                mode: "parallel".to_owned(),
                workflow_version: 1,
                plan: plan.hash(),
                input: ContentHash::of(input.as_bytes()),
                campaign: model::CampaignId::new(format!("c-{id}")).expect("a token"),
                title: format!("Spring — {id}"),
                idempotency_key: key.map(str::to_owned),
                correlation_id: "corr".to_owned(),
                traceparent: String::new(),
                priority: 3,
                submitted: at(0),
            },
            run: Run::new(tenant(owner), run_id(id), value, &plan),
            plan,
            input,
            versions: 0,
            holds: None,
        }
    }

    pub(crate) fn outstanding(&self) -> Outstanding {
        outstanding(&self.run)
    }

    /// The transition that `command` makes; the driver moves on with it.
    pub(crate) fn tell(&mut self, command: &Command, now: Timestamp) -> Transition {
        let before = self.outstanding();
        let expected = self.run.sequence;
        let events = decide(&self.plan, &self.run, command, now).expect("not refused");
        for event in &events {
            engine::apply(&self.plan, &mut self.run, event);
        }
        let after = self.outstanding();
        let born = expected == 0;
        let again = |job: &JobId| after.jobs.keys().any(|(other, _)| other == job);
        let gone = before
            .jobs
            .keys()
            .filter(|key| !after.jobs.contains_key(key));
        let (withdrawn, given_up) = gone
            .cloned()
            .partition(|(job, token)| self.run.settled.contains(token) || again(job));
        Transition {
            tenant: self.run.tenant.clone(),
            run: self.run.id.clone(),
            expected,
            birth: born.then(|| self.birth.clone()),
            holds: self.holds.clone().filter(|_| born),
            standing: Standing {
                status: self.run.status,
                state: self.run.state.clone(),
                updated: self.run.time,
                percent: progress(&self.plan, &self.run).percent(),
                wake_at: after.wake_at(),
            },
            sent: after
                .jobs
                .iter()
                .filter(|(key, _)| !before.jobs.contains_key(key))
                .map(|((job, token), of)| JobRow {
                    job: job.clone(),
                    token: *token,
                    step: of.step.clone(),
                    agent: of.agent.clone(),
                    sent_at: now,
                })
                .collect(),
            ready: Vec::new(),
            withdrawn,
            given_up,
            asked: after
                .reviews
                .iter()
                .filter(|(key, now)| before.reviews.get(*key) != Some(*now))
                .map(|((step, subject), review)| ReviewRow {
                    step: step.clone(),
                    subject: subject.clone(),
                    role: review.role.clone(),
                    since: review.since,
                    deadline: review.deadline,
                })
                .collect(),
            answered: before
                .reviews
                .iter()
                .filter(|(key, was)| after.reviews.get(*key) != Some(*was))
                .map(|(key, _)| key.clone())
                .collect(),
            versions: Vec::new(),
            blobs: if born {
                vec![Blob {
                    hash: self.birth.input.clone(),
                    content: self.input.clone(),
                }]
            } else {
                Vec::new()
            },
            rest: self.run.status.at_rest().then(|| self.rest()),
            events,
        }
    }

    pub(crate) fn submit(&mut self) -> Transition {
        let deadline = Some(at(3_600_000));
        let by = "author".to_owned();
        self.tell(&Command::Submit { deadline, by }, at(0))
    }

    fn job(&self, name: &str) -> (JobId, u64) {
        let outstanding = self.outstanding();
        let found = outstanding
            .jobs
            .iter()
            .find(|(_, of)| of.step.as_str() == name);
        found.expect("a job under way").0.clone()
    }

    /// The step's job ends well.
    pub(crate) fn finish(&mut self, name: &str, now: Timestamp) -> Transition {
        let (job, token) = self.job(name);
        self.versions += 1;
        let content = format!(
            "{{\"step\":\"{name}\",\"text\":\"Grüße 😀 \\u0000 {}\"}}",
            self.versions
        );
        let hash = ContentHash::of(content.as_bytes());
        let usage = Usage {
            input_tokens: 10,
            output_tokens: 20,
            cost_microusd: 30,
        };
        let command = Command::Outcome {
            job,
            token,
            end: JobEnd::Done {
                hash: hash.clone(),
                facts: [("score".to_owned(), Fact::Number(0.1 + 0.2))].into(),
            },
            usage,
            duration_ms: 7,
            jitter: 0,
        };
        let mut transition = self.tell(&command, now);
        let version = self.run.steps[&step(name)]
            .result
            .as_ref()
            .expect("done")
            .version;
        transition.versions.push(NewVersion {
            step: step(name),
            version,
            hash,
            content,
            report: self.is_audit(name),
            provenance: Provenance {
                agent: name.to_owned(),
                model: "offline".to_owned(),
                prompt_version: "1".to_owned(),
                worker: "w1".to_owned(),
                usage,
                duration_ms: 7,
            },
            created: now,
        });
        transition
    }

    /// The step's job fails in a way that is tried again.
    pub(crate) fn fail(&mut self, name: &str, now: Timestamp) -> Transition {
        let (job, token) = self.job(name);
        let failure = Failure::new(ErrorClass::Network, "the connection broke");
        let command = Command::Outcome {
            job,
            token,
            end: JobEnd::Failed(failure),
            usage: Usage::default(),
            duration_ms: 1,
            jitter: 17,
        };
        self.tell(&command, now)
    }

    pub(crate) fn redrive(&mut self, name: &str, now: Timestamp) -> Transition {
        let (job, token) = self.job(name);
        self.tell(&Command::Redrive { job, token }, now)
    }

    /// Every transition of a run without failures.
    pub(crate) fn whole(&mut self) -> Vec<Transition> {
        let mut all = vec![self.submit()];
        for (now, name) in (1..).zip(["short_copy", "copy", "visual_concept", "audit"]) {
            all.push(self.finish(name, at(now)));
        }
        all
    }

    fn is_audit(&self, name: &str) -> bool {
        let kind = self.plan.step(&step(name)).map(|step| &step.kind);
        matches!(kind, Some(StepKind::Audit { .. }))
    }

    fn rest(&self) -> Rest {
        let active = self.run.steps.iter().filter_map(|(name, state)| {
            let result = state.result.as_ref()?;
            let planned = self.plan.step(name)?;
            Some(Active {
                step: name.clone(),
                place: planned.result.clone().unwrap_or_else(|| name.to_string()),
                version: result.version,
                hash: result.hash.clone(),
                report: self.is_audit(name.as_str()).then(|| ReportRow {
                    verdict: "pass".to_owned(),
                    score: 0.9,
                    of: planned.kind.of().iter().map(|of| (of.clone(), 1)).collect(),
                }),
            })
        });
        Rest {
            active: active.collect(),
            snapshot: record::encode_run(&self.run),
        }
    }

    /// Loads the run and folds it.
    pub(crate) async fn stored(&self, store: &dyn Store) -> Run {
        let stored = store
            .load(&self.run.tenant, &self.run.id)
            .await
            .expect("reads");
        let stored = stored.expect("is there");
        record::fold(&stored, &self.run.tenant, &self.run.id, &self.plan).expect("folds")
    }
}

/// Commits one transition.
pub(crate) async fn commit_one(
    store: &dyn Store,
    transition: Transition,
) -> Result<(), CommitError> {
    let mut verdicts = store.commit(vec![transition]).await;
    assert_eq!(verdicts.len(), 1);
    verdicts.remove(0)
}

/// Commits transitions one after the other; each must hold.
pub(crate) async fn commit_all(store: &dyn Store, transitions: Vec<Transition>) {
    for transition in transitions {
        commit_one(store, transition).await.expect("commits");
    }
}
