//! The queue of one agent kind: jobs are fetched only for places that are free.

use std::sync::{Arc, Mutex, PoisonError};

use bus::{
    BusError, Subject,
    port::{Delivery, Pull},
    subject::Stream,
};
use model::AgentKind;
use service::{
    metric::{self, label},
    trace::{Kind, Place, Span, attribute},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::timeout,
};
use tracing::{Instrument, debug, info, info_span, warn};

use crate::{
    agent::Agent,
    intake::{self, Ticket},
    limits::{ACK_LIMIT, MAX_FETCH},
    shared::{Backoff, Shared},
    work::work,
};

/// The jobs under way; each is a task, so that one cannot hold up another.
pub(crate) type Jobs = Mutex<JoinSet<()>>;

/// Takes jobs for one agent until the worker stops.
pub(crate) async fn pull(shared: &Arc<Shared>, agent: &Arc<dyn Agent>, jobs: &Jobs) {
    let kind = &agent.card().kind;
    let places = Arc::new(Semaphore::new(shared.options.slots as usize));
    let mut queue = None;
    let mut backoff = Backoff::new();
    let mut failing = false;
    loop {
        let taken = tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            taken = take(shared, kind, &places, &mut queue) => taken,
        };
        match taken {
            Ok(batch) => {
                if failing {
                    info!(agent = %kind, "jobs can be fetched again");
                }
                failing = false;
                backoff = Backoff::new();
                for (delivery, place) in batch {
                    accept(shared, agent, jobs, delivery, place).await;
                }
            }
            Err(error) => {
                if !failing {
                    warn!(agent = %kind, %error, "jobs cannot be fetched; it is tried again");
                }
                failing = true;
                tokio::select! {
                    biased;
                    () = shared.stop.cancelled() => return,
                    () = backoff.wait() => {}
                }
            }
        }
    }
}

/// Waits for a free place, then for jobs, at most as many as places are free.
async fn take(
    shared: &Shared,
    kind: &AgentKind,
    places: &Arc<Semaphore>,
    queue: &mut Option<Box<dyn Pull>>,
) -> Result<Vec<(Box<dyn Delivery>, OwnedSemaphorePermit)>, BusError> {
    let closed = |_| BusError::Unavailable("the worker has no places".to_owned());
    let mut free = vec![Arc::clone(places).acquire_owned().await.map_err(closed)?];
    while free.len() < MAX_FETCH
        && let Ok(place) = Arc::clone(places).try_acquire_owned()
    {
        free.push(place);
    }
    let queue = match queue {
        Some(queue) => queue,
        None => queue.insert(shared.bus.pull(&Subject::jobs_of(kind)).await?),
    };
    let batch = queue.next(free.len()).await?;
    Ok(batch.into_iter().zip(free).collect())
}

/// Checks a message and starts its job. What is not worked on is acked, so that it does not come again;
/// the orchestrator hears of it in no list and drives what is still wanted anew.
async fn accept(
    shared: &Arc<Shared>,
    agent: &Arc<dyn Agent>,
    jobs: &Jobs,
    delivery: Box<dyn Delivery>,
    place: OwnedSemaphorePermit,
) {
    let kind = &agent.card().kind;
    let now = (shared.clock)();
    let mut ticket = match intake::read(delivery.envelope(), kind, &shared.verifier, now) {
        Ok(ticket) => ticket,
        Err(refusal) => {
            warn!(subject = %delivery.envelope().subject, %refusal, "a job was refused");
            count_refused(refusal.reason());
            return discard(delivery.as_ref()).await;
        }
    };
    let listing = match shared.list(&ticket.job, ticket.token, ticket.timeout) {
        Ok(listing) => listing,
        Err(not_taken) => {
            let reason = not_taken.reason();
            debug!(job = %ticket.job, reason, "a job was not started");
            count_refused(reason);
            return discard(delivery.as_ref()).await;
        }
    };
    metrics::counter!(metric::JOBS_STARTED, label::AGENT => kind.to_string()).increment(1);
    let span = info_span!(
        "job",
        job = %ticket.job,
        run = %ticket.run,
        step = %ticket.step,
        attempt = ticket.attempt,
        tenant = %ticket.tenant,
        agent = %ticket.kind,
    );
    let traced = begin(&ticket);
    // What follows from the job hangs below it, the outcome first.
    if let Some(own) = traced.place().traceparent() {
        ticket.traceparent = own;
    }
    let (shared, agent) = (Arc::clone(shared), Arc::clone(agent));
    let task = async move {
        let working = work(&shared, &agent, ticket, &listing, delivery, &traced);
        traced.around(working).await;
        drop(traced);
        // The job leaves the list before its place is free, so the list is never longer than the places.
        drop(listing);
        drop(place);
    };
    let mut jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
    while let Some(done) = jobs.try_join_next() {
        log_end(done);
    }
    jobs.spawn(task.instrument(span));
}

/// The job's span, below the orchestrator's that sent it.
fn begin(ticket: &Ticket) -> Span {
    let sent = Place::read(&ticket.traceparent);
    let span = Span::start(Kind::Consumer, &sent, || format!("job {}", ticket.kind));
    span.record(|| {
        [
            attribute::MESSAGING_SYSTEM.string("nats"),
            attribute::MESSAGING_OPERATION.string("process"),
            attribute::MESSAGING_DESTINATION.string(Stream::Jobs.name()),
            attribute::GEN_AI_OPERATION.string("invoke_agent"),
            attribute::GEN_AI_AGENT.string(ticket.kind.to_string()),
            attribute::TENANT.string(ticket.tenant.to_string()),
            attribute::RUN.string(ticket.run.to_string()),
            attribute::STEP.string(ticket.step.to_string()),
            attribute::JOB.string(ticket.job.to_string()),
            attribute::LEASE.i64(ticket.token.cast_signed()),
            attribute::ATTEMPT.i64(ticket.attempt.into()),
            attribute::REVISION.i64(ticket.revision.into()),
        ]
    });
    span
}

fn count_refused(reason: &'static str) {
    metrics::counter!(metric::JOBS_REFUSED, label::REASON => reason).increment(1);
}

async fn discard(delivery: &dyn Delivery) {
    if !matches!(timeout(ACK_LIMIT, delivery.ack()).await, Ok(Ok(()))) {
        debug!("a message could not be acked; it will come again");
    }
}

/// A job's task ends by itself or by the end of the worker; anything else is a defect of ours.
pub(crate) fn log_end(done: Result<(), tokio::task::JoinError>) {
    if let Err(error) = done
        && error.is_panic()
    {
        tracing::error!(%error, "a job's task broke; the job will be driven again");
    }
}
