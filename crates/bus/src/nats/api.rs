//! Requests to JetStream. Written here rather than called in the client because what the server echoes
//! must be compared with what was asked, field by field, and a client keeps only the fields that it knows.

use async_nats::{
    Message, Request, RequestErrorKind, StatusCode,
    header::{HeaderName, NATS_SEQUENCE},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{link::Link, message, request};
use crate::{
    port::BusError,
    subject::{Stream, Subject},
};

const NO_CONSUMER: u32 = 10014;
const NO_STORAGE: u32 = 10047;
const TOO_LARGE: u32 = 10054;
const NO_STREAM: u32 = 10059;

/// Why JetStream did not do what was asked.
#[derive(Debug)]
pub(super) enum Fault {
    /// The stream or consumer is not there; or JetStream is not, which looks the same.
    Missing,
    /// No answer: whether it was done is not known.
    Silent(String),
    /// The message is at fault.
    Message(String),
    /// The server says no, with its number and reason.
    Said(u32, String),
}

impl std::convert::From<Fault> for BusError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Missing => Self::Unavailable("JetStream is not there (yet)".to_owned()),
            Fault::Silent(text) | Fault::Message(text) => Self::Unavailable(text),
            Fault::Said(NO_STORAGE, text) => {
                Self::Unusable(format!("{text}: raise max_file_store of the server"))
            }
            Fault::Said(number, text) => Self::Unavailable(format!("{text} ({number})")),
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    error: Option<Said>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Only the error of an answer; the rest is not looked at.
#[derive(Deserialize)]
struct Done {
    error: Option<Said>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    err_code: u32,
    #[serde(default)]
    description: String,
}

impl std::convert::From<Said> for Fault {
    fn from(said: Said) -> Self {
        match said.err_code {
            NO_STREAM | NO_CONSUMER => Self::Missing,
            TOO_LARGE => Self::Message(said.description),
            number => Self::Said(number, said.description),
        }
    }
}

/// Where a consumer stands.
pub(super) struct Place {
    /// Up to this stream sequence everything is acked.
    pub(super) ack_floor: u64,
    /// The stream sequence delivered last; delivery goes on after it.
    pub(super) delivered: u64,
    /// Delivered and not acked.
    pub(super) unacked: u64,
    /// Not delivered.
    pub(super) pending: u64,
    /// Deliveries made so far, repeats included.
    pub(super) deliveries: u64,
}

impl Place {
    fn of(info: &Map<String, Value>) -> Self {
        let number = |value: Option<&Value>| value.and_then(Value::as_u64).unwrap_or(0);
        let at = |name: &str, field: &str| number(info.get(name).and_then(|at| at.get(field)));
        Self {
            ack_floor: at("ack_floor", "stream_seq"),
            delivered: at("delivered", "stream_seq"),
            deliveries: at("delivered", "consumer_seq"),
            unacked: number(info.get("num_ack_pending")),
            pending: number(info.get("num_pending")),
        }
    }
}

impl Link {
    /// Makes a stream if this user does that, or takes the one that is there; the configuration that it has.
    pub(super) async fn stream(&self, stream: Stream, wanted: &Value) -> Result<Value, Fault> {
        let found = self.api(request::stream_info(stream), &json!({})).await;
        let found = match found {
            Err(Fault::Missing) if self.makes_streams() => {
                self.api(request::stream_create(stream), wanted).await
            }
            other => other,
        };
        let mut info = self.note(stream, found)?;
        Ok(info.remove("config").unwrap_or_default())
    }

    /// The sequence of the stream's newest message.
    pub(super) async fn last_sequence(&self, stream: Stream) -> Result<u64, Fault> {
        let info = self.api(request::stream_info(stream), &json!({})).await;
        let info = self.note(stream, info)?;
        let last = info.get("state").and_then(|state| state.get("last_seq"));
        Ok(last.and_then(Value::as_u64).unwrap_or(0))
    }

    /// Makes a consumer, or takes the one that is there; the configuration that it has and where it
    /// stands.
    pub(super) async fn consumer(
        &self,
        stream: Stream,
        name: &str,
        filter: &Subject,
        wanted: &Value,
    ) -> Result<(Value, Place), Fault> {
        let subject = request::consumer_create(stream, name, filter);
        let request = json!({ "stream_name": stream.name(), "config": wanted });
        let mut info = self.note(stream, self.api(subject, &request).await)?;
        let place = Place::of(&info);
        Ok((info.remove("config").unwrap_or_default(), place))
    }

    pub(super) async fn place(&self, stream: Stream, consumer: &str) -> Result<Place, Fault> {
        let subject = request::consumer_info(stream, consumer);
        let info = self.api(subject, &json!({})).await?;
        Ok(Place::of(&info))
    }

    pub(super) async fn delete_consumer(&self, stream: Stream, name: &str) -> Result<(), Fault> {
        let subject = request::consumer_delete(stream, name);
        self.api(subject, &json!({})).await.map(|_| ())
    }

    pub(super) async fn purge(&self, stream: Stream, filter: &Subject) -> Result<(), Fault> {
        let request = json!({ "filter": filter.as_str() });
        self.api(request::stream_purge(stream), &request)
            .await
            .map(|_| ())
    }

    /// The sequence of the newest message in a set of subjects.
    pub(super) async fn last_of(
        &self,
        stream: Stream,
        subjects: &Subject,
    ) -> Result<Option<u64>, Fault> {
        let subject = request::direct_get(stream, subjects);
        let message = self.note(stream, self.request(subject, Request::new()).await)?;
        match message.status {
            None | Some(StatusCode::OK) => {
                let sequence = message::header(&message, &NATS_SEQUENCE);
                let sequence = sequence.and_then(|text| text.parse().ok());
                sequence.map(Some).ok_or_else(unreadable)
            }
            Some(StatusCode::NOT_FOUND) => Ok(None),
            Some(status) => Err(Fault::Said(
                u32::from(status.as_u16()),
                message.description.unwrap_or_default(),
            )),
        }
    }

    /// Publishes to a stream and waits for its acknowledgement.
    pub(super) async fn store(
        &self,
        stream: Stream,
        subject: &Subject,
        headers: async_nats::HeaderMap,
        body: Bytes,
    ) -> Result<(), Fault> {
        let store = async {
            let request = Request::new().headers(headers).payload(body);
            let message = self.request(subject.to_string(), request).await?;
            let done: Done = serde_json::from_slice(&message.payload).map_err(|_| unreadable())?;
            done.error.map_or(Ok(()), |said| Err(said.into()))
        };
        self.note(stream, store.await)
    }

    async fn api(&self, subject: String, request: &Value) -> Result<Map<String, Value>, Fault> {
        let request = Request::new().payload(request.to_string().into());
        let message = self.request(subject, request).await?;
        let answer: Answer = serde_json::from_slice(&message.payload).map_err(|_| unreadable())?;
        match answer.error {
            Some(said) => Err(said.into()),
            None => Ok(answer.rest),
        }
    }

    async fn request(&self, subject: String, request: Request) -> Result<Message, Fault> {
        self.client()
            .send_request(subject, request)
            .await
            .map_err(|error| match error.kind() {
                RequestErrorKind::NoResponders => Fault::Missing,
                RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => {
                    Fault::Message(error.to_string())
                }
                RequestErrorKind::TimedOut | RequestErrorKind::Other => {
                    Fault::Silent(error.to_string())
                }
            })
    }
}

fn unreadable() -> Fault {
    Fault::Silent("the server's answer cannot be read".to_owned())
}

/// The first field of `wanted` that `made` does not have as asked.
///
/// # Errors
/// [`BusError::Unusable`] naming it.
pub(super) fn compare(what: &str, wanted: &Value, made: &Value) -> Result<(), BusError> {
    let fields = wanted.as_object().into_iter().flatten();
    for (field, wanted) in fields {
        let made = made.get(field).unwrap_or(&Value::Null);
        if made != wanted {
            return Err(BusError::Unusable(format!(
                "{what} has `{field}` = {made}, asked for was {wanted}: \
                 change it at the server, or remove it to have it made anew"
            )));
        }
    }
    Ok(())
}

/// A header that says how many messages a pull request still asked for.
pub(super) const PENDING_MESSAGES: HeaderName = HeaderName::from_static("Nats-Pending-Messages");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_its_field() {
        let wanted = json!({ "discard": "new", "max_age": 5 });
        let same = json!({ "discard": "new", "max_age": 5, "more": true });
        assert_eq!(compare("JOBS", &wanted, &same), Ok(()));
        for other in [
            json!({ "discard": "new", "max_age": 6 }),
            json!({ "discard": "new" }),
            Value::Null,
        ] {
            let Err(BusError::Unusable(text)) = compare("JOBS", &wanted, &other) else {
                panic!("{other} was taken");
            };
            assert!(
                text.contains("JOBS") && text.contains("asked for"),
                "{text}"
            );
        }
    }
}
