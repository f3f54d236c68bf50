//! What the server is asked for.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    api::{Fault, compare},
    link::Link,
    message,
};
use crate::{
    limits::{
        ANCHOR_WAIT, DUPLICATE_WINDOW, EVENTS_MAX_BYTES, JOB_ACK_WAIT, MAX_ACK_PENDING, MAX_AGE,
        MAX_MESSAGE_BYTES, OUTCOME_ACK_WAIT, PARKED_MAX_AGE, PARKED_MAX_BYTES, QUEUE_MAX_BYTES,
    },
    port::BusError,
    subject::{Stream, Subject},
};

/// Makes every stream of this user's that is missing, if it may, and checks the others.
pub(super) async fn make(link: &Link) -> Result<(), BusError> {
    for &stream in link.streams() {
        let wanted = wanted(stream);
        let made = link.stream(stream, &wanted).await?;
        compare(&format!("stream {}", stream.name()), &wanted, &made)?;
        if link.makes_streams()
            && let Some(anchor) = Subject::anchor(stream)
        {
            // Nothing but speed is lost without it, so nobody waits for a server that does not answer.
            let laid = timeout(ANCHOR_WAIT, lay(link, stream, &anchor)).await;
            if !matches!(laid, Ok(Ok(()))) {
                tracing::debug!(?laid, stream = stream.name(), "the queue has no anchor");
            }
        }
    }
    Ok(())
}

/// Lays a message into a work queue that no consumer asks for. For a queue that runs empty the server removes
/// a file and creates another, within the ack that emptied it: several times in each run of a system at rest,
/// and the dearest thing that it does there.
async fn lay(link: &Link, stream: Stream, anchor: &Subject) -> Result<(), Fault> {
    if link.last_of(stream, anchor).await?.is_none() {
        let headers = message::lasting(anchor.as_str());
        link.store(stream, anchor, headers, Bytes::new()).await?;
    }
    Ok(())
}

/// A stream's configuration. Replicas are the operator's choice.
fn wanted(stream: Stream) -> Value {
    let (retention, discard, max_age) = match stream {
        Stream::Jobs | Stream::Outcomes => ("workqueue", "new", MAX_AGE),
        Stream::Events => ("limits", "old", MAX_AGE),
        Stream::Parked => ("limits", "old", PARKED_MAX_AGE),
    };
    let mut wanted = json!({
        "name": stream.name(),
        "subjects": [stream.subjects()],
        "storage": "file",
        "retention": retention,
        "discard": discard,
        "max_age": nanoseconds(max_age),
        "max_bytes": size(stream),
        "max_msg_size": MAX_MESSAGE_BYTES,
        "duplicate_window": nanoseconds(DUPLICATE_WINDOW),
        "allow_direct": true,
    });
    if Subject::anchor(stream).is_some() {
        wanted["allow_msg_ttl"] = json!(true);
    }
    wanted
}

/// What all streams together may take on a server's disk, bytes.
pub(super) fn max_bytes() -> usize {
    Stream::ALL.into_iter().map(size).sum()
}

fn size(stream: Stream) -> usize {
    match stream {
        Stream::Jobs | Stream::Outcomes => QUEUE_MAX_BYTES,
        Stream::Events => EVENTS_MAX_BYTES,
        Stream::Parked => PARKED_MAX_BYTES,
    }
}

/// How long a delivery from this stream may go unacked.
pub(super) fn ack_wait(stream: Stream) -> Duration {
    match stream {
        Stream::Jobs => JOB_ACK_WAIT,
        Stream::Outcomes | Stream::Events | Stream::Parked => OUTCOME_ACK_WAIT,
    }
}

/// The configuration of the consumer that a work queue's pullers share. It is kept in memory: what was acked
/// is out of the stream, so a server that restarts has nothing else to remember, and each ack costs no file.
pub(super) fn queue_consumer(stream: Stream, name: &str, queue: &Subject) -> Value {
    json!({
        "durable_name": name,
        "filter_subject": queue.as_str(),
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "ack_wait": nanoseconds(ack_wait(stream)),
        "max_deliver": -1,
        "max_ack_pending": MAX_ACK_PENDING,
        "mem_storage": true,
    })
}

/// JetStream counts in nanoseconds.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
