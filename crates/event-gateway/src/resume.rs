//! Where a stream over many runs goes on: opaque to clients, never trusted.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use model::{RunId, Timestamp, id::MAX_ID_BYTES};
use serde::{Deserialize, Serialize};

use crate::limits::{MAX_AHEAD, MAX_TOKEN_BYTES};

/// The form that this code writes and reads.
const FORMAT: u8 = 1;
/// Longest event id: a run's id, a dot, a number.
const MAX_EVENT_ID_BYTES: usize = MAX_ID_BYTES + 21;

/// A position in a stream over many runs. Every event that the bus's stream holds up to `at` was passed, and
/// every event committed before `since`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The last event heard from the bus; none before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<At>,
    /// What counts when the bus no longer holds that event at that place.
    pub since: Timestamp,
    /// Runs passed further than the bus had shown them, with their last number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ahead: BTreeMap<RunId, u64>,
}

/// An event in the bus's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// Its place.
    pub sequence: u64,
    /// Its id.
    pub id: String,
}

/// A text that is none of our tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no resume token of ours; subscribe without it")]
pub struct InvalidToken;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token<P> {
    v: u8,
    p: P,
}

impl Position {
    /// The position as clients get it.
    pub fn token(&self) -> String {
        // A struct of numbers, texts and a map with text keys always has a JSON form.
        let json = serde_json::to_vec(&Token { v: FORMAT, p: self }).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(json)
    }

    /// The position of a token, as far as it can be one.
    ///
    /// # Errors
    /// When the text is none of our tokens.
    pub fn parse(token: &str) -> Result<Self, InvalidToken> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(InvalidToken);
        }
        let json = URL_SAFE_NO_PAD.decode(token).map_err(|_| InvalidToken)?;
        let Token { v, p }: Token<Self> =
            wire::json::from_json(&json, MAX_TOKEN_BYTES).map_err(|_| InvalidToken)?;
        let id_fits =
            p.at.as_ref()
                .is_none_or(|at| at.id.len() <= MAX_EVENT_ID_BYTES);
        let is_ours = v == FORMAT && p.since.0 >= 0 && p.ahead.len() <= MAX_AHEAD && id_fits;
        if is_ours { Ok(p) } else { Err(InvalidToken) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn positions() -> impl Strategy<Value = Position> {
        let at = (any::<u64>(), "[a-z0-9-]{1,64}\\.[0-9]{1,20}");
        let ahead =
            proptest::collection::btree_map("[a-z0-9_-]{1,64}", any::<u64>(), 0..=MAX_AHEAD);
        (proptest::option::of(at), 0..=i64::MAX, ahead).prop_map(|(at, since, ahead)| Position {
            at: at.map(|(sequence, id)| At { sequence, id }),
            since: Timestamp(since),
            ahead: ahead
                .into_iter()
                .map(|(run, last)| (RunId::new(run).expect("an id"), last))
                .collect(),
        })
    }

    proptest! {
        #[test]
        fn a_token_reads_back(position in positions()) {
            let token = position.token();
            prop_assert!(token.len() <= MAX_TOKEN_BYTES, "{}", token.len());
            prop_assert_eq!(Position::parse(&token), Ok(position));
        }

        #[test]
        fn other_texts_are_refused(text in "\\PC{0,200}") {
            prop_assert_eq!(Position::parse(&text), Err(InvalidToken));
        }

        #[test]
        fn other_json_is_refused(json in "[\\[\\]{}\":,a-z0-9]{0,200}") {
            prop_assert_eq!(Position::parse(&URL_SAFE_NO_PAD.encode(json)), Err(InvalidToken));
        }

        #[test]
        fn a_changed_token_is_one_within_bounds_or_none(
            position in positions(),
            at in any::<prop::sample::Index>(),
            with in "[A-Za-z0-9_=. -]",
        ) {
            let mut token = position.token();
            let at = at.index(token.len());
            token.replace_range(at..=at, &with);
            if let Ok(position) = Position::parse(&token) {
                prop_assert!(position.since.0 >= 0 && position.ahead.len() <= MAX_AHEAD);
            }
        }
    }

    #[test]
    fn what_breaks_a_bound_is_refused() {
        for json in [
            r#"{"v":2,"p":{"since":1}}"#,
            r#"{"v":1,"p":{"since":-1}}"#,
            r#"{"v":1,"p":{"since":1,"tenant":"other"}}"#,
            r#"{"v":1,"p":{"since":1,"ahead":{"../x":1}}}"#,
            r#"{"v":1,"p":{"since":1,"at":{"sequence":-1,"id":"r.1"}}}"#,
            r#"{"v":1}"#,
        ] {
            assert_eq!(
                Position::parse(&URL_SAFE_NO_PAD.encode(json)),
                Err(InvalidToken),
                "{json}"
            );
        }
        let ahead: Vec<_> = (0..=MAX_AHEAD).map(|n| format!("\"r{n}\":1")).collect();
        let many = format!(
            r#"{{"v":1,"p":{{"since":1,"ahead":{{{}}}}}}}"#,
            ahead.join(",")
        );
        assert_eq!(
            Position::parse(&URL_SAFE_NO_PAD.encode(many)),
            Err(InvalidToken)
        );
        assert_eq!(
            Position::parse(&"A".repeat(MAX_TOKEN_BYTES + 1)),
            Err(InvalidToken)
        );
    }
}
