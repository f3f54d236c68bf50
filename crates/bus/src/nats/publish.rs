//! Publishing: many messages under way at once, each answer awaited.
//!
//! Events that follow each other share an answer: the server stores what comes over one connection in its
//! order, so an answer to the last one is one to those before it.

use std::mem;

use futures::{StreamExt, stream};
use tokio::task::unconstrained;

use super::{
    api::Fault,
    link::{Link, no_connection},
    message,
};
use crate::{
    envelope::Envelope,
    limits::{EVENTS_PER_ANSWER, MAX_IN_FLIGHT, MAX_SHARING_BYTES},
    port::BusError,
    subject::Stream,
};

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
    let mut sending = stream::iter(groups(messages))
        .map(|group| send(link, group))
        .buffered(MAX_IN_FLIGHT);
    loop {
        tokio::select! {
            biased;
            answered = sending.next() => match answered {
                Some(answered) => answers.extend(answered),
                None => return answers,
            },
            // What is unanswered now will not be answered: a new connection does not tell.
            _ = lost.changed() => {
                answers.resize(count, Err(no_connection()));
                return answers;
            }
        }
    }
}

/// The messages in their order, those together that share an answer.
fn groups(messages: Vec<Envelope>) -> Vec<Vec<Envelope>> {
    let mut groups = Vec::new();
    let mut group: Vec<Envelope> = Vec::new();
    for envelope in messages {
        let shares = group.len() < EVENTS_PER_ANSWER
            && is_event(&envelope)
            && group
                .last()
                .is_some_and(|before| is_event(before) && before.body.len() <= MAX_SHARING_BYTES);
        if !shares && !group.is_empty() {
            groups.push(mem::take(&mut group));
        }
        group.push(envelope);
    }
    if !group.is_empty() {
        groups.push(group);
    }
    groups
}

fn is_event(envelope: &Envelope) -> bool {
    envelope.stream() == Ok(Stream::Events)
}

/// Sends a group, and gives the answers of all that are in it.
async fn send(link: &Link, group: Vec<Envelope>) -> Vec<Result<(), BusError>> {
    let Some((last, before)) = group.split_last() else {
        return Vec::new();
    };
    let losses = link.losses();
    let answer = answer(link, before, last).await;
    let shared = match &answer {
        // What was lost with a connection is not told by an answer on the next one.
        Ok(()) | Err(BusError::Refused { .. }) if link.losses() != losses => Err(no_connection()),
        // What is wrong with the last one says nothing against the others.
        Ok(()) | Err(BusError::Refused { .. }) => Ok(()),
        Err(error) => Err(error.clone()),
    };
    let mut answers = vec![shared; before.len()];
    answers.push(answer);
    answers
}

async fn answer(link: &Link, before: &[Envelope], last: &Envelope) -> Result<(), BusError> {
    let stream = last.stream()?;
    let attempt = async || {
        for envelope in before {
            let headers = message::headers(envelope);
            link.hand_over(&envelope.subject, headers, envelope.body.clone())
                .await?;
        }
        let headers = message::headers(last);
        link.store(stream, &last.subject, headers, last.body.clone())
            .await
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
        Fault::Message(why) => last.refused(&why),
        Fault::Said(number, why) => BusError::Unavailable(format!("{why} ({number})")),
        fault @ (Fault::Missing | Fault::Silent(_)) => fault.into(),
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use model::{AgentKind, JobId, RunId, TenantId};

    use super::*;
    use crate::subject::Subject;

    fn envelope(subject: Subject, number: usize, size: usize) -> Envelope {
        Envelope {
            subject,
            id: number.to_string(),
            kind: String::new(),
            traceparent: String::new(),
            signature: String::new(),
            body: Bytes::from(vec![b' '; size]),
        }
    }

    #[test]
    fn small_events_that_follow_each_other_share_an_answer() {
        let tenant = TenantId::new("acme").expect("an id");
        let event = Subject::events(&tenant, &RunId::new("r1").expect("an id"));
        let kind = AgentKind::new("copy").expect("a kind");
        let job = Subject::job(&kind, &JobId::new("0".repeat(32)).expect("an id"));
        let cases = [
            (vec![], vec![]),
            (vec![(&job, 1), (&job, 1)], vec![1, 1]),
            (vec![(&job, 1), (&event, 1), (&event, 1)], vec![1, 2]),
            (vec![(&event, 1), (&job, 1), (&event, 1)], vec![1, 1, 1]),
            // A large one may be the last of a group, so that its own answer is heard.
            (
                vec![(&event, 1), (&event, MAX_SHARING_BYTES + 1), (&event, 1)],
                vec![2, 1],
            ),
            (
                vec![(&event, 1); EVENTS_PER_ANSWER + 1],
                vec![EVENTS_PER_ANSWER, 1],
            ),
        ];
        for (given, sizes) in cases {
            let messages: Vec<_> = given
                .into_iter()
                .enumerate()
                .map(|(number, (subject, size))| envelope(subject.clone(), number, size))
                .collect();
            let groups = groups(messages.clone());
            assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), sizes);
            assert_eq!(groups.concat(), messages);
        }
    }
}
