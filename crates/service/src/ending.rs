//! Streams end when their connection must: an open stream would hold a stop up for ever.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use http::HeaderMap;
use hyper::body::{Frame, SizeHint};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;

use crate::refuse::is_grpc;

/// The response, whose body ends at `stop` as soon as it has nothing ready: with `UNAVAILABLE` in gRPC,
/// plainly otherwise.
pub(crate) fn until(stop: CancellationToken, response: Response) -> Response {
    let grpc = is_grpc(response.headers());
    response.map(|inner| {
        Body::new(Ending {
            inner,
            stopped: Box::pin(stop.cancelled_owned()),
            grpc,
            over: false,
        })
    })
}

struct Ending {
    inner: Body,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
    grpc: bool,
    over: bool,
}

impl hyper::body::Body for Ending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.over {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        ready!(self.stopped.as_mut().poll(cx));
        self.over = true;
        Poll::Ready(self.grpc.then(|| Ok(Frame::trailers(stopping()))))
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn stopping() -> HeaderMap {
    let status = Status::unavailable("the connection is closing; connect again and resume");
    let mut trailers = HeaderMap::new();
    if status.add_header(&mut trailers).is_err() {
        // Only a message that is no header value fails, and by then the code is in.
        trailers.remove("grpc-message");
    }
    trailers
}
