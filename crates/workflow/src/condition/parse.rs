//! Tokens to an expression, by recursive descent.

use model::StepName;

use super::{
    Expression, Kind, Operator, Problem,
    lex::{Token, TokenKind, lex},
};
use crate::limits::MAX_CONDITION_DEPTH;

/// Operators by level, the loosest first. All go from left to right.
const LEVELS: [&[Operator]; 4] = [
    &[Operator::Or],
    &[Operator::And],
    &[
        Operator::Equal,
        Operator::NotEqual,
        Operator::Less,
        Operator::AtMost,
        Operator::Greater,
        Operator::AtLeast,
    ],
    &[Operator::Add, Operator::Subtract],
];

/// Words of CEL that cannot be part of a path.
const RESERVED: [&str; 4] = ["true", "false", "null", "in"];

pub(super) fn parse(source: &str) -> Result<Expression, Problem> {
    let tokens = lex(source)?;
    let mut parser = Parser {
        tokens: &tokens,
        next: 0,
        end: source.chars().count() + 1,
        depth: 0,
    };
    let expression = parser.level(0)?;
    if parser.next < tokens.len() {
        return parser.unexpected("an operator or the end");
    }
    Ok(expression)
}

struct Parser<'a> {
    tokens: &'a [Token],
    next: usize,
    /// The column behind the last character.
    end: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a TokenKind> {
        self.tokens.get(self.next).map(|token| &token.kind)
    }

    fn column(&self) -> usize {
        self.tokens
            .get(self.next)
            .map_or(self.end, |token| token.column)
    }

    fn take(&mut self, symbol: &'static str) -> bool {
        let there = self.peek() == Some(&TokenKind::Symbol(symbol));
        self.next += usize::from(there);
        there
    }

    fn fail<T>(column: usize, message: impl Into<String>) -> Result<T, Problem> {
        Err(Problem {
            column,
            message: message.into(),
        })
    }

    fn unexpected<T>(&self, wanted: &str) -> Result<T, Problem> {
        let found = match self.peek() {
            None => "the condition ends".to_owned(),
            Some(TokenKind::Symbol(symbol)) => format!("`{symbol}` stands"),
            Some(TokenKind::Name(name)) => format!("`{name}` stands"),
            Some(TokenKind::Number(_)) => "a number stands".to_owned(),
            Some(TokenKind::Text(_)) => "a text stands".to_owned(),
        };
        Self::fail(self.column(), format!("{found} where {wanted} is expected"))
    }

    fn expect(&mut self, symbol: &'static str) -> Result<(), Problem> {
        if self.take(symbol) {
            Ok(())
        } else {
            self.unexpected(&format!("`{symbol}`"))
        }
    }

    /// Runs `inner` one level deeper.
    fn deeper<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        if self.depth == MAX_CONDITION_DEPTH {
            return Self::fail(
                self.column(),
                format!("a condition nests at most {MAX_CONDITION_DEPTH} deep"),
            );
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn level(&mut self, level: usize) -> Result<Expression, Problem> {
        let Some(operators) = LEVELS.get(level) else {
            return self.prefix();
        };
        let mut left = self.level(level + 1)?;
        loop {
            let column = self.column();
            let Some(operator) = operators.iter().find(|o| self.take(o.symbol())) else {
                return Ok(left);
            };
            let right = self.level(level + 1)?;
            let kind = Kind::Binary(*operator, Box::new(left), Box::new(right));
            left = Expression { column, kind };
        }
    }

    fn prefix(&mut self) -> Result<Expression, Problem> {
        let column = self.column();
        let kind = if self.take("!") {
            Kind::Not(Box::new(self.deeper(Self::prefix)?))
        } else if self.take("-") {
            Kind::Negate(Box::new(self.deeper(Self::prefix)?))
        } else {
            return self.primary();
        };
        Ok(Expression { column, kind })
    }

    fn primary(&mut self) -> Result<Expression, Problem> {
        let column = self.column();
        let kind = match self.peek() {
            Some(TokenKind::Number(number)) => Kind::Number(*number),
            Some(TokenKind::Text(text)) => Kind::Text(text.clone()),
            Some(TokenKind::Symbol("(")) => {
                self.next += 1;
                let inner = self.deeper(|parser| parser.level(0))?;
                self.expect(")")?;
                return Ok(inner);
            }
            Some(TokenKind::Name(name)) => match name.as_str() {
                "true" => Kind::Bool(true),
                "false" => Kind::Bool(false),
                "size" => return self.size(column),
                "input" | "steps" => return self.path(name, column),
                _ => {
                    return Self::fail(
                        column,
                        format!(
                            "unknown name `{name}`; a condition reads input.<path> and steps.<step>.<fact>"
                        ),
                    );
                }
            },
            Some(TokenKind::Symbol(_)) | None => {
                return self.unexpected("a value");
            }
        };
        self.next += 1;
        Ok(Expression { column, kind })
    }

    fn size(&mut self, column: usize) -> Result<Expression, Problem> {
        self.next += 1;
        self.expect("(")?;
        let of = self.deeper(|parser| parser.level(0))?;
        self.expect(")")?;
        Ok(Expression {
            column,
            kind: Kind::Size(Box::new(of)),
        })
    }

    fn path(&mut self, root: &str, column: usize) -> Result<Expression, Problem> {
        self.next += 1;
        let mut path = Vec::new();
        while self.take(".") {
            match self.peek() {
                Some(TokenKind::Name(name)) if !RESERVED.contains(&name.as_str()) => {
                    path.push(name.clone());
                    self.next += 1;
                }
                _ => return self.unexpected("a name"),
            }
        }
        let kind = match (root, path.as_slice()) {
            ("input", [_, ..]) => Kind::Input(path),
            ("steps", [step, fact]) => match StepName::new(step.as_str()) {
                Ok(step) => Kind::Fact(step, fact.clone()),
                Err(error) => return Self::fail(column, error.to_string()),
            },
            ("input", _) => return Self::fail(column, "the input is read as input.<path>"),
            _ => return Self::fail(column, "a fact is read as steps.<step>.<fact>"),
        };
        Ok(Expression { column, kind })
    }
}
