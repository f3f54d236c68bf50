//! A worker with one scripted agent, a signer, and a bus whose faults are made on request.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bus::{
    Bus, BusError, Envelope, Memory, Subject,
    port::{EventFeed, From, Listen, Pull},
    signature::{Seed, Signer, Verifier},
};
use bytes::Bytes;
use model::{
    AgentKind, ContentHash, ErrorClass, Failure, JobId, RunId, StepName, Timestamp,
    fact::{Fact, FactType, Facts},
    job::Product,
    media::Media,
    usage::{Provenance, Usage},
};
use tokio::{sync::Semaphore, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use wire::{
    artifact::v1::JobProof,
    convert::outcome::{Answer, Outcome},
    job::v1 as pb,
};

use crate::{Agent, AgentCard, Assignment, Door, Options, Ports, Worker, door::DoorError};

pub(super) const NOW: Timestamp = Timestamp(1_800_000_000_000);
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What the agent does with a job.
#[derive(Clone)]
pub(super) enum Act {
    /// Answers with this content and these facts.
    Make(String, Facts),
    /// Answers well, with these pictures.
    Draw(Vec<Media>),
    Fail(Failure),
    Hang,
    Panic,
    /// Writes these texts one after the other, with this pause between two, then answers well.
    Write(Vec<&'static str>, Duration),
    /// Answers well once the rig opens the gate for one.
    Gate,
}

/// An agent that does as it is told: by attempt, so that a job may say what is to happen to it.
pub(super) struct Scripted {
    card: AgentCard,
    acts: BTreeMap<u32, Act>,
    gate: Semaphore,
    pub(super) calls: Mutex<Vec<JobId>>,
    running: AtomicUsize,
    pub(super) most_running: AtomicUsize,
}

impl Scripted {
    pub(super) fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    pub(super) fn calls(&self) -> usize {
        self.calls.lock().expect("calls").len()
    }

    pub(super) fn open(&self, places: usize) {
        self.gate.add_permits(places);
    }
}

/// Counts a call for as long as its future lives.
struct Running<'a>(&'a AtomicUsize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Agent for Scripted {
    fn card(&self) -> &AgentCard {
        &self.card
    }

    async fn perform(&self, assignment: &Assignment) -> Result<Product, Failure> {
        self.calls
            .lock()
            .expect("calls")
            .push(assignment.job.clone());
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        let _running = Running(&self.running);
        self.most_running.fetch_max(running, Ordering::SeqCst);
        let act = self.acts.get(&assignment.attempt).unwrap_or(&Act::Gate);
        match act.clone() {
            Act::Make(content, facts) => Ok(product(content, facts)),
            Act::Draw(media) => {
                let (content, facts) = good();
                Ok(Product {
                    media,
                    ..product(content, facts)
                })
            }
            Act::Fail(failure) => Err(failure),
            Act::Write(texts, pause) => {
                let mut at = 0;
                assignment.live.begin();
                for text in texts {
                    assignment.live.text("/body", at, text);
                    at += text.len() as u64;
                    tokio::time::sleep(pause).await;
                }
                let (content, facts) = good();
                Ok(product(content, facts))
            }
            Act::Hang => std::future::pending().await,
            Act::Panic => panic!("as the script says"),
            Act::Gate => {
                self.gate.acquire().await.expect("open").forget();
                let (content, facts) = good();
                Ok(product(content, facts))
            }
        }
    }
}

pub(super) fn good() -> (String, Facts) {
    let facts = Facts::from([("score".to_owned(), Fact::Number(0.5))]);
    (r#"{ "text": "hello" }"#.to_owned(), facts)
}

fn product(content: String, facts: Facts) -> Product {
    let provenance = Provenance {
        agent: "copy".to_owned(),
        model: "scripted".to_owned(),
        prompt_version: "7".to_owned(),
        usage: Usage {
            input_tokens: 3,
            output_tokens: 5,
            cost_microusd: 8,
        },
        ..Provenance::default()
    };
    Product {
        content,
        facts,
        provenance,
        media: Vec::new(),
    }
}

/// The in-memory bus, with faults.
pub(super) struct Flaky {
    inner: Memory,
    /// Publishes get no answer, and nothing is taken.
    pub(super) down: AtomicBool,
    /// Messages larger than this are refused.
    pub(super) largest: AtomicUsize,
    pub(super) broadcasts: AtomicU64,
}

#[async_trait]
impl Bus for Flaky {
    async fn publish(&self, messages: Vec<Envelope>) -> Vec<Result<(), BusError>> {
        let mut answers = Vec::new();
        for message in messages {
            if self.down.load(Ordering::SeqCst) {
                answers.push(Err(BusError::Unavailable("down".to_owned())));
            } else if message.body.len() > self.largest.load(Ordering::SeqCst) {
                let (subject, why) = (message.subject.to_string(), "too large".to_owned());
                answers.push(Err(BusError::Refused { subject, why }));
            } else {
                answers.extend(self.inner.publish(vec![message]).await);
            }
        }
        answers
    }

    async fn pull(&self, queue: &Subject) -> Result<Box<dyn Pull>, BusError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(BusError::Unavailable("down".to_owned()));
        }
        self.inner.pull(queue).await
    }

    async fn holds(&self, subject: &Subject) -> Result<bool, BusError> {
        self.inner.holds(subject).await
    }

    async fn purge(&self, subject: &Subject) -> Result<(), BusError> {
        self.inner.purge(subject).await
    }

    async fn broadcast(&self, subject: &Subject, body: Bytes) -> Result<(), BusError> {
        self.broadcasts.fetch_add(1, Ordering::SeqCst);
        self.inner.broadcast(subject, body).await
    }

    async fn listen(&self, subject: &Subject) -> Result<Box<dyn Listen>, BusError> {
        self.inner.listen(subject).await
    }

    async fn events(&self, subject: &Subject, from: From) -> Result<Box<dyn EventFeed>, BusError> {
        self.inner.events(subject, from).await
    }

    fn reconnects(&self) -> u64 {
        0
    }
}

/// A door that remembers what went through it; it does not answer the first time it is asked.
#[derive(Default)]
pub(super) struct Hatch {
    asked: AtomicU64,
    pub(super) stored: Mutex<Vec<String>>,
    pub(super) pictures: Mutex<Vec<Media>>,
}

impl Hatch {
    fn ask(&self) -> Result<(), DoorError> {
        match self.asked.fetch_add(1, Ordering::SeqCst) {
            0 => Err(DoorError::Unavailable("not yet".to_owned())),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Door for Hatch {
    async fn job_input(&self, proof: &JobProof) -> Result<String, DoorError> {
        self.ask()?;
        assert!(
            !proof.signature.is_empty() && !proof.job.is_empty(),
            "no proof"
        );
        Ok(INPUT.to_owned())
    }

    async fn put_result(&self, proof: &JobProof, content: &str) -> Result<ContentHash, DoorError> {
        self.ask()?;
        assert!(
            !proof.signature.is_empty() && !proof.job.is_empty(),
            "no proof"
        );
        self.stored.lock().expect("stored").push(content.to_owned());
        Ok(ContentHash::of(content.as_bytes()))
    }

    async fn put_media(&self, proof: &JobProof, media: &Media) -> Result<ContentHash, DoorError> {
        self.ask()?;
        assert!(
            !proof.signature.is_empty() && !proof.job.is_empty(),
            "no proof"
        );
        self.pictures.lock().expect("pictures").push(media.clone());
        Ok(ContentHash::of(&media.content))
    }
}

const INPUT: &str = r#"{"input":{"brief":{}}}"#;

pub(super) struct Rig {
    pub(super) bus: Arc<Flaky>,
    pub(super) agent: Arc<Scripted>,
    pub(super) door: Arc<Hatch>,
    pub(super) stop: CancellationToken,
    pub(super) task: JoinHandle<()>,
    signer: Signer,
    outcomes: Box<dyn Pull>,
    presence: Box<dyn Listen>,
    sent: AtomicU64,
}

pub(super) fn kind() -> AgentKind {
    AgentKind::new("copy").expect("kind")
}

pub(super) fn job_id(n: u32) -> JobId {
    JobId::new(format!("{n:032x}")).expect("a job id")
}

impl Rig {
    /// A worker with two places whose agent acts by the job's attempt; an attempt without an act waits
    /// at the gate.
    pub(super) async fn start(acts: impl IntoIterator<Item = (u32, Act)>) -> Self {
        Self::start_with(acts, true).await
    }

    /// The same, with or without live text.
    pub(super) async fn start_with(acts: impl IntoIterator<Item = (u32, Act)>, live: bool) -> Self {
        let signer = Signer::new(&Seed::generate().expect("a seed")).expect("a signer");
        let bus = Arc::new(Flaky {
            inner: Memory::new(),
            down: AtomicBool::new(false),
            largest: AtomicUsize::new(usize::MAX),
            broadcasts: AtomicU64::new(0),
        });
        let agent = Arc::new(Scripted {
            card: AgentCard {
                kind: kind(),
                output_schema: serde_json::json!({ "type": "object" }),
                facts: BTreeMap::from([("score".to_owned(), FactType::Number)]),
                model: "scripted".to_owned(),
                version: "7".to_owned(),
                max_output_bytes: 512 * 1024,
                input_price_microusd: 0,
                output_price_microusd: 0,
            },
            acts: acts.into_iter().collect(),
            gate: Semaphore::new(0),
            calls: Mutex::default(),
            running: AtomicUsize::new(0),
            most_running: AtomicUsize::new(0),
        });
        let door = Arc::new(Hatch::default());
        let ports = Ports {
            bus: bus.clone(),
            verifier: Arc::new(Verifier::new([signer.public_key().clone()])),
            door: door.clone(),
            clock: Arc::new(|| NOW),
        };
        let options = Options {
            slots: 2,
            live,
            ..Options::new("w1")
        };
        let worker =
            Worker::new(options, ports, vec![agent.clone() as Arc<dyn Agent>]).expect("a worker");
        let outcomes = bus.pull(&Subject::outcomes_of(5)).await.expect("outcomes");
        let presence = bus
            .listen(&Subject::worker_presence())
            .await
            .expect("presence");
        let stop = CancellationToken::new();
        let task = tokio::spawn(worker.run(stop.clone()));
        Self {
            bus,
            agent,
            door,
            stop,
            task,
            signer,
            outcomes,
            presence,
            sent: AtomicU64::new(0),
        }
    }

    /// Job `n` for this attempt, as the orchestrator makes it.
    pub(super) fn job(n: u32, attempt: u32) -> pb::Job {
        pb::Job {
            id: job_id(n).to_string(),
            token: 1,
            tenant: "acme".to_owned(),
            run_id: RunId::new("r1").expect("run").to_string(),
            step: StepName::new("copy").expect("step").to_string(),
            agent: kind().to_string(),
            attempt,
            revision: 1,
            timeout_ms: 60_000,
            expires: Some(NOW.after(Duration::from_secs(60)).into()),
            partition: 5,
            input_json: INPUT.to_owned(),
        }
    }

    /// The unsigned envelope of a job.
    pub(super) fn envelope(&self, job: &pb::Job) -> Envelope {
        let sent = self.sent.fetch_add(1, Ordering::SeqCst);
        let id = JobId::new(job.id.clone()).expect("id");
        Envelope {
            subject: Subject::job(&kind(), &id),
            id: format!("{id}.{}.{sent}", job.token),
            kind: "pressrun.job.v1.Job".to_owned(),
            traceparent: TRACE.to_owned(),
            signature: String::new(),
            body: wire::json::to_json(job).expect("json").into(),
        }
    }

    pub(super) fn signed(&self, job: &pb::Job) -> Envelope {
        let mut batch = [self.envelope(job)];
        self.signer.sign_batch(&mut batch);
        let [envelope] = batch;
        envelope
    }

    pub(super) async fn publish(&self, envelope: Envelope) {
        let answers = self.bus.inner.publish(vec![envelope]).await;
        assert_eq!(answers, [Ok(())]);
    }

    pub(super) async fn send(&self, job: &pb::Job) {
        self.publish(self.signed(job)).await;
    }

    /// The next outcome, taken off the queue.
    pub(super) async fn outcome(&mut self) -> Outcome {
        self.outcome_envelope().await.1
    }

    pub(super) async fn outcome_envelope(&mut self) -> (Envelope, Outcome) {
        let batch = timeout(Duration::from_hours(2), self.outcomes.next(1)).await;
        let batch = batch.expect("an outcome in time").expect("the bus works");
        batch[0].ack().await.expect("acked");
        let envelope = batch[0].envelope().clone();
        let wire: pb::Outcome = wire::json::from_json(&envelope.body, 1 << 20).expect("an outcome");
        (envelope, Outcome::try_from(wire).expect("a good outcome"))
    }

    /// The class of the next outcome, a failure.
    pub(super) async fn failure(&mut self) -> ErrorClass {
        match self.outcome().await.answer {
            Answer::Failure(failure) => failure.class,
            other => panic!("no failure: {other:?}"),
        }
    }

    /// Whether nothing comes out for this long.
    pub(super) async fn silent_for(&mut self, time: Duration) -> bool {
        timeout(time, self.outcomes.next(1)).await.is_err()
    }

    /// The next presence message.
    pub(super) async fn presence(&mut self) -> pb::WorkerPresence {
        let (_, body) = self.presence.next().await.expect("open");
        wire::json::from_json(&body, 1 << 20).expect("presence")
    }

    /// Waits until the worker's presence is as wanted.
    pub(super) async fn present(
        &mut self,
        wanted: impl Fn(&pb::WorkerPresence) -> bool,
    ) -> pb::WorkerPresence {
        loop {
            let presence = self.presence().await;
            if wanted(&presence) {
                return presence;
            }
        }
    }

    /// Waits until the agent has this many calls under way.
    pub(super) async fn until_running(&mut self, calls: usize) {
        while self.agent.running() != calls {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until the queue no longer holds a job.
    pub(super) async fn until_gone(&self, n: u32) {
        while self
            .bus
            .holds(&Subject::job(&kind(), &job_id(n)))
            .await
            .expect("the bus works")
        {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub(super) async fn cancel(&self, n: u32) {
        let body = wire::json::to_json(&pb::Cancelled {
            job_ids: vec![job_id(n).to_string()],
        })
        .expect("json");
        self.bus
            .broadcast(&Subject::cancelled(), body.into())
            .await
            .expect("sent");
    }
}
