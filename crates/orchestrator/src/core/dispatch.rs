//! Sending what a commit decided: jobs, events, calls back. Sending needs no order and may fail: jobs
//! that never arrive fall silent and are driven again, events that never arrive are filled from heads.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ::service::{
    metric::{self, label},
    trace::{Kind, Span, attribute},
};
use bus::{BusError, Envelope, Subject, subject::Stream};
use bytes::Bytes;
use engine::recovery::Strategy;
use futures::future::join_all;
use model::{
    StepName, Timestamp,
    job::{InputArtifact, JobInput, JobItem, Recovery},
};
use serde_json::value::{RawValue, to_raw_value};
use store::port::{JobRow, StoreError};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;
use wire::job::v1 as proto;
use workflow::StepKind;

use super::{
    Planted, Ports,
    commit::Sealed,
    contents::{Contents, Wanted},
    event,
    held::Held,
    limits::{
        DISPATCH_QUEUE, JOB_EXPIRY, MAX_DISPATCH, MAX_INLINE_INPUT, MAX_UNSENT, RESEND_EVERY,
    },
    parked,
};

/// CloudEvents type of a job's envelope.
pub const JOB_TYPE: &str = "pressrun.job.v1.Job";

/// Takes committed transitions; cheap to clone.
#[derive(Clone)]
pub(crate) struct Dispatcher {
    queue: mpsc::Sender<Sealed>,
    outage: Outage,
}

/// The task that sends.
pub(crate) struct Sending {
    ports: Ports,
    contents: Contents,
    queue: mpsc::Receiver<Sealed>,
    unsent: VecDeque<Envelope>,
    outage: Outage,
    pub(crate) planted: Planted,
}

/// Whether the bus takes messages, and since when events may be missing on it.
#[derive(Clone, Default)]
pub(crate) struct Outage(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    stalled: bool,
    missing_since: Option<Timestamp>,
}

impl Outage {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stalled(&self) -> bool {
        self.state().stalled
    }

    pub(crate) fn missing(&self, since: Timestamp) {
        let mut state = self.state();
        state.missing_since = Some(state.missing_since.map_or(since, |known| known.min(since)));
    }

    /// Since when events must be published again; asked once the bus takes messages.
    pub(crate) fn take(&self) -> Option<Timestamp> {
        let mut state = self.state();
        if state.stalled {
            None
        } else {
            state.missing_since.take()
        }
    }
}

impl Dispatcher {
    pub(crate) fn new(ports: Ports, contents: Contents, outage: Outage) -> (Self, Sending) {
        let (sender, queue) = mpsc::channel(DISPATCH_QUEUE);
        let sending = Sending {
            ports,
            contents,
            queue,
            unsent: VecDeque::new(),
            outage: outage.clone(),
            planted: Planted::None,
        };
        (
            Self {
                queue: sender,
                outage,
            },
            sending,
        )
    }

    /// Has the events from this moment on published again: a transition may be durable without having been
    /// handed over.
    pub(crate) fn missed(&self, since: Timestamp) {
        self.outage.missing(since);
    }

    /// Hands over a transition that is durable. A busy bus holds the caller up; one that is away does not:
    /// then what has no room is left to silence (jobs) and to publishing again (events).
    pub(crate) async fn send(&self, sealed: Sealed) {
        let time = sealed.held.run.time;
        let taken = if self.outage.stalled() {
            self.queue.try_send(sealed).is_ok()
        } else {
            self.queue.send(sealed).await.is_ok()
        };
        if !taken {
            self.outage.missing(time);
        }
    }
}

impl Sending {
    pub(crate) async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut resend_at = Instant::now();
        loop {
            if !self.unsent.is_empty() && resend_at <= Instant::now() {
                let waiting: Vec<_> = self.unsent.drain(..).collect();
                self.publish(waiting).await;
                resend_at = Instant::now() + RESEND_EVERY;
            }
            let first = tokio::select! {
                biased;
                taken = self.queue.recv() => taken,
                () = tokio::time::sleep_until(resend_at), if !self.unsent.is_empty() => continue,
                () = stop.cancelled() => None,
            };
            let Some(first) = first else { return Ok(()) };
            let mut batch = vec![first];
            while batch.len() < MAX_DISPATCH
                && let Ok(next) = self.queue.try_recv()
            {
                batch.push(next);
            }
            self.send(batch).await;
        }
    }

    async fn send(&mut self, batch: Vec<Sealed>) {
        let spans: Vec<_> = batch.iter().map(sending).collect();
        let mut jobs = join_all(
            batch
                .iter()
                .zip(&spans)
                .map(|(sealed, span)| jobs(&self.ports, &self.contents, sealed, span)),
        )
        .await
        .into_iter()
        .flatten()
        .collect::<Vec<_>>();
        if self.planted == Planted::RedriveUnderOldId {
            for job in &mut jobs {
                job.id.truncate(job.id.find('.').unwrap_or(job.id.len()));
            }
        }
        self.ports.signer.sign_batch(&mut jobs);
        metrics::counter!(metric::JOBS_SENT).increment(jobs.len() as u64);
        let events = batch.iter().flat_map(events);
        let given_up = batch.iter().flat_map(|sealed| {
            let (run, events) = (&sealed.held.run, &sealed.events);
            parked::jobs(&run.tenant, &run.id, events)
        });
        let messages = jobs.into_iter().chain(events).chain(given_up).collect();
        let called_back: Vec<_> = batch
            .iter()
            .flat_map(|sealed| &sealed.called_back)
            .collect();
        self.publish(messages).await;
        drop(spans);
        if !called_back.is_empty() && self.planted != Planted::NotCalledBack {
            call_back(&self.ports, &called_back).await;
        }
    }

    async fn publish(&mut self, messages: Vec<Envelope>) {
        let results = self.ports.bus.publish(messages.clone()).await;
        let mut stalled = false;
        let mut sent = 0;
        for (message, result) in messages.into_iter().zip(results) {
            match result {
                Ok(()) => sent += 1,
                Err(error @ (BusError::Refused { .. } | BusError::Unusable(_))) => {
                    metrics::counter!(metric::MESSAGES, label::RESULT => "refused").increment(1);
                    tracing::error!(id = message.id, subject = %message.subject, %error, "a message cannot be sent");
                }
                Err(BusError::Unavailable(_)) => {
                    metrics::counter!(metric::MESSAGES, label::RESULT => "unavailable")
                        .increment(1);
                    stalled = true;
                    if self.unsent.len() < MAX_UNSENT {
                        self.unsent.push_back(message);
                    }
                }
            }
        }
        metrics::counter!(metric::MESSAGES, label::RESULT => "sent").increment(sent);
        self.outage.state().stalled = stalled;
        if stalled && let Ok(now) = self.ports.store.now().await {
            self.outage.missing(now);
        }
    }
}

/// The span of sending a transition's jobs; none when there are none.
fn sending(sealed: &Sealed) -> Span {
    if sealed.sent.is_empty() || sealed.place.is_none() {
        return Span::default();
    }
    let span = Span::start(Kind::Producer, &sealed.place, || "send jobs");
    span.record(|| {
        let count = i64::try_from(sealed.sent.len()).unwrap_or(i64::MAX);
        [
            attribute::MESSAGING_SYSTEM.string("nats"),
            attribute::MESSAGING_OPERATION.string("send"),
            attribute::MESSAGING_DESTINATION.string(Stream::Jobs.name()),
            attribute::MESSAGING_COUNT.i64(count),
            attribute::RUN.string(sealed.held.run.id.to_string()),
        ]
    });
    span
}

/// The envelopes of a transition's events.
fn events(sealed: &Sealed) -> impl Iterator<Item = Envelope> + '_ {
    let Sealed { held, events, .. } = sealed;
    let own = sealed.place.traceparent();
    events.iter().map(move |event| {
        let public = event::public(&held.run.tenant, &held.run.id, &held.birth, event);
        event_envelope(
            &public,
            &held.run.tenant,
            &held.run.id,
            own.as_deref().unwrap_or(&held.birth.traceparent),
        )
    })
}

/// A public event on its way to the stream.
pub(crate) fn event_envelope(
    public: &wire::events::v1::Event,
    tenant: &model::TenantId,
    run: &model::RunId,
    traceparent: &str,
) -> Envelope {
    Envelope {
        subject: Subject::events(tenant, run),
        id: public.id.clone(),
        kind: event::ENVELOPE_TYPE.to_owned(),
        traceparent: traceparent.to_owned(),
        signature: String::new(),
        body: body(public),
    }
}

/// The unsigned envelopes of the jobs that a transition sends. A job whose inputs cannot be read now is
/// left out: it falls silent and is driven again.
async fn jobs(ports: &Ports, contents: &Contents, sealed: &Sealed, span: &Span) -> Vec<Envelope> {
    let mut envelopes = Vec::with_capacity(sealed.sent.len());
    let own = span.place().traceparent();
    for row in &sealed.sent {
        match job(ports, contents, &sealed.held, row).await {
            Ok(Some(mut envelope)) => {
                if let Some(own) = &own {
                    envelope.traceparent.clone_from(own);
                }
                envelopes.push(envelope);
            }
            Ok(None) => {}
            Err(error) => {
                let run = &sealed.held.run;
                let attempt = run.steps.get(&row.step).map(|step| step.attempt);
                tracing::warn!(run = %run.id, step = %row.step, attempt, job = %row.job, %error, "a job cannot be made now");
            }
        }
    }
    envelopes
}

async fn job(
    ports: &Ports,
    contents: &Contents,
    held: &Held,
    row: &JobRow,
) -> Result<Option<Envelope>, StoreError> {
    let (Some(step), Some(state)) = (held.plan.step(&row.step), held.run.steps.get(&row.step))
    else {
        return Ok(None);
    };
    let input = input(contents, held, &row.step).await?;
    let now = ports.store.now().await?;
    let job = proto::Job {
        id: row.job.to_string(),
        token: row.token,
        tenant: held.run.tenant.to_string(),
        run_id: held.run.id.to_string(),
        step: row.step.to_string(),
        agent: row.agent.to_string(),
        attempt: state.attempt,
        revision: state.revision,
        timeout_ms: engine::recovery::timeout_ms(step, state),
        expires: Some(expiry(now).into()),
        partition: Subject::partition(&held.run.id),
        input_json: if input.len() <= MAX_INLINE_INPUT {
            input
        } else {
            String::new()
        },
    };
    Ok(Some(Envelope {
        subject: Subject::job(&row.agent, &row.job),
        id: format!("{}.{}", row.job, row.token),
        kind: JOB_TYPE.to_owned(),
        traceparent: held.birth.traceparent.clone(),
        signature: String::new(),
        body: body(&job),
    }))
}

fn expiry(now: Timestamp) -> Timestamp {
    now.after(JOB_EXPIRY)
}

/// What a step's job works from, as JSON.
pub(crate) async fn input(
    contents: &Contents,
    held: &Held,
    step: &model::StepName,
) -> Result<String, StoreError> {
    let corrupt = |why: String| StoreError::Corrupt {
        what: format!("the input of run {}", held.run.id),
        why,
    };
    let (Some(planned), Some(state)) = (held.plan.step(step), held.run.steps.get(step)) else {
        return Err(corrupt(format!("its plan has no step {step}")));
    };
    let of: Vec<_> = match &planned.kind {
        StepKind::Agent { .. } | StepKind::Loop(_) | StepKind::Review(_) => Vec::new(),
        StepKind::Audit { of, .. } => of.clone(),
    };
    let again = state.revision > 1 || state.pass > 1;
    let own = (again && of.is_empty()).then_some(step);
    let wanted: Vec<Wanted> = planned
        .with
        .iter()
        .chain(&of)
        .chain(own)
        .flat_map(|name| held.run.results(name))
        .map(|(name, result)| (name, result.version, result.hash.clone()))
        .collect();
    let found = contents
        .results(&held.run.tenant, &held.run.id, &wanted)
        .await?;
    let artifact = |(name, version, hash): &Wanted| -> Result<InputArtifact, StoreError> {
        let text = found
            .get(name)
            .ok_or_else(|| corrupt(format!("version {version} of step {name} is missing")))?;
        let content =
            RawValue::from_string(text.to_string()).map_err(|error| corrupt(error.to_string()))?;
        Ok(InputArtifact {
            version: *version,
            hash: hash.clone(),
            content,
        })
    };
    let mut input = JobInput {
        input: RawValue::from_string(held.input.to_string())
            .map_err(|error| corrupt(error.to_string()))?,
        artifacts: std::collections::BTreeMap::new(),
        of: of
            .iter()
            .flat_map(|name| held.run.results(name))
            .map(|(name, _)| name)
            .collect(),
        note: None,
        previous: None,
        item: item(held, planned, step).map_err(|error| corrupt(error.to_string()))?,
        recovery: recovery(state),
    };
    for wanted in &wanted {
        if own == Some(&wanted.0) {
            input.previous = Some(artifact(wanted)?);
        } else {
            input.artifacts.insert(wanted.0.clone(), artifact(wanted)?);
        }
    }
    if let Some(note) = &state.note {
        input.note = contents
            .blob(&held.run.tenant, note)
            .await?
            .map(|text| text.to_string());
    }
    serde_json::to_string(&input).map_err(|error| corrupt(error.to_string()))
}

/// Which item of a list the job is for.
fn item(
    held: &Held,
    planned: &workflow::Step,
    step: &StepName,
) -> Result<Option<JobItem>, serde_json::Error> {
    let of = (|| {
        let state = held.run.steps.get(step)?;
        Some((
            planned.for_each.as_ref()?,
            step.index()?,
            state.key.clone()?,
        ))
    })();
    let Some((each, index, key)) = of else {
        return Ok(None);
    };
    let value = match engine::item(&held.run, &each.over, index) {
        Some(value) => to_raw_value(value)?,
        None => to_raw_value(&key)?,
    };
    Ok(Some(JobItem { key, index, value }))
}

/// What this attempt is to do otherwise than the first one.
fn recovery(state: &engine::run::Step) -> Option<Recovery> {
    let strategy = state.strategy?;
    // Others say nothing of the answer, and are none of the model's business.
    let of_answer = matches!(strategy, Strategy::Repair | Strategy::ContentOptimization);
    let failure = state.failure.as_ref().filter(|_| of_answer);
    Some(Recovery {
        strategy: strategy.as_str().to_owned(),
        faults: failure
            .map(|(failure, _)| failure.message.clone())
            .into_iter()
            .collect(),
        limit_chars: None,
    })
}

/// Takes jobs that nobody wants any more off the bus, and tells the workers that may have them.
async fn call_back(ports: &Ports, jobs: &[&(model::JobId, model::AgentKind)]) {
    let cancelled = proto::Cancelled {
        job_ids: jobs.iter().map(|(job, _)| job.to_string()).collect(),
    };
    let body = body(&cancelled);
    if let Err(error) = ports.bus.broadcast(&Subject::cancelled(), body).await {
        tracing::debug!(%error, "workers were not told of cancelled jobs; their outcomes will be late");
    }
    let purges = jobs
        .iter()
        .map(|(job, kind)| async move { ports.bus.purge(&Subject::job(kind, job)).await });
    for result in join_all(purges).await {
        if let Err(error) = result {
            tracing::debug!(%error, "a cancelled job stays on the bus; its outcome will be late");
        }
    }
}

/// A message's JSON. Our own messages can always be written: their times are the store's.
pub(crate) fn body<T: serde::Serialize>(message: &T) -> Bytes {
    match wire::json::to_json(message) {
        Ok(json) => Bytes::from(json),
        Err(error) => {
            tracing::error!(%error, "a message cannot be written");
            Bytes::new()
        }
    }
}

/// How long an intake waits before it tries again while the store does not answer.
pub(crate) const STORE_PAUSE: Duration = Duration::from_millis(200);

/// Shared by the tasks that read from the bus: the wait after an error.
pub(crate) async fn pause(stop: &CancellationToken) {
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = tokio::time::sleep(STORE_PAUSE) => {}
    }
}
