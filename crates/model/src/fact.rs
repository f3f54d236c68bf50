//! Facts: the few typed fields of an agent's result that conditions may read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Most bytes of all facts of one outcome, as JSON (`design.md` invariant 4).
pub const MAX_FACTS_BYTES: usize = 4 * 1024;

/// A fact's declared type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactType {
    /// A number; every number of a condition is a double.
    Number,
    /// True or false.
    Bool,
    /// A short text.
    Text,
    /// A list of item keys.
    Keys,
}

/// A fact's value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Fact {
    /// True or false.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A short text.
    Text(String),
    /// A list of item keys.
    Keys(Vec<String>),
}

impl Fact {
    /// The type that this value has.
    pub fn kind(&self) -> FactType {
        match self {
            Self::Bool(_) => FactType::Bool,
            Self::Number(_) => FactType::Number,
            Self::Text(_) => FactType::Text,
            Self::Keys(_) => FactType::Keys,
        }
    }
}

/// Facts by name.
pub type Facts = BTreeMap<String, Fact>;

/// Declared facts by name.
pub type FactTypes = BTreeMap<String, FactType>;
