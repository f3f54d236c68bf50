//! Typed ids. One type for each kind of thing, so that a run's id cannot be passed for a campaign's.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};

/// Longest id of any kind, bytes: every id is a token of a bus subject.
pub const MAX_ID_BYTES: usize = 64;

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {kind}: expected {expected}")]
pub struct InvalidId {
    kind: &'static str,
    expected: &'static str,
    text: String,
}

const TOKEN: &str = "1 to 64 characters out of a-z, 0-9, `_` and `-`";

fn is_token(text: &str) -> bool {
    (1..=MAX_ID_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

const STEP: &str =
    "1 to 64 characters out of a-z, 0-9, `_` and `-`, and for an item a dot and its number";

/// Most digits of an item's number.
const MAX_ITEM_DIGITS: usize = 5;

fn is_step(text: &str) -> bool {
    match text.split_once('.') {
        None => is_token(text),
        Some((step, item)) => {
            is_token(step)
                && (1..=MAX_ITEM_DIGITS).contains(&item.len())
                && item.bytes().all(|b| b.is_ascii_digit())
                && (item.len() == 1 || !item.starts_with('0'))
        }
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_job(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $check:path, $expected:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes `text` as an id.
            ///
            /// # Errors
            /// When the text has not the form of this kind of id.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                if $check(&text) {
                    return Ok(Self(text));
                }
                let text = text.chars().take(MAX_ID_BYTES).collect();
                Err(InvalidId { kind: stringify!($name), expected: $expected, text })
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(d)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(/// Who a row, a call or a subject belongs to.
    TenantId, is_token, TOKEN);
id!(/// One run of a workflow; a UUIDv7 in its lower-case text form, so runs sort by their birth.
    RunId, is_token, TOKEN);
id!(/// One campaign: what a brief asked for, with its artifacts.
    CampaignId, is_token, TOKEN);
id!(/// A step's name within its plan; in a run also one of its items, `<step>.<index>`.
    StepName, is_step, STEP);
id!(/// What an agent can do (`copy`, `short_copy`): the `<kind>` of the subject `jobs.<kind>.<job>`.
    AgentKind, is_token, TOKEN);
id!(/// Under which a brand, a template or a resource is kept.
    EntryName, is_token, TOKEN);
id!(/// One try of one step of one run: 32 hex digits, see [`JobId::derive`].
    JobId, is_job, "32 hex digits");
id!(/// SHA-256 of an artifact version's or a blob's exact bytes: 64 hex digits.
    ContentHash, is_hash, "64 hex digits");

impl StepName {
    /// Item `index` of this step; an item has none itself.
    pub fn item(&self, index: u32) -> Self {
        Self(format!("{}.{index}", self.planned()))
    }

    /// The number of the item that it names; none for a step of the plan.
    pub fn index(&self) -> Option<u32> {
        self.0.split_once('.')?.1.parse().ok()
    }

    /// The step's name in the plan: of an item, without its number.
    pub fn planned(&self) -> &str {
        self.0
            .split_once('.')
            .map_or(self.as_str(), |(step, _)| step)
    }

    /// The step that an item belongs to; none for a step of the plan.
    pub fn parent(&self) -> Option<Self> {
        let (step, _) = self.0.split_once('.')?;
        Some(Self(step.to_owned()))
    }
}

impl ContentHash {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex(&Sha256::digest(bytes)))
    }
}

impl JobId {
    /// The job of one attempt: the same (run, step, item, iteration, revision, attempt) always gives
    /// the same id. `item` is user text; it goes in by its length and bytes, so no two tuples collide
    /// by concatenation.
    pub fn derive(
        run: &RunId,
        step: &StepName,
        item: &str,
        iteration: u32,
        revision: u32,
        attempt: u32,
    ) -> Self {
        let mut hash = Sha256::new();
        for part in [run.as_str(), step.as_str(), item] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        for number in [iteration, revision, attempt] {
            hash.update(number.to_be_bytes());
        }
        Self(hex(&hash.finalize()[..16]))
    }
}

/// Lower-case hex of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.extend([digit(byte >> 4), digit(byte & 0xf)]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_token_of_a_subject() {
        for bad in ["", "a.b", "a b", "A", "*", ">", "ä", &"x".repeat(65)] {
            assert!(TenantId::new(bad).is_err(), "{bad:?} was taken");
        }
        assert_eq!(
            TenantId::new("acme-1_x").expect("a token").as_str(),
            "acme-1_x"
        );
    }

    #[test]
    fn items_are_named_after_their_step() {
        let step = StepName::new("items").expect("a token");
        let item = step.item(12);
        assert_eq!(item.as_str(), "items.12");
        assert_eq!((item.index(), item.planned()), (Some(12), "items"));
        assert_eq!(item.parent(), Some(step.clone()));
        assert_eq!((step.index(), step.parent()), (None, None));
        assert_eq!(StepName::new("items.12"), Ok(item));
        for wrong in [
            "items.",
            "items.01",
            "items.x",
            ".1",
            "a.1.2",
            "items.100000",
            "items.-1",
        ] {
            assert!(StepName::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn jobs_differ_in_every_part() {
        let run = RunId::new("r1").expect("token");
        let step = StepName::new("copy").expect("token");
        let base = JobId::derive(&run, &step, "", 0, 1, 1);
        assert_eq!(base, JobId::derive(&run, &step, "", 0, 1, 1));
        let others = [
            JobId::derive(
                &RunId::new("r1c").expect("token"),
                &StepName::new("opy").expect("token"),
                "",
                0,
                1,
                1,
            ),
            JobId::derive(&run, &step, "a", 0, 1, 1),
            JobId::derive(&run, &step, "", 1, 1, 1),
            JobId::derive(&run, &step, "", 0, 2, 1),
            JobId::derive(&run, &step, "", 0, 1, 2),
        ];
        assert!(others.iter().all(|o| *o != base));
    }
}
