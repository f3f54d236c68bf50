//! The engine's rules on the built-in campaign plans, with plain values.

mod campaign;
mod estimate;
mod items;
mod loops;
mod properties;
mod recovery;
mod reopening;
mod retries;
mod reviews;
mod schedule;

use std::sync::Arc;

use model::{
    AgentKind, ContentHash, ErrorClass, Failure, JobId, RunId, StepName, TenantId, Timestamp,
    fact::{Fact, FactType, Facts},
    usage::Usage,
};
use workflow::{Catalogue, Plan, Shape};

use crate::{
    Command, Event, Refusal, Run, apply, command::JobEnd, decide, event::Kind, outstanding,
    run::Phase,
};

/// A run under test, with the clock in hand.
struct Bench {
    plan: &'static Plan,
    run: Run,
    log: Vec<Event>,
    now: Timestamp,
}

fn step(name: &str) -> StepName {
    StepName::new(name).expect("a token")
}

fn token_of(run: &Run, name: &str) -> (JobId, u64) {
    match &run.steps[&step(name)].phase {
        Phase::Running { job, token, .. } => (job.clone(), *token),
        other => panic!("{name} is not running but {other:?}"),
    }
}

impl Bench {
    fn new(mode: &str) -> Self {
        Self::with_input(mode, &["copy", "short_copy", "visual_concept"])
    }

    /// A fresh run that wants these deliverables.
    fn with_input(mode: &str, wants: &[&str]) -> Self {
        let wants: serde_json::Map<_, _> = ["copy", "short_copy", "visual_concept"]
            .map(|name| {
                (
                    name.to_owned(),
                    serde_json::Value::Bool(wants.contains(&name)),
                )
            })
            .into_iter()
            .collect();
        let input = Arc::new(serde_json::json!({ "wants": wants }));
        let plan = workflow::builtin::find("campaign", mode).expect("a built-in plan");
        Self::of(plan, input)
    }

    /// A fresh run of `plan`.
    fn of(plan: &'static Plan, input: Arc<serde_json::Value>) -> Self {
        let run = Run::new(
            TenantId::new("t").expect("token"),
            RunId::new("r").expect("token"),
            input,
            plan,
        );
        Self {
            plan,
            run,
            log: Vec::new(),
            now: Timestamp(1_000),
        }
    }

    fn submitted(mode: &str) -> Self {
        Self::new(mode).submit()
    }

    /// A run of a definition of the test's own.
    fn written(definition: &str, input: serde_json::Value) -> Self {
        let plan = workflow::compile(definition, &catalogue()).expect("a definition");
        Self::of(Box::leak(Box::new(plan)), Arc::new(input)).submit()
    }

    fn submit(self) -> Self {
        let mut bench = self;
        bench
            .tell(&submit(None))
            .expect("a fresh run takes a submit");
        bench
    }

    /// Decides and applies; the events of this command as `kind:step`.
    fn tell(&mut self, command: &Command) -> Result<Vec<String>, Refusal> {
        self.now = Timestamp(self.now.0 + 1);
        let events = decide(self.plan, &self.run, command, self.now)?;
        assert!(!events.is_empty(), "an accepted command has events");
        for event in &events {
            apply(self.plan, &mut self.run, event);
        }
        let names = events.iter().map(show).collect();
        self.log.extend(events);
        Ok(names)
    }

    fn done(&mut self, name: &str) -> Vec<String> {
        let (job, token) = token_of(&self.run, name);
        self.tell(&outcome(&job, token, name))
            .expect("a current outcome counts")
    }

    fn failed(&mut self, name: &str, class: ErrorClass) -> Vec<String> {
        let (job, token) = token_of(&self.run, name);
        self.tell(&failure(&job, token, class))
            .expect("a current outcome counts")
    }

    /// Lets the clock pass every timer.
    fn wake(&mut self) -> Result<Vec<String>, Refusal> {
        self.now = outstanding(&self.run).wake_at().unwrap_or(self.now);
        self.tell(&Command::Wake)
    }

    fn phase(&self, name: &str) -> &Phase {
        &self.run.steps[&step(name)].phase
    }

    /// The jobs under way, by step.
    fn under_way(&self) -> Vec<String> {
        let mut steps: Vec<_> = outstanding(&self.run)
            .jobs
            .values()
            .map(|job| job.step.to_string())
            .collect();
        steps.sort();
        steps
    }
}

/// Agents and an input that know nothing of campaigns.
fn catalogue() -> Catalogue {
    let facts = [("score", FactType::Number), ("sections", FactType::Keys)]
        .map(|(name, kind)| (name.to_owned(), kind));
    let agents = [
        "outline",
        "draft",
        "short",
        "polish",
        "other",
        "audit_quality",
    ]
    .map(|kind| (AgentKind::new(kind).expect("a token"), facts.clone().into()));
    let item = [("id", Shape::Text), ("kind", Shape::Text)];
    let work = Shape::object([
        ("items", Shape::each(item)),
        ("names", Shape::List),
        ("at_once", Shape::Number),
        ("account", Shape::Text),
    ]);
    Catalogue {
        agents: agents.into(),
        inputs: [("Work".to_owned(), work)].into(),
        roles: ["approver", "admin"].map(str::to_owned).into(),
    }
}

fn submit(deadline: Option<Timestamp>) -> Command {
    Command::Submit {
        deadline,
        by: "author".to_owned(),
    }
}

fn show(event: &Event) -> String {
    match event.kind.step() {
        Some(step) => format!("{}:{step}", event.kind.name()),
        None => match &event.kind {
            Kind::Ended { status } => format!("ended:{status}"),
            Kind::MilestoneReached { milestone } => milestone.clone(),
            other => other.name().to_owned(),
        },
    }
}

fn usage() -> Usage {
    Usage {
        input_tokens: 10,
        output_tokens: 5,
        cost_microusd: 3,
    }
}

fn outcome(job: &JobId, token: u64, content: &str) -> Command {
    let facts: Facts = [
        ("score".to_owned(), Fact::Number(0.9)),
        ("verdict".to_owned(), Fact::Text("pass".into())),
        (
            "sections".to_owned(),
            // Two for the first job; others differ, as lists do from pass to pass.
            Fact::Keys(["a", "b", "c"].map(String::from)[..((token as usize + 1) % 4)].to_vec()),
        ),
    ]
    .into();
    finished(job, token, content, facts)
}

fn finished(job: &JobId, token: u64, content: &str, facts: Facts) -> Command {
    Command::Outcome {
        job: job.clone(),
        token,
        end: JobEnd::Done {
            hash: ContentHash::of(content.as_bytes()),
            facts,
        },
        usage: usage(),
        duration_ms: 7,
        jitter: 0,
    }
}

fn failure(job: &JobId, token: u64, class: ErrorClass) -> Command {
    Command::Outcome {
        job: job.clone(),
        token,
        end: JobEnd::Failed(Failure::new(class, "it broke")),
        usage: usage(),
        duration_ms: 7,
        jitter: 100,
    }
}
