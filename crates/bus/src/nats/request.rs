//! Where JetStream takes requests: spelled once, for those who make them and for the rights to make them.

use std::fmt::Display;

use crate::subject::Stream;

pub(super) fn stream_info(stream: Stream) -> String {
    format!("$JS.API.STREAM.INFO.{}", stream.name())
}

pub(super) fn stream_create(stream: Stream) -> String {
    format!("$JS.API.STREAM.CREATE.{}", stream.name())
}

pub(super) fn stream_purge(stream: Stream) -> String {
    format!("$JS.API.STREAM.PURGE.{}", stream.name())
}

/// The newest message in a set of subjects.
pub(super) fn direct_get(stream: Stream, subjects: impl Display) -> String {
    format!("$JS.API.DIRECT.GET.{}.{subjects}", stream.name())
}

pub(super) fn consumer_create(stream: Stream, name: &str, filter: impl Display) -> String {
    format!("$JS.API.CONSUMER.CREATE.{}.{name}.{filter}", stream.name())
}

pub(super) fn consumer_info(stream: Stream, name: &str) -> String {
    format!("$JS.API.CONSUMER.INFO.{}.{name}", stream.name())
}

pub(super) fn consumer_delete(stream: Stream, name: &str) -> String {
    format!("$JS.API.CONSUMER.DELETE.{}.{name}", stream.name())
}

pub(super) fn consumer_next(stream: Stream, name: &str) -> String {
    format!("$JS.API.CONSUMER.MSG.NEXT.{}.{name}", stream.name())
}

/// Where the answers to a consumer's deliveries go; the server makes up what follows.
pub(super) fn acks(stream: Stream, name: &str) -> String {
    format!("$JS.ACK.{}.{name}.>", stream.name())
}
