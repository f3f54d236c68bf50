//! Outcomes from the bus to their runs. An outcome is acked after its commit, or when it can never count;
//! while the store does not answer it stays on the bus.

use std::{collections::BTreeMap, sync::Arc};

use ::service::{
    metric::label,
    trace::{Kind, Place, Span, attribute},
};
use bus::{Envelope, Subject, port::Delivery, subject::Stream};
use engine::{Command, Refusal, command::JobEnd};
use model::{
    ContentHash, ErrorClass, Failure, JobId, RunId, TenantId, id::InvalidId, job::Product,
    limits::MAX_REQUEST_BYTES,
};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;
use wire::{
    convert::outcome::{Answer, Malformed, Outcome},
    job::v1 as proto,
};

use super::{
    Core, Planted,
    commit::{Committed, Content, Work, WorkError},
    dispatch::pause,
    limits::{OUTCOME_FETCH, OUTCOMES_AT_ONCE},
    parked,
};

/// Takes the outcomes of the partitions that this replica owns.
pub(crate) async fn run(core: Core, stop: CancellationToken) -> anyhow::Result<()> {
    let mut owned = core.peers.owned();
    let places = Arc::new(Semaphore::new(OUTCOMES_AT_ONCE));
    let mut pulling = BTreeMap::<u32, CancellationToken>::new();
    let mut tasks = JoinSet::new();
    loop {
        let wanted = owned.borrow_and_update().clone();
        pulling.retain(|partition, pull| {
            let keep = wanted.contains(partition);
            if !keep {
                pull.cancel();
            }
            keep
        });
        for partition in wanted {
            pulling.entry(partition).or_insert_with(|| {
                let stop = stop.child_token();
                tasks.spawn(partition_loop(
                    core.clone(),
                    partition,
                    places.clone(),
                    stop.clone(),
                ));
                stop
            });
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            changed = owned.changed() => if changed.is_err() { break },
            ended = tasks.join_next(), if !tasks.is_empty() => {
                if let Some(Err(error)) = ended && error.is_panic() {
                    anyhow::bail!("a partition's task panicked: {error}");
                }
            }
        }
    }
    while tasks.join_next().await.is_some() {}
    Ok(())
}

async fn partition_loop(
    core: Core,
    partition: u32,
    places: Arc<Semaphore>,
    stop: CancellationToken,
) {
    let queue = Subject::outcomes_of(partition);
    let mut working = JoinSet::new();
    'connect: while !stop.is_cancelled() {
        let mut pull = match core.ports.bus.pull(&queue).await {
            Ok(pull) => pull,
            Err(error) => {
                tracing::debug!(partition, %error, "outcomes cannot be pulled now");
                pause(&stop).await;
                continue;
            }
        };
        loop {
            let taken = tokio::select! {
                biased;
                () = stop.cancelled() => break 'connect,
                Some(ended) = working.join_next(), if !working.is_empty() => {
                    if let Err(error) = ended { tracing::error!(%error, "an outcome's task ended badly"); }
                    continue;
                }
                taken = pull.next(OUTCOME_FETCH) => taken,
            };
            let deliveries = match taken {
                Ok(deliveries) => deliveries,
                Err(error) => {
                    tracing::debug!(partition, %error, "outcomes cannot be pulled now");
                    pause(&stop).await;
                    continue 'connect;
                }
            };
            for delivery in deliveries {
                let Ok(place) = places.clone().acquire_owned().await else {
                    break 'connect;
                };
                let core = core.clone();
                working.spawn(async move {
                    take(&core, delivery.as_ref()).await;
                    drop(place);
                });
            }
        }
    }
    while working.join_next().await.is_some() {}
}

async fn take(core: &Core, delivery: &dyn Delivery) {
    if core.planted == Planted::AckBeforeCommit {
        drop(delivery.ack().await);
    }
    let span = begin(delivery.envelope());
    let result = span.around(commit(core, delivery)).await;
    let (name, done) = match &result {
        Ok(Committed { applied: true, .. }) => ("applied", true),
        Ok(Committed { applied: false, .. }) => ("late", true),
        Err(WorkError::Refused(Refusal::Repeated(_))) => ("repeated", true),
        Err(
            WorkError::Refused(_)
            | WorkError::NotFound(_)
            | WorkError::Data(_)
            | WorkError::KeyTaken(_),
        ) => ("refused", true),
        Err(WorkError::Corrupt(_)) => ("corrupt", false),
        Err(WorkError::Unavailable(_)) => ("unavailable", false),
    };
    metrics::counter!(::service::metric::OUTCOMES, label::RESULT => name).increment(1);
    if let Err(error @ (WorkError::Data(_) | WorkError::NotFound(_))) = &result {
        parked::outcome(core, delivery.envelope(), &error.to_string()).await;
    }
    span.record(|| [attribute::RESULT.string(name)]);
    if let Err(error @ (WorkError::Data(_) | WorkError::Corrupt(_))) = &result {
        tracing::error!(subject = %delivery.envelope().subject, %error, "an outcome was not applied");
    }
    if done && let Err(error) = delivery.ack().await {
        tracing::debug!(%error, "an outcome's ack was lost; it will come again and be refused as repeated");
    }
}

/// The span of taking an outcome, below that of its job.
fn begin(envelope: &Envelope) -> Span {
    let job = Place::read(&envelope.traceparent);
    let span = Span::start(Kind::Consumer, &job, || "outcome");
    span.record(|| {
        [
            attribute::MESSAGING_SYSTEM.string("nats"),
            attribute::MESSAGING_OPERATION.string("process"),
            attribute::MESSAGING_DESTINATION.string(Stream::Outcomes.name()),
        ]
    });
    span
}

async fn commit(core: &Core, delivery: &dyn Delivery) -> Result<Committed, WorkError> {
    match work(core, delivery).await {
        Ok(mut work) if core.planted == Planted::LateOutcomeApplied => {
            take_for_current(core, &mut work).await;
            core.committer.run(work).await
        }
        Ok(work) => core.committer.run(work).await,
        Err(Unreadable::Never(why)) => {
            tracing::warn!(subject = %delivery.envelope().subject, why, "an outcome cannot be read and is dropped");
            Err(WorkError::Data(why))
        }
        Err(Unreadable::Now(why)) => Err(WorkError::Unavailable(why)),
    }
}

/// The planted bug: whatever token the outcome was made under, it counts.
async fn take_for_current(core: &Core, work: &mut Work) {
    if let Command::Outcome { job, token, .. } = &mut work.command
        && let Ok(held) = core.committer.read(&work.tenant, &work.run).await
        && let Some((_, _, current)) = held.run.under_way(job)
    {
        *token = current;
    }
}

enum Unreadable {
    /// It can never count.
    Never(String),
    /// The store does not answer.
    Now(String),
}

async fn work(core: &Core, delivery: &dyn Delivery) -> Result<Work, Unreadable> {
    let envelope = delivery.envelope();
    let never = |why: &dyn std::fmt::Display| Unreadable::Never(why.to_string());
    let sent: proto::Outcome =
        wire::json::from_json(&envelope.body, MAX_REQUEST_BYTES).map_err(|error| match error {
            // What is wrong there may quote an artifact, and this goes to logs and to PARKED.
            wire::json::Error::Malformed { line, column, .. } => {
                never(&format!("line {line}, column {column}: it is no outcome"))
            }
            other => never(&other),
        })?;
    let outcome = match Outcome::try_from(sent.clone()) {
        Ok(outcome) => outcome,
        Err(malformed) => bad_result(sent, &malformed).map_err(|error| never(&error))?,
    };
    // A worker could publish on any job's subject, but only the job's own counts.
    if envelope.subject != Subject::outcome(Subject::partition(&outcome.run), &outcome.job) {
        return Err(never(&"it came on another subject than its own"));
    }
    let Outcome {
        job,
        token,
        tenant,
        run,
        answer,
        usage,
        duration_ms,
        ..
    } = outcome;
    let (end, content) = match answer {
        Answer::HandBack => return Ok(Work::new(tenant, run, Command::HandBack { job, token })),
        Answer::Failure(failure) => (JobEnd::Failed(failure), None),
        Answer::Product(Product {
            content,
            facts,
            provenance,
            // Stored by the worker before it answered.
            media: _,
        }) => {
            let hash = ContentHash::of(content.as_bytes());
            let end = JobEnd::Done {
                hash: hash.clone(),
                facts,
            };
            (
                end,
                Some(Content {
                    hash,
                    text: content.into(),
                    provenance,
                }),
            )
        }
        Answer::Uploaded {
            hash,
            facts,
            provenance,
        } => match core.contents.blob(&tenant, &hash).await {
            Ok(Some(text)) => (
                JobEnd::Done {
                    hash: hash.clone(),
                    facts,
                },
                Some(Content {
                    hash,
                    text,
                    provenance,
                }),
            ),
            Ok(None) => {
                let why = format!("the uploaded content {hash} is not there");
                (JobEnd::Failed(Failure::new(ErrorClass::Schema, why)), None)
            }
            Err(error) => return Err(Unreadable::Now(error.to_string())),
        },
    };
    let jitter = (core.ports.entropy)();
    let mut work = Work::new(
        tenant,
        run,
        Command::Outcome {
            job,
            token,
            end,
            usage,
            duration_ms,
            jitter,
        },
    );
    work.content = content;
    Ok(work)
}

/// An outcome whose result cannot be taken is a failed attempt, so that its run does not wait for silence.
/// One whose ids are no ids belongs to no run.
fn bad_result(sent: proto::Outcome, malformed: &Malformed) -> Result<Outcome, InvalidId> {
    Ok(Outcome {
        job: JobId::new(sent.job_id)?,
        token: sent.token,
        tenant: TenantId::new(sent.tenant)?,
        run: RunId::new(sent.run_id)?,
        worker: String::new(),
        answer: Answer::Failure(Failure::new(ErrorClass::Schema, malformed.to_string())),
        usage: sent.usage.map(Into::into).unwrap_or_default(),
        duration_ms: sent.duration_ms,
    })
}
