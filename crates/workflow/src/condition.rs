//! Conditions: the language of `when`, a subset of CEL's syntax.
//!
//! ```text
//! steps.copy.done && steps.copy.words < input.options.limit + 50.0 || size(input.brief.platforms) > 2
//! ```
//!
//! Paths (`input.a.b`, `steps.<step>.<fact>`), literals, comparison, `&& || !`, `+ -` on numbers,
//! `size(…)` of a text or a list, parentheses. Every number is a double. `&&` and `||` go from left to
//! right and stop as soon as the answer is known. Nothing here can loop, allocate without bound, or
//! overflow the stack: the source is short and its nesting capped.

mod check;
mod eval;
mod lex;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;

use model::StepName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use check::Types;
pub use eval::{EvalError, Scope, Value};

use crate::limits::MAX_CONDITION_BYTES;

/// A parsed condition. Stored as its source text, and parsed again when it is read.
#[derive(Clone, PartialEq)]
pub struct Condition {
    source: String,
    expression: Expression,
}

impl Condition {
    /// Parses `source`.
    ///
    /// # Errors
    /// The first fault of the syntax, and the column where it stands.
    pub fn parse(source: &str) -> Result<Self, Problem> {
        if source.len() > MAX_CONDITION_BYTES {
            return Err(Problem {
                column: 1,
                message: format!(
                    "a condition has at most {MAX_CONDITION_BYTES} bytes, this one {}",
                    source.len()
                ),
            });
        }
        let expression = parse::parse(source)?;
        Ok(Self {
            source: source.to_owned(),
            expression,
        })
    }

    /// The text as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Every fault of paths and types, before any run.
    pub fn check(&self, types: &dyn Types) -> Vec<Problem> {
        check::check(&self.expression, types)
    }

    /// Whether the condition holds.
    ///
    /// # Errors
    /// A path that is not there, or a value of another type than was declared; both named. Never for a
    /// condition that passed [`Condition::check`] over a scope that holds what was declared.
    pub fn eval(&self, scope: &dyn Scope) -> Result<bool, EvalError> {
        eval::eval(&self.expression, scope)
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.source).finish()
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// One fault of a condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {column} of the condition: {message}")]
pub struct Problem {
    /// Where it stands: characters from the start of the condition, from 1.
    pub column: usize,
    /// What is wrong and what would be right.
    pub message: String,
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// True or false.
    Bool,
    /// A double.
    Number,
    /// A text.
    Text,
    /// A list; only its size can be read.
    List,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List => "a list",
        })
    }
}

/// A node of the parsed form.
#[derive(Clone, PartialEq)]
struct Expression {
    /// Characters from the start of the source, from 1.
    column: usize,
    kind: Kind,
}

#[derive(Clone, PartialEq)]
enum Kind {
    Bool(bool),
    Number(f64),
    Text(String),
    Input(Vec<String>),
    Fact(StepName, String),
    Size(Box<Expression>),
    Not(Box<Expression>),
    Negate(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Add,
    Subtract,
}

impl Operator {
    fn symbol(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Add => "+",
            Self::Subtract => "-",
        }
    }

    /// The type of the whole when `left` and `right` are its sides; `None` when they do not fit.
    fn of(self, left: Type, right: Type) -> Option<Type> {
        use Type::{Bool, Number, Text};
        match (self, left, right) {
            (Self::Or | Self::And | Self::Equal | Self::NotEqual, Bool, Bool) => Some(Bool),
            (Self::Add | Self::Subtract, Number, Number) => Some(Number),
            (Self::Or | Self::And | Self::Add | Self::Subtract, _, _) => None,
            (_, Number, Number) | (_, Text, Text) => Some(Bool),
            _ => None,
        }
    }

    /// What [`Operator::of`] takes, in words.
    fn takes(self) -> &'static str {
        match self {
            Self::Or | Self::And => "takes true or false on both sides",
            Self::Equal | Self::NotEqual => {
                "compares two numbers, two texts, or two of true and false"
            }
            Self::Less | Self::AtMost | Self::Greater | Self::AtLeast => {
                "compares two numbers or two texts"
            }
            Self::Add | Self::Subtract => "takes two numbers",
        }
    }
}

/// `input.a.b`, as written.
fn input_path(path: &[String]) -> String {
    format!("input.{}", path.join("."))
}

/// `steps.<step>.<fact>`, as written.
fn fact_path(step: &StepName, name: &str) -> String {
    format!("steps.{step}.{name}")
}
