//! One job, from the list to its outcome.

use std::{panic::AssertUnwindSafe, sync::Arc};

use bus::port::Delivery;
use futures::FutureExt;
use model::{
    ContentHash, ErrorClass, Failure,
    job::{JobInput, Product},
    limits::MAX_INLINE_BYTES,
    usage::Usage,
};
use service::{
    metric::{self, label},
    trace::{Span, attribute},
};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{debug, info};
use wire::convert::outcome::{Answer, Outcome};

use crate::{
    agent::{Agent, Assignment},
    deliver, door,
    intake::Ticket,
    limits::ACK_LIMIT,
    live::{self, Live},
    presence::millis,
    product,
    shared::{Listing, Shared},
};

/// Acks, works and answers. Returns without an outcome as soon as the job is no longer wanted; the
/// agent's call is dropped then.
pub(crate) async fn work(
    shared: &Shared,
    agent: &Arc<dyn Agent>,
    ticket: Ticket,
    listing: &Listing,
    delivery: Box<dyn Delivery>,
    span: &Span,
) {
    // The ack is only advice: without it the message comes again and is known here.
    match timeout(ACK_LIMIT, delivery.ack()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "a job could not be acked"),
        Err(_) => debug!("a job could not be acked in time"),
    }
    drop(delivery);
    tokio::select! {
        biased;
        () = listing.stop.cancelled() => {
            span.record(|| [attribute::RESULT.string("withdrawn")]);
            debug!("the job is no longer wanted");
        }
        () = answer(shared, agent, &ticket, listing, span) => {}
    }
}

/// Works and publishes the outcome.
async fn answer(
    shared: &Shared,
    agent: &Arc<dyn Agent>,
    ticket: &Ticket,
    listing: &Listing,
    span: &Span,
) {
    let made = tokio::select! {
        biased;
        () = shared.hand_back.cancelled() => None,
        made = perform(shared, agent, ticket, listing.started) => Some(made),
    };
    let worked = listing.started.elapsed();
    let mut usage = Usage::default();
    let answer = match made {
        None => Answer::HandBack,
        // The fields of a failure are open: its message is cut again.
        Some(Err(failure)) => {
            usage = failure.usage;
            Answer::Failure(
                Failure::new(failure.class, failure.message).retry_after(failure.retry_after),
            )
        }
        Some(Ok(product)) => {
            // Paid for, whatever becomes of the product.
            usage = product.provenance.usage;
            span.record(|| {
                [attribute::GEN_AI_RESPONSE_MODEL.string(product.provenance.model.clone())]
            });
            pack(shared, agent, ticket, product)
                .await
                .unwrap_or_else(Answer::Failure)
        }
    };
    let result = match &answer {
        Answer::Product(_) | Answer::Uploaded { .. } => {
            shared.end(&ticket.kind, None);
            "done"
        }
        Answer::HandBack => "handed_back",
        Answer::Failure(failure) => {
            shared.end(&ticket.kind, Some(failure.class));
            info!(class = %failure.class, "the job failed");
            span.fail(failure.class.as_str());
            metrics::counter!(metric::JOBS_FAILED, label::AGENT => ticket.kind.to_string(),
                label::CLASS => failure.class.as_str())
            .increment(1);
            "failed"
        }
    };
    span.record(|| {
        [
            attribute::RESULT.string(result),
            attribute::GEN_AI_REQUEST_MODEL.string(agent.card().model.clone()),
            attribute::GEN_AI_INPUT_TOKENS.i64(usage.input_tokens.cast_signed()),
            attribute::GEN_AI_OUTPUT_TOKENS.i64(usage.output_tokens.cast_signed()),
            attribute::COST.i64(usage.cost_microusd.cast_signed()),
        ]
    });
    metrics::histogram!(
        metric::JOB_SECONDS,
        label::AGENT => ticket.kind.to_string(),
        label::RESULT => result,
    )
    .record(worked.as_secs_f64());
    let outcome = Outcome {
        job: ticket.job.clone(),
        token: ticket.token,
        tenant: ticket.tenant.clone(),
        run: ticket.run.clone(),
        worker: shared.options.name.clone(),
        answer,
        usage,
        duration_ms: millis(worked),
    };
    if deliver::deliver(shared, ticket, outcome).await {
        listing.ended();
    }
}

/// Calls the agent within the job's time limit. A panic stays with the job that caused it.
async fn perform(
    shared: &Shared,
    agent: &Arc<dyn Agent>,
    ticket: &Ticket,
    started: Instant,
) -> Result<Product, Failure> {
    let call = AssertUnwindSafe(async {
        let input = input(shared, ticket).await?;
        let live = Live::new(shared.options.live);
        let assignment = Assignment {
            tenant: ticket.tenant.clone(),
            run: ticket.run.clone(),
            step: ticket.step.clone(),
            job: ticket.job.clone(),
            attempt: ticket.attempt,
            revision: ticket.revision,
            input,
            live: live.clone(),
        };
        live::telling(shared, ticket, &live, agent.perform(&assignment)).await
    })
    .catch_unwind();
    match timeout_at(started + ticket.timeout, call).await {
        Ok(Ok(made)) => made,
        Ok(Err(_panic)) => {
            let message = format!(
                "the agent {} panicked; the worker's log says where",
                ticket.kind
            );
            Err(Failure::new(ErrorClass::Internal, message))
        }
        Err(_) => {
            let limit = ticket.timeout.as_millis();
            let message = format!("the agent {} did not end within {limit} ms", ticket.kind);
            Err(Failure::new(ErrorClass::Timeout, message))
        }
    }
}

async fn input(shared: &Shared, ticket: &Ticket) -> Result<JobInput, Failure> {
    let fetched;
    let json = if ticket.input_json.is_empty() {
        fetched = door::job_input(shared.door.as_ref(), &ticket.proof).await?;
        &fetched
    } else {
        &ticket.input_json
    };
    // Its parts stay raw, so its nesting costs nothing here; a parser may quote what it read, and
    // messages carry no content.
    serde_json::from_str(json).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let message = format!("the job's input cannot be read (line {line}, column {column})");
        Failure::new(ErrorClass::InvalidInput, message)
    })
}

/// The product as it travels: checked, and through the door when it is large.
async fn pack(
    shared: &Shared,
    agent: &Arc<dyn Agent>,
    ticket: &Ticket,
    product: Product,
) -> Result<Answer, Failure> {
    product::check(agent.card(), &product)?;
    // Before the outcome: whoever reads the artifact finds what it names.
    for media in &product.media {
        door::put_media(shared.door.as_ref(), &ticket.proof, media).await?;
    }
    if product.content.len() <= MAX_INLINE_BYTES {
        return Ok(Answer::Product(product));
    }
    let hash = ContentHash::of(product.content.as_bytes());
    door::put_result(shared.door.as_ref(), &ticket.proof, &product.content, &hash).await?;
    Ok(Answer::Uploaded {
        hash,
        facts: product.facts,
        provenance: product.provenance,
    })
}
