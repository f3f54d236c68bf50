//! Paths to what is there when a step begins: `input.a.b` and `steps.<step>.<fact>`, as conditions write them.

use std::fmt;

use model::StepName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::MAX_CONDITION_BYTES;

/// A path. Stored as its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Path {
    /// `input.a.b`.
    Input(Vec<String>),
    /// `steps.<step>.<fact>`.
    Fact(StepName, String),
}

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a path such as input.items or steps.outline.sections")]
pub struct NoPath;

impl Path {
    /// Reads `text`.
    ///
    /// # Errors
    /// When it is no path.
    pub fn parse(text: &str) -> Result<Self, NoPath> {
        if text.len() > MAX_CONDITION_BYTES {
            return Err(NoPath);
        }
        let mut parts = text.split('.');
        let root = parts.next();
        let names: Vec<String> = parts.map(str::to_owned).collect();
        if names.is_empty() || !names.iter().all(|name| is_name(name)) {
            return Err(NoPath);
        }
        match (root, names.as_slice()) {
            (Some("input"), _) => Ok(Self::Input(names)),
            (Some("steps"), [step, fact]) => StepName::new(step.as_str())
                .map(|step| Self::Fact(step, fact.clone()))
                .map_err(|_| NoPath),
            _ => Err(NoPath),
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(path) => write!(f, "input.{}", path.join(".")),
            Self::Fact(step, name) => write!(f, "steps.{step}.{name}"),
        }
    }
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_written() {
        for text in [
            "input.items",
            "input.brief.brand.name",
            "steps.outline.sections",
        ] {
            assert_eq!(Path::parse(text).expect("a path").to_string(), text);
        }
        for text in [
            "",
            "input",
            "input.",
            "input..a",
            "steps.a",
            "steps.a.b.c",
            "steps.A.b",
            "other.a",
            "input.a b",
        ] {
            assert_eq!(Path::parse(text), Err(NoPath), "{text}");
        }
    }
}
