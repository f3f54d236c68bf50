//! The bare design: the same commits and messages as a run of the product, over JetStream, with nothing
//! in between. Three jobs go out once the submit is committed, what has come back is committed together,
//! then the audit's job and the last commit; or eight jobs one after the other.
//!
//! Its orchestrator is this process, its worker one of its own, so that each hop leaves the process.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::Context;
use async_nats::{
    HeaderMap,
    header::NATS_MESSAGE_ID,
    jetstream::{self, AckKind, consumer::pull, context::PublishAckFuture, stream},
};
use futures::StreamExt;
use sqlx::{Connection, PgConnection};
use tokio::sync::{mpsc, oneshot};

use super::load::text;

/// Most transitions of one transaction; as many as the product's.
const MAX_BATCH: usize = 64;
const QUEUE: usize = 4_096;
const JOBS: &str = "BARE_JOBS";
const OUTCOMES: &str = "BARE_OUTCOMES";

/// What a run is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Three jobs at once, then one.
    Campaign,
    /// Eight jobs in sequence.
    Pipeline,
}

impl Shape {
    /// Jobs of each stage.
    fn stages(self) -> &'static [u32] {
        match self {
            Self::Campaign => &[3, 1],
            Self::Pipeline => &[1, 1, 1, 1, 1, 1, 1, 1],
        }
    }
}

/// The bare orchestrator; cheap to clone.
#[derive(Clone)]
pub(super) struct Bare {
    commands: mpsc::Sender<Command>,
    next: Arc<AtomicU64>,
}

enum Command {
    Submit {
        run: u64,
        shape: Shape,
        done: oneshot::Sender<()>,
    },
    Outcome {
        run: u64,
        job: u32,
        message: Box<jetstream::Message>,
    },
}

/// A run under way.
struct Run {
    shape: Shape,
    stage: usize,
    /// Jobs sent so far, and those of them that are still out.
    sent: u32,
    out: HashSet<u32>,
    done: Option<oneshot::Sender<()>>,
}

impl Bare {
    /// Starts it on an empty database.
    pub(super) async fn start(database: &str, nats: &str) -> anyhow::Result<Self> {
        let mut connection = PgConnection::connect(database).await?;
        sqlx::query(
            "create table bare (run bigint not null, job integer not null, body text not null, \
             primary key (run, job))",
        )
        .execute(&mut connection)
        .await?;
        let js = jetstream::new(async_nats::connect(nats).await?);
        let (commands, queue) = mpsc::channel(QUEUE);
        // Made before the first job is sent, whether or not the worker is there.
        stream_of(&js, JOBS).await?;
        let outcomes = queue_of(&js, OUTCOMES).await?;
        tokio::spawn(ended("intake", intake(outcomes, commands.clone())));
        tokio::spawn(ended("commits", commit(connection, js, queue)));
        Ok(Self {
            commands,
            next: Arc::default(),
        })
    }

    /// One run, from its submit to its last commit.
    pub(super) async fn run(&self, shape: Shape) -> anyhow::Result<()> {
        let (done, ended) = oneshot::channel();
        let run = self.next.fetch_add(1, Ordering::Relaxed);
        let submit = Command::Submit { run, shape, done };
        let gone = "the bare orchestrator has ended";
        self.commands.send(submit).await.ok().context(gone)?;
        ended.await.context(gone)
    }
}

/// A task's failure is told: the runs that wait for it cannot say why they never end.
async fn ended(what: &str, task: impl Future<Output = anyhow::Result<()>>) {
    if let Err(error) = task.await {
        #[expect(clippy::print_stderr, reason = "a command-line program's complaint")]
        {
            eprintln!("bare {what}: {error:#}");
        }
    }
}

async fn intake(mut outcomes: pull::Stream, commands: mpsc::Sender<Command>) -> anyhow::Result<()> {
    while let Some(message) = outcomes.next().await {
        let message = message?;
        let (run, job) = address(&message.subject)?;
        let outcome = Command::Outcome {
            run,
            job,
            message: Box::new(message),
        };
        if commands.send(outcome).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Whatever is ready goes into one transaction; only then are messages acked and sent.
async fn commit(
    mut connection: PgConnection,
    js: jetstream::Context,
    mut queue: mpsc::Receiver<Command>,
) -> anyhow::Result<()> {
    let mut runs = HashMap::<u64, Run>::new();
    let body = text();
    while let Some(first) = queue.recv().await {
        let mut batch = vec![first];
        while batch.len() < MAX_BATCH
            && let Ok(next) = queue.try_recv()
        {
            batch.push(next);
        }
        let mut rows = Rows::default();
        let (mut send, mut ack, mut over) = (Vec::new(), Vec::new(), Vec::new());
        for command in batch {
            let run = match command {
                Command::Submit { run, shape, done } => {
                    rows.add(run, 0);
                    let state = Run {
                        shape,
                        stage: 0,
                        sent: 0,
                        out: HashSet::new(),
                        done: Some(done),
                    };
                    runs.insert(run, state);
                    run
                }
                Command::Outcome { run, job, message } => {
                    ack.push(message);
                    // A repeat: its run has had it.
                    if !runs
                        .get_mut(&run)
                        .is_some_and(|state| state.out.remove(&job))
                    {
                        continue;
                    }
                    rows.add(run, job);
                    run
                }
            };
            let Some(state) = runs.get_mut(&run) else {
                continue;
            };
            if !state.out.is_empty() {
                continue;
            }
            match state.shape.stages().get(state.stage) {
                Some(jobs) => {
                    state.stage += 1;
                    for _ in 0..*jobs {
                        state.sent += 1;
                        state.out.insert(state.sent);
                        send.push((run, state.sent));
                    }
                }
                None => {
                    over.extend(state.done.take());
                    runs.remove(&run);
                }
            }
        }
        if !rows.runs.is_empty() {
            sqlx::query(
                "insert into bare (run, job, body) select run, job, $3 from unnest($1, $2) as r (run, job)",
            )
            .bind(&rows.runs)
            .bind(&rows.jobs)
            .bind(&body)
            .execute(&mut connection)
            .await?;
        }
        for (run, job) in send {
            let stored = publish(&js, "jobs", run, job, &body).await?;
            tokio::spawn(ended("job", async { Ok(stored.await.map(drop)?) }));
        }
        for done in over {
            // A caller that has gone away does not wait.
            done.send(()).unwrap_or(());
        }
        for message in ack {
            message.ack().await.map_err(anyhow::Error::from_boxed)?;
        }
    }
    Ok(())
}

#[derive(Default)]
struct Rows {
    runs: Vec<i64>,
    jobs: Vec<i32>,
}

impl Rows {
    fn add(&mut self, run: u64, job: u32) {
        self.runs.push(run.cast_signed());
        self.jobs.push(job.cast_signed());
    }
}

/// Does every job at once, and only acks and answers.
pub(super) async fn worker(nats: &str) -> anyhow::Result<()> {
    let js = jetstream::new(async_nats::connect(nats).await?);
    // Whoever comes first makes both.
    stream_of(&js, OUTCOMES).await?;
    let mut jobs = queue_of(&js, JOBS).await?;
    let body = text();
    while let Some(message) = jobs.next().await {
        let message = message?;
        let (run, job) = address(&message.subject)?;
        message
            .ack_with(AckKind::Ack)
            .await
            .map_err(anyhow::Error::from_boxed)?;
        let stored = publish(&js, "outcomes", run, job, &body).await?;
        tokio::spawn(ended("outcome", async { Ok(stored.await.map(drop)?) }));
    }
    Ok(())
}

async fn publish(
    js: &jetstream::Context,
    what: &str,
    run: u64,
    job: u32,
    body: &str,
) -> anyhow::Result<PublishAckFuture> {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, format!("{run}.{job}").as_str());
    let subject = format!("bare.{what}.{run}.{job}");
    let body = body.to_owned().into();
    Ok(js.publish_with_headers(subject, headers, body).await?)
}

fn address(subject: &str) -> anyhow::Result<(u64, u32)> {
    let mut tokens = subject.rsplit('.');
    let job = tokens.next().context("a subject without job")?.parse()?;
    let run = tokens.next().context("a subject without run")?.parse()?;
    Ok((run, job))
}

/// A work queue, as the product's are.
async fn stream_of(js: &jetstream::Context, name: &str) -> anyhow::Result<stream::Stream> {
    let subjects = if name == JOBS {
        "bare.jobs.>"
    } else {
        "bare.outcomes.>"
    };
    let config = stream::Config {
        name: name.to_owned(),
        subjects: vec![subjects.to_owned()],
        retention: stream::RetentionPolicy::WorkQueue,
        ..stream::Config::default()
    };
    Ok(js.get_or_create_stream(config).await?)
}

/// The messages that come from it.
async fn queue_of(js: &jetstream::Context, name: &str) -> anyhow::Result<pull::Stream> {
    let config = pull::Config {
        durable_name: Some(name.to_owned()),
        max_ack_pending: 8_192,
        ..pull::Config::default()
    };
    let stream = stream_of(js, name).await?;
    let consumer = stream.get_or_create_consumer(name, config).await?;
    Ok(consumer.messages().await?)
}
