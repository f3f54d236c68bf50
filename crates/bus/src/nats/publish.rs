//! Publishing: many messages under way at once, each answer awaited.

use futures::{StreamExt, stream};
use tokio::task::unconstrained;

use super::{api::Fault, link::Link, message};
use crate::{envelope::Envelope, limits::MAX_IN_FLIGHT, port::BusError};

/// Sends all in their order, and gives the answers in it.
pub(super) async fn publish(link: &Link, messages: Vec<Envelope>) -> Vec<Result<(), BusError>> {
    // The runtime would take the turn from a long batch in the middle of its sends, and they would go on
    // in another order, which makes followers of events look for what they missed.
    unconstrained(send_all(link, messages)).await
}

async fn send_all(link: &Link, messages: Vec<Envelope>) -> Vec<Result<(), BusError>> {
    let count = messages.len();
    let mut lost = link.watch_losses();
    let mut answers = Vec::with_capacity(count);
    let mut sending = stream::iter(messages)
        .map(|envelope| send(link, envelope))
        .buffered(MAX_IN_FLIGHT);
    loop {
        tokio::select! {
            biased;
            answer = sending.next() => match answer {
                Some(answer) => answers.push(answer),
                None => return answers,
            },
            // What is unanswered now will not be answered: a new connection does not tell.
            _ = lost.changed() => {
                let lost = BusError::Unavailable("the connection was lost".to_owned());
                answers.resize(count, Err(lost));
                return answers;
            }
        }
    }
}

async fn send(link: &Link, envelope: Envelope) -> Result<(), BusError> {
    let stream = envelope.stream()?;
    let attempt = || {
        let headers = message::headers(&envelope);
        link.store(stream, &envelope.subject, headers, envelope.body.clone())
    };
    let made = link.streams_made();
    let answer = match attempt().await {
        Err(Fault::Missing) => {
            link.make_streams(made).await?;
            attempt().await
        }
        other => other,
    };
    answer.map_err(|fault| match fault {
        Fault::Message(why) => envelope.refused(&why),
        Fault::Said(number, why) => BusError::Unavailable(format!("{why} ({number})")),
        fault @ (Fault::Missing | Fault::Silent(_)) => fault.into(),
    })
}
