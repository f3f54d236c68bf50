//! Server-sent events, read as they come: the length of a line, of an event and of the whole stream is
//! bounded, and so is the silence between two pieces. The libraries for it bound none of these.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use model::{ErrorClass, Failure};
use tokio::time::timeout;

use super::http::over;
use crate::limits::{MAX_LINE_BYTES, MAX_STREAM_BYTES};

/// The events of a body.
pub(super) struct Events<S> {
    source: S,
    idle: Duration,
    lines: Lines,
    read: usize,
}

impl<S: Stream<Item = Result<Bytes, Failure>> + Unpin> Events<S> {
    pub(super) fn new(source: S, idle: Duration) -> Self {
        Self {
            source,
            idle,
            lines: Lines::default(),
            read: 0,
        }
    }

    /// The data of the next event; none at the end. An event that the end cuts off is none.
    ///
    /// # Errors
    /// `Schema` over a bound, `Timeout` after too long a silence, `Provider` for what is no text; the
    /// source's own.
    pub(super) async fn next(&mut self) -> Result<Option<String>, Failure> {
        loop {
            if let Some(data) = self.lines.ready.pop_front() {
                let text = String::from_utf8(data).map_err(|_| {
                    Failure::new(ErrorClass::Provider, "the provider's stream is not UTF-8")
                })?;
                return Ok(Some(text));
            }
            let chunk = timeout(self.idle, self.source.next())
                .await
                .map_err(|_| self.silent())?;
            let Some(chunk) = chunk.transpose()? else {
                return Ok(None);
            };
            self.read += chunk.len();
            if self.read > MAX_STREAM_BYTES {
                return Err(over(MAX_STREAM_BYTES));
            }
            self.lines.push(&chunk)?;
        }
    }

    fn silent(&self) -> Failure {
        let seconds = self.idle.as_secs_f32();
        Failure::new(
            ErrorClass::Timeout,
            format!("the model provider's stream was silent for {seconds} s"),
        )
    }
}

/// Bytes to events.
#[derive(Default)]
struct Lines {
    line: Vec<u8>,
    /// The `data` fields of the event so far, one line each.
    data: Option<Vec<u8>>,
    /// Whether the last byte was a `\r`: a `\n` after it ends no other line.
    carriage: bool,
    ready: VecDeque<Vec<u8>>,
}

impl Lines {
    fn push(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        for &byte in chunk {
            let after_carriage = std::mem::replace(&mut self.carriage, byte == b'\r');
            match byte {
                b'\n' if after_carriage => {}
                b'\n' | b'\r' => self.end_of_line()?,
                _ if self.line.len() >= MAX_LINE_BYTES => return Err(over(MAX_LINE_BYTES)),
                _ => self.line.push(byte),
            }
        }
        Ok(())
    }

    fn end_of_line(&mut self) -> Result<(), Failure> {
        if self.line.is_empty() {
            self.ready.extend(self.data.take());
            return Ok(());
        }
        // Comments, other fields and whatever else has no meaning here.
        if let Some(value) = self.line.strip_prefix(b"data")
            && let Some(value) = value.strip_prefix(b":").or(value.is_empty().then_some(b""))
        {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match &mut self.data {
                None => self.data = Some(value.to_vec()),
                Some(data) if data.len() + value.len() >= MAX_LINE_BYTES => {
                    return Err(over(MAX_LINE_BYTES));
                }
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
            }
        }
        self.line.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    const IDLE: Duration = Duration::from_secs(30);

    async fn read(chunks: &[&[u8]]) -> Result<Vec<String>, Failure> {
        let chunks: Vec<_> = chunks
            .iter()
            .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
            .collect();
        let mut events = Events::new(stream::iter(chunks), IDLE);
        let mut all = Vec::new();
        while let Some(data) = events.next().await? {
            all.push(data);
        }
        Ok(all)
    }

    #[tokio::test]
    async fn events_however_they_are_cut_into_pieces() {
        let whole = "\u{feff}: hello\r\nevent: x\r\ndata: {\"a\":\r\ndata: \"ä\"}\r\n\r\ngarbage\r\n\
                     \ndata:two\r\rdata\n\nid: 7\n\ndatax: no\n\ndata: cut";
        let wanted = ["{\"a\":\n\"ä\"}", "two", ""];
        assert_eq!(read(&[whole.as_bytes()]).await.unwrap(), wanted);
        let bytes: Vec<&[u8]> = whole.as_bytes().chunks(1).collect();
        assert_eq!(read(&bytes).await.unwrap(), wanted);
    }

    #[tokio::test]
    async fn lines_events_and_streams_are_bounded() {
        let long = vec![b'x'; MAX_LINE_BYTES + 1];
        assert_eq!(read(&[&long]).await.unwrap_err().class, ErrorClass::Schema);

        let mut line = b"data: ".to_vec();
        line.extend(vec![b'x'; MAX_LINE_BYTES / 2]);
        line.push(b'\n');
        let failure = read(&[&line, &line, &line]).await.unwrap_err();
        assert_eq!(failure.class, ErrorClass::Schema, "one event of many lines");

        // The source never ends: only the bound can end this.
        let comments = stream::repeat_with(|| Ok(Bytes::from(vec![b'\n'; 64 * 1024])));
        let mut endless = Events::new(comments, IDLE);
        assert_eq!(endless.next().await.unwrap_err().class, ErrorClass::Schema);
        assert!(endless.read <= MAX_STREAM_BYTES + 64 * 1024);

        let failure = read(&[b"data: \xff\n\n"]).await.unwrap_err();
        assert_eq!(failure.class, ErrorClass::Provider);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_stream_is_read_and_a_silent_one_is_not() {
        let drip = |pause: Duration| {
            stream::iter("data: slow\n\n".bytes())
                .then(move |byte| async move {
                    tokio::time::sleep(pause).await;
                    Ok(Bytes::copy_from_slice(&[byte]))
                })
                .boxed()
        };
        let start = tokio::time::Instant::now();
        let mut slow = Events::new(drip(IDLE - Duration::from_secs(1)), IDLE);
        assert_eq!(slow.next().await.unwrap().as_deref(), Some("slow"));
        assert!(start.elapsed() > 10 * (IDLE - Duration::from_secs(1)));

        let mut silent = Events::new(drip(IDLE + Duration::from_secs(1)), IDLE);
        let failure = silent.next().await.unwrap_err();
        assert_eq!(failure.class, ErrorClass::Timeout);
        assert!(failure.message.contains("30 s"), "{}", failure.message);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(chunks in proptest::collection::vec(proptest::collection::vec(0_u8..=255, 0..40), 0..8)) {
            let mut lines = Lines::default();
            for chunk in &chunks {
                lines.push(chunk).unwrap();
            }
        }
    }
}
