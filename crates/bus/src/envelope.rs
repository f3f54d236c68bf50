//! A message of a stream: CloudEvents attributes and trace context in headers, JSON in the body.

use bytes::Bytes;

use crate::{
    limits::{HEADER_OVERHEAD_BYTES, MAX_MESSAGE_BYTES},
    port::BusError,
    subject::{Stream, Subject},
};

/// A message of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Where it goes.
    pub subject: Subject,
    /// Unique; a repeat carries the same. Header `Nats-Msg-Id` and CloudEvents `ce-id`.
    pub id: String,
    /// CloudEvents type, such as `pressrun.job.v1.Job`. Header `ce-type`.
    pub kind: String,
    /// W3C trace context; empty when there is none. Header `traceparent`.
    pub traceparent: String,
    /// Signature of a job; empty on other messages. Header `Pressrun-Signature`; see [`crate::signature`].
    pub signature: String,
    /// JSON.
    pub body: Bytes,
}

impl Envelope {
    /// The stream that it goes to.
    ///
    /// # Errors
    /// [`BusError::Refused`] when no bus can take it: a core subject or a set of subjects, no id, a
    /// header with control characters, or more than [`MAX_MESSAGE_BYTES`].
    pub fn stream(&self) -> Result<Stream, BusError> {
        let stream = match self.subject.stream() {
            Some(stream) if self.subject.is_one() => stream,
            Some(_) => return Err(self.refused("it names a set of subjects")),
            None => return Err(self.refused("no stream keeps this subject")),
        };
        if self.id.is_empty() {
            return Err(self.refused("it has no id"));
        }
        if self.headers().iter().any(|h| h.contains(char::is_control)) {
            return Err(self.refused("a header holds a control character"));
        }
        let size = self.size();
        if size > MAX_MESSAGE_BYTES {
            let why = format!("{size} bytes, at most {MAX_MESSAGE_BYTES} are taken");
            return Err(self.refused(&why));
        }
        Ok(stream)
    }

    /// Bytes that it takes at most, headers included.
    pub(crate) fn size(&self) -> usize {
        // The id goes out twice, as `Nats-Msg-Id` and as `ce-id`.
        let headers: usize = self.headers().iter().map(|header| header.len()).sum();
        HEADER_OVERHEAD_BYTES + self.id.len() + headers + self.body.len()
    }

    pub(crate) fn refused(&self, why: &str) -> BusError {
        BusError::Refused {
            subject: self.subject.to_string(),
            why: why.to_owned(),
        }
    }

    fn headers(&self) -> [&str; 4] {
        [&self.id, &self.kind, &self.traceparent, &self.signature]
    }
}
