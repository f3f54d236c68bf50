//! Paths and types, before any run.

use model::StepName;

use super::{Expression, Kind, Problem, Type, fact_path, input_path};

/// What a condition may read.
pub trait Types {
    /// The type of an input field; `None` when it cannot be told because of a fault elsewhere.
    ///
    /// # Errors
    /// Why it cannot be read, and what could.
    fn input(&self, path: &[String]) -> Result<Option<Type>, String>;

    /// The type of a step's fact; `None` when it cannot be told because of a fault elsewhere.
    ///
    /// # Errors
    /// Why it cannot be read, and what could.
    fn fact(&self, step: &StepName, name: &str) -> Result<Option<Type>, String>;
}

pub(super) fn check(expression: &Expression, types: &dyn Types) -> Vec<Problem> {
    let mut checker = Checker {
        types,
        problems: Vec::new(),
    };
    checker.wants(expression, Type::Bool, "a condition");
    checker.problems
}

struct Checker<'a> {
    types: &'a dyn Types,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    fn problem(&mut self, at: &Expression, message: String) {
        self.problems.push(Problem {
            column: at.column,
            message,
        });
    }

    /// The type of `expression`; `None` when it has a fault, which is noted.
    fn kind(&mut self, expression: &Expression) -> Option<Type> {
        match &expression.kind {
            Kind::Bool(_) => Some(Type::Bool),
            Kind::Number(_) => Some(Type::Number),
            Kind::Text(_) => Some(Type::Text),
            Kind::Input(path) => {
                let found = self.types.input(path);
                self.read(expression, &input_path(path), found)
            }
            Kind::Fact(step, name) => {
                let found = self.types.fact(step, name);
                self.read(expression, &fact_path(step, name), found)
            }
            Kind::Size(of) => match self.kind(of)? {
                Type::Text | Type::List => Some(Type::Number),
                other => {
                    self.problem(of, format!("`size` takes a text or a list, here {other}"));
                    None
                }
            },
            Kind::Not(of) => self.wants(of, Type::Bool, "`!`"),
            Kind::Negate(of) => self.wants(of, Type::Number, "`-`"),
            Kind::Binary(operator, left, right) => {
                let (left, right) = (self.kind(left), self.kind(right));
                let (left, right) = (left?, right?);
                let kind = operator.of(left, right);
                if kind.is_none() {
                    let (symbol, takes) = (operator.symbol(), operator.takes());
                    self.problem(
                        expression,
                        format!("`{symbol}` {takes}, here {left} and {right}"),
                    );
                }
                kind
            }
        }
    }

    fn wants(&mut self, expression: &Expression, wanted: Type, who: &str) -> Option<Type> {
        let found = self.kind(expression)?;
        if found != wanted {
            self.problem(expression, format!("{who} must be {wanted}, here {found}"));
            return None;
        }
        Some(wanted)
    }

    fn read(
        &mut self,
        at: &Expression,
        path: &str,
        found: Result<Option<Type>, String>,
    ) -> Option<Type> {
        found.unwrap_or_else(|why| {
            self.problem(at, format!("`{path}`: {why}"));
            None
        })
    }
}
