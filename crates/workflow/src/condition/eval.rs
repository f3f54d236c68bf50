//! An expression's value.

use std::fmt;

use model::StepName;

use super::{Expression, Kind, Operator, Type, fact_path, input_path};

/// Where a condition reads from.
pub trait Scope {
    /// The input field at `path`; `None` when it is not there.
    fn input(&self, path: &[String]) -> Option<Value>;

    /// A step's fact. Of every step that has ended `done`, `failed` and `skipped` are there, each true or
    /// false; the others are there when its outcome brought them.
    fn fact(&self, step: &StepName, name: &str) -> Option<Value>;
}

/// A value. Its `Debug` shows the type only: texts may be content.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A double.
    Number(f64),
    /// A text.
    Text(String),
    /// A list, by its size.
    List(usize),
}

impl Value {
    /// Its type.
    pub fn kind(&self) -> Type {
        match self {
            Self::Bool(_) => Type::Bool,
            Self::Number(_) => Type::Number,
            Self::Text(_) => Type::Text,
            Self::List(_) => Type::List,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.kind(), f)
    }
}

/// Why a condition has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// Nothing is at that path.
    #[error("`{path}` is not there")]
    Missing {
        /// The path as written.
        path: String,
    },
    /// A value has another type than the operation takes.
    #[error("`{operation}` does not take {found}")]
    Mismatch {
        /// The operator, or `size`, or `when` for the whole.
        operation: &'static str,
        /// What was found.
        found: String,
    },
}

fn mismatch<T>(operation: &'static str, found: impl ToString) -> Result<T, EvalError> {
    Err(EvalError::Mismatch {
        operation,
        found: found.to_string(),
    })
}

pub(super) fn eval(expression: &Expression, scope: &dyn Scope) -> Result<bool, EvalError> {
    truth("when", expression, scope)
}

fn truth(
    operation: &'static str,
    expression: &Expression,
    scope: &dyn Scope,
) -> Result<bool, EvalError> {
    match value(expression, scope)? {
        Value::Bool(bool) => Ok(bool),
        other => mismatch(operation, other.kind()),
    }
}

fn value(expression: &Expression, scope: &dyn Scope) -> Result<Value, EvalError> {
    match &expression.kind {
        Kind::Bool(bool) => Ok(Value::Bool(*bool)),
        Kind::Number(number) => Ok(Value::Number(*number)),
        Kind::Text(text) => Ok(Value::Text(text.clone())),
        Kind::Input(path) => scope.input(path).ok_or_else(|| EvalError::Missing {
            path: input_path(path),
        }),
        Kind::Fact(step, name) => scope.fact(step, name).ok_or_else(|| EvalError::Missing {
            path: fact_path(step, name),
        }),
        Kind::Size(of) => match value(of, scope)? {
            // Exact: an input or fact is far smaller than 2^53.
            Value::List(size) => Ok(Value::Number(size as f64)),
            Value::Text(text) => Ok(Value::Number(text.chars().count() as f64)),
            other => mismatch("size", other.kind()),
        },
        Kind::Not(of) => Ok(Value::Bool(!truth("!", of, scope)?)),
        Kind::Negate(of) => match value(of, scope)? {
            Value::Number(number) => Ok(Value::Number(-number)),
            other => mismatch("-", other.kind()),
        },
        Kind::Binary(operator, left, right) => binary(*operator, left, right, scope),
    }
}

fn binary(
    operator: Operator,
    left: &Expression,
    right: &Expression,
    scope: &dyn Scope,
) -> Result<Value, EvalError> {
    let symbol = operator.symbol();
    match operator {
        Operator::Or => {
            return Ok(Value::Bool(
                truth(symbol, left, scope)? || truth(symbol, right, scope)?,
            ));
        }
        Operator::And => {
            return Ok(Value::Bool(
                truth(symbol, left, scope)? && truth(symbol, right, scope)?,
            ));
        }
        _ => {}
    }
    let (left, right) = (value(left, scope)?, value(right, scope)?);
    if operator.of(left.kind(), right.kind()).is_none() {
        return mismatch(symbol, format!("{} and {}", left.kind(), right.kind()));
    }
    Ok(match (operator, &left, &right) {
        (Operator::Add, Value::Number(a), Value::Number(b)) => Value::Number(a + b),
        (Operator::Subtract, Value::Number(a), Value::Number(b)) => Value::Number(a - b),
        (Operator::Equal, ..) => Value::Bool(left == right),
        (Operator::NotEqual, ..) => Value::Bool(left != right),
        (_, Value::Number(a), Value::Number(b)) => Value::Bool(ordered(operator, a, b)),
        (_, Value::Text(a), Value::Text(b)) => Value::Bool(ordered(operator, a, b)),
        _ => return mismatch(symbol, format!("{} and {}", left.kind(), right.kind())),
    })
}

fn ordered<T: PartialOrd>(operator: Operator, a: &T, b: &T) -> bool {
    match operator {
        Operator::Less => a < b,
        Operator::AtMost => a <= b,
        Operator::Greater => a > b,
        Operator::AtLeast => a >= b,
        _ => false,
    }
}
