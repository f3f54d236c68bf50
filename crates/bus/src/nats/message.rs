//! Envelopes as NATS messages. The only place where a header is spelled.

use async_nats::{
    HeaderMap, Message,
    header::{HeaderName, NATS_MESSAGE_ID, NATS_MESSAGE_TTL},
};

use crate::{envelope::Envelope, subject::Subject};

const SPEC_VERSION: HeaderName = HeaderName::from_static("ce-specversion");
const SOURCE: HeaderName = HeaderName::from_static("ce-source");
const ID: HeaderName = HeaderName::from_static("ce-id");
const KIND: HeaderName = HeaderName::from_static("ce-type");
const TRACE: HeaderName = HeaderName::from_static("traceparent");
const SIGNATURE: HeaderName = HeaderName::from_static("Pressrun-Signature");

/// An envelope's headers.
pub(super) fn headers(envelope: &Envelope) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, envelope.id.as_str());
    headers.insert(SPEC_VERSION, "1.0");
    headers.insert(SOURCE, "pressrun");
    headers.insert(ID, envelope.id.as_str());
    headers.insert(KIND, envelope.kind.as_str());
    for (name, value) in [
        (TRACE, &envelope.traceparent),
        (SIGNATURE, &envelope.signature),
    ] {
        if !value.is_empty() {
            headers.insert(name, value.as_str());
        }
    }
    headers
}

/// The headers of a message that outlasts the age of its stream.
pub(super) fn lasting(id: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, id);
    headers.insert(NATS_MESSAGE_TTL, "never");
    headers
}

/// The envelope of a message. What it does not carry is empty.
pub(super) fn envelope(message: Message) -> Envelope {
    let text = |name| header(&message, name).unwrap_or_default().to_owned();
    Envelope {
        subject: Subject::received(&message.subject),
        id: text(&ID),
        kind: text(&KIND),
        traceparent: text(&TRACE),
        signature: text(&SIGNATURE),
        body: message.payload.clone(),
    }
}

/// One header of a message.
pub(super) fn header<'a>(message: &'a Message, name: &HeaderName) -> Option<&'a str> {
    let value = message.headers.as_ref()?.get(name.clone())?;
    Some(value.as_str())
}

/// The stream and the consumer sequence of a delivery, as its reply subject tells them:
/// `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`, or the form
/// with domain and account before the stream.
pub(super) fn sequences(message: &Message) -> Option<(u64, u64)> {
    let reply = message.reply.as_ref()?;
    let tokens = reply.split('.').count();
    let mut rest = reply.split('.').skip(if tokens > 9 { 7 } else { 5 });
    Some((rest.next()?.parse().ok()?, rest.next()?.parse().ok()?))
}
