//! What is wrong with a definition, and where.

use std::fmt;

use crate::limits::MAX_PROBLEMS;

/// One fault of a definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Line, from 1.
    pub line: u32,
    /// Column, characters from 1.
    pub column: u32,
    /// The step that it belongs to, as written; none when it belongs to the whole.
    pub step: Option<String>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        if let Some(step) = &self.step {
            write!(f, "step `{step}`: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Where something stands in a definition's source; both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Place {
    /// A problem of the whole definition, here.
    pub(crate) fn problem(self, message: impl Into<String>) -> Problem {
        Problem {
            line: self.line,
            column: self.column,
            step: None,
            message: message.into(),
        }
    }
}

/// A value and where it stands.
#[derive(Clone)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

/// Problems in the making; keeps the first [`MAX_PROBLEMS`].
#[derive(Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    /// Notes a fault; `step` is the one that it belongs to.
    pub(crate) fn note(&mut self, place: Place, step: Option<&str>, message: impl Into<String>) {
        if self.0.len() < MAX_PROBLEMS {
            let step = step.map(str::to_owned);
            self.0.push(Problem {
                step,
                ..place.problem(message)
            });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in the order of the source.
    pub(crate) fn into_vec(mut self) -> Vec<Problem> {
        self.0.sort();
        self.0
    }
}
