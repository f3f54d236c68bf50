//! Handing an outcome to the bus until it is acknowledged.

use bus::{BusError, Envelope, Subject};
use model::{ErrorClass, Failure};
use tokio::time::{Instant, timeout};
use tracing::{error, warn};
use wire::{
    convert::outcome::{Answer, Outcome},
    job::v1 as pb,
};

use crate::{
    intake::Ticket,
    limits::{OUTCOME_HELD_FOR, PUBLISH_LIMIT},
    planted::Planted,
    shared::{Backoff, Shared},
};

/// CloudEvents type of an outcome.
const KIND: &str = "pressrun.job.v1.Outcome";

/// Publishes an outcome under `<job>.<token>` until the bus has it. `false` when it was given up: the
/// job leaves the list and the orchestrator drives it again.
pub(crate) async fn deliver(shared: &Shared, ticket: &Ticket, outcome: Outcome) -> bool {
    let instead = Outcome {
        answer: Answer::HandBack,
        ..outcome.clone()
    };
    match publish(shared, ticket, outcome).await {
        Sent::Taken => true,
        Sent::GivenUp => false,
        // What cannot travel is a failure of the job, which can.
        Sent::Refused(why) => {
            let message = format!("the bus does not take the outcome: {why}");
            let outcome = Outcome {
                answer: Answer::Failure(Failure::new(ErrorClass::TooLong, message)),
                ..instead
            };
            match publish(shared, ticket, outcome).await {
                Sent::Taken => true,
                Sent::GivenUp => false,
                Sent::Refused(why) => {
                    error!(
                        why,
                        "the bus refuses an outcome; the job will be driven again"
                    );
                    false
                }
            }
        }
    }
}

/// What became of an outcome.
enum Sent {
    Taken,
    Refused(String),
    GivenUp,
}

async fn publish(shared: &Shared, ticket: &Ticket, outcome: Outcome) -> Sent {
    let body = match wire::json::to_json(&pb::Outcome::from(outcome)) {
        Ok(body) => body,
        Err(error) => return Sent::Refused(error.to_string()),
    };
    let envelope = Envelope {
        subject: Subject::outcome(ticket.partition, &ticket.job),
        id: format!("{}.{}", ticket.job, ticket.token),
        kind: KIND.to_owned(),
        traceparent: ticket.traceparent.clone(),
        signature: String::new(),
        body: body.into(),
    };
    let held_until = Instant::now() + OUTCOME_HELD_FOR;
    let mut backoff = Backoff::new();
    let mut tries = 0_u64;
    loop {
        let answers = timeout(PUBLISH_LIMIT, shared.bus.publish(vec![envelope.clone()])).await;
        match answers.ok().and_then(|mut answers| answers.pop()) {
            Some(Ok(())) => return Sent::Taken,
            Some(Err(BusError::Refused { why, .. })) => return Sent::Refused(why),
            // No answer: whether it was taken is not known, and the same id makes a repeat harmless.
            Some(Err(BusError::Unavailable(_) | BusError::Unusable(_))) | None => {}
        }
        if shared.planted == Planted::OutcomeSentOnce {
            return Sent::GivenUp;
        }
        tries += 1;
        if tries == 1 {
            warn!("the bus does not take an outcome; it is held and sent again");
        }
        if Instant::now() >= held_until {
            error!(
                tries,
                "the bus did not take an outcome for too long; the job will be driven again"
            );
            return Sent::GivenUp;
        }
        backoff.wait().await;
    }
}
