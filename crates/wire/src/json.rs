//! JSON of messages, checked before it is parsed: its size, its encoding, its nesting.

use model::limits::MAX_JSON_DEPTH;
use serde::{Serialize, de::DeserializeOwned};

/// Longest description of a fault, bytes: a parser quotes what it read.
const MAX_WHY_BYTES: usize = 200;

/// Why a text is not taken as JSON of a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// More bytes than allowed here.
    #[error("the JSON has {size} bytes; at most {max} are taken")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The bound.
        max: usize,
    },
    /// Not UTF-8.
    #[error("the JSON is not UTF-8 at byte {at}")]
    NotUtf8 {
        /// The first wrong byte.
        at: usize,
    },
    /// A NUL, as a byte or written `\u0000`.
    #[error("the JSON holds a NUL character at byte {at}; remove it")]
    Nul {
        /// Where.
        at: usize,
    },
    /// Nested deeper than [`MAX_JSON_DEPTH`].
    #[error("the JSON is nested deeper than {MAX_JSON_DEPTH} levels at byte {at}")]
    TooDeep {
        /// Where the level begins that is too many.
        at: usize,
    },
    /// Not JSON, or not of the message's shape.
    #[error("line {line}, column {column}: {why}")]
    Malformed {
        /// 1 for the first.
        line: usize,
        /// 1 for the first.
        column: usize,
        /// What is wrong there; it may quote the input.
        why: String,
    },
    /// The message has no JSON form.
    #[error("the message cannot be written as JSON: {0}")]
    Unwritable(String),
}

/// A message as JSON, on one line.
///
/// # Errors
/// [`Error::Unwritable`], for a timestamp outside the years 0 to 9999.
pub fn to_json<T: Serialize>(message: &T) -> Result<String, Error> {
    serde_json::to_string(message).map_err(|error| Error::Unwritable(cut(error.to_string())))
}

/// A message out of at most `max_bytes` of JSON. Nothing is parsed before size, encoding and nesting are
/// known to be within bounds.
///
/// # Errors
/// The first fault found.
pub fn from_json<T: DeserializeOwned>(bytes: &[u8], max_bytes: usize) -> Result<T, Error> {
    let text = checked(bytes, max_bytes)?;
    serde_json::from_str(text).map_err(|error| Error::Malformed {
        line: error.line(),
        column: error.column(),
        why: cut(without_place(&error)),
    })
}

/// The bytes that say something of the nesting; most say nothing, and every message goes through here.
const TELLS: [bool; 256] = {
    let mut tells = [false; 256];
    let mut listed = 0;
    let those = b"\0\"\\[]{}";
    while listed < those.len() {
        tells[those[listed] as usize] = true;
        listed += 1;
    }
    tells
};

/// The bytes as text that a parser may be given.
///
/// # Errors
/// Every fault but [`Error::Malformed`].
pub fn checked(bytes: &[u8], max_bytes: usize) -> Result<&str, Error> {
    if bytes.len() > max_bytes {
        return Err(Error::TooLarge {
            size: bytes.len(),
            max: max_bytes,
        });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| Error::NotUtf8 {
        at: error.valid_up_to(),
    })?;
    let (mut depth, mut in_string) = (0_usize, false);
    let mut at = 0;
    let tells = |byte: &u8| TELLS[usize::from(*byte)];
    while let Some(skipped) = bytes.get(at..).and_then(|rest| rest.iter().position(tells)) {
        at += skipped;
        match bytes[at] {
            0 => return Err(Error::Nul { at }),
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                if bytes[at..].starts_with(b"\\u0000") {
                    return Err(Error::Nul { at });
                }
                at += 1;
            }
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > MAX_JSON_DEPTH {
                    return Err(Error::TooDeep { at });
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Ok(text)
}

/// serde_json ends its messages with the place, which [`Error::Malformed`] names itself.
fn without_place(error: &serde_json::Error) -> String {
    let whole = error.to_string();
    match whole.rfind(" at line ") {
        Some(end) => whole[..end].to_owned(),
        None => whole,
    }
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_WHY_BYTES));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{campaign::v1::SubmitRequest, events::v1::Event};

    fn read(text: &str) -> Result<SubmitRequest, Error> {
        from_json(text.as_bytes(), 1_000)
    }

    #[test]
    fn a_request_with_a_misspelt_field_is_refused_with_its_place() {
        let error = read(r#"{"brief": {"nmae": "x"}}"#).expect_err("misspelt");
        let Error::Malformed { line: 1, why, .. } = &error else {
            panic!("{error}")
        };
        assert!(why.contains("nmae"), "{why}");
        assert!(!why.contains("at line"), "{why}");
    }

    #[test]
    fn an_event_of_a_newer_writer_is_read() {
        let event: Event = from_json(br#"{"run_id":"r","sequence":"3","mood":{"a":[1]}}"#, 100)
            .expect("unknown fields are ignored");
        assert_eq!((event.run_id.as_str(), event.sequence), ("r", 3));
    }

    #[test]
    fn names_are_taken_in_both_spellings_and_written_in_one() {
        let event: Event = from_json(br#"{"runId":"r"}"#, 100).expect("lower camel case");
        assert_eq!(to_json(&event).expect("writable"), r#"{"run_id":"r"}"#);
    }

    #[test]
    fn bounds_come_before_parsing() {
        assert_eq!(
            from_json::<SubmitRequest>(&[b' '; 2_000], 1_000),
            Err(Error::TooLarge {
                size: 2_000,
                max: 1_000
            })
        );
        assert_eq!(
            from_json::<SubmitRequest>(b"{\"brief\":{\"name\":\"\xff\"}}", 1_000),
            Err(Error::NotUtf8 { at: 18 })
        );
        assert_eq!(
            read("{\"brief\":{\"name\":\"\0\"}}"),
            Err(Error::Nul { at: 18 })
        );
        assert_eq!(
            read(r#"{"brief":{"name":"\u0000"}}"#),
            Err(Error::Nul { at: 18 })
        );
    }

    #[test]
    fn nesting_is_bounded_outside_of_strings_only() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(matches!(
            read(&deep(MAX_JSON_DEPTH)),
            Err(Error::Malformed { .. })
        ));
        assert_eq!(
            read(&deep(MAX_JSON_DEPTH + 1)),
            Err(Error::TooDeep { at: MAX_JSON_DEPTH })
        );
        let text = format!(r#"{{"brief":{{"name":"\"{}"}}}}"#, "[".repeat(500));
        assert!(read(&text).is_ok());
    }

    #[test]
    fn an_escaped_backslash_before_u0000_is_no_nul() {
        let event: Event =
            from_json(br#"{"message":"\\u0000"}"#, 100).expect("a backslash and text");
        assert_eq!(event.message, r"\u0000");
    }

    #[test]
    fn what_is_quoted_of_the_input_is_bounded() {
        let text = format!(r#"{{"validate_only":"{}"}}"#, "x".repeat(900));
        let Err(Error::Malformed { why, .. }) = read(&text) else {
            panic!("a text is no bool")
        };
        assert!(why.len() <= MAX_WHY_BYTES);
    }
}
