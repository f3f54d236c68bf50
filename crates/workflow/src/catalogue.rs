//! What definitions may name: agent kinds with their facts, and inputs with their shape.

use std::collections::{BTreeMap, BTreeSet};

use model::{AgentKind, fact::FactTypes, validate::Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{condition::Type, limits::MAX_PROBLEMS};

/// The known agents and inputs. A caller's own compiles a caller's own definitions.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// The facts that each agent kind declares.
    pub agents: BTreeMap<AgentKind, FactTypes>,
    /// The shape of each input, by the input's name.
    pub inputs: BTreeMap<String, Shape>,
    /// The roles that people may have.
    pub roles: BTreeSet<String>,
}

/// The shape of an input, as far as conditions may read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// True or false.
    Bool,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A list; only its size can be read.
    List,
    /// A list of objects with these fields: conditions read its size, a step its items.
    Each(BTreeMap<String, Shape>),
    /// Named fields.
    Object(BTreeMap<String, Shape>),
}

impl Shape {
    /// An object with these fields.
    pub fn object<const N: usize>(fields: [(&str, Shape); N]) -> Self {
        Self::Object(fields.map(|(name, shape)| (name.to_owned(), shape)).into())
    }

    /// A list of objects with these fields.
    pub fn each<const N: usize>(fields: [(&str, Shape); N]) -> Self {
        Self::Each(fields.map(|(name, shape)| (name.to_owned(), shape)).into())
    }

    /// What is at `path`.
    pub(crate) fn at(&self, path: &[String]) -> Option<&Self> {
        match (self, path) {
            (found, []) => Some(found),
            (Self::Object(fields), [name, rest @ ..]) => fields.get(name)?.at(rest),
            _ => None,
        }
    }

    /// What of `value`, which stands at `path`, is not of this shape; at most [`MAX_PROBLEMS`].
    pub fn problems(&self, value: &Value, path: &str) -> Vec<Problem> {
        let mut found = Vec::new();
        self.collect(value, path, &mut found);
        found
    }

    fn collect(&self, value: &Value, path: &str, found: &mut Vec<Problem>) {
        match (self, value) {
            (Self::Bool, Value::Bool(_))
            | (Self::Number, Value::Number(_))
            | (Self::Text, Value::String(_))
            | (Self::List, Value::Array(_)) => {}
            (Self::Each(fields), Value::Array(list)) => {
                for (at, entry) in list.iter().enumerate() {
                    if found.len() >= MAX_PROBLEMS {
                        return;
                    }
                    of_fields(fields, entry, &format!("{path}[{at}]"), found);
                }
            }
            (Self::Object(fields), Value::Object(_)) => of_fields(fields, value, path, found),
            (_, Value::Null) => note(found, path, "is missing".to_owned()),
            (Self::Bool, _) => note(found, path, "must be true or false".to_owned()),
            (Self::Number, _) => note(found, path, "must be a number".to_owned()),
            (Self::Text, _) => note(found, path, "must be a text".to_owned()),
            (Self::List | Self::Each(_), _) => note(found, path, "must be a list".to_owned()),
            (Self::Object(_), _) => note(found, path, "must be an object".to_owned()),
        }
    }

    /// The type of the field at `path`.
    ///
    /// # Errors
    /// What is wrong with the path, and what could be read instead.
    pub fn find(&self, path: &[String]) -> Result<Type, String> {
        match (self, path) {
            (Self::Object(fields), []) => Err(format!(
                "is an object; read one of its fields: {}",
                names(fields)
            )),
            (Self::Object(fields), [name, rest @ ..]) => match fields.get(name) {
                Some(field) => field.find(rest),
                None => Err(format!(
                    "there is no field `{name}`; there are {}",
                    names(fields)
                )),
            },
            (Self::Bool, []) => Ok(Type::Bool),
            (Self::Number, []) => Ok(Type::Number),
            (Self::Text, []) => Ok(Type::Text),
            (Self::List | Self::Each(_), []) => Ok(Type::List),
            (_, [name, ..]) => Err(format!(
                "there is no field `{name}`: the path ends before it"
            )),
        }
    }
}

fn note(found: &mut Vec<Problem>, path: &str, message: String) {
    if found.len() < MAX_PROBLEMS {
        found.push(Problem {
            path: path.to_owned(),
            message,
        });
    }
}

fn of_fields(
    fields: &BTreeMap<String, Shape>,
    value: &Value,
    path: &str,
    found: &mut Vec<Problem>,
) {
    let Value::Object(given) = value else {
        return note(found, path, "must be an object".to_owned());
    };
    for name in given.keys().filter(|name| !fields.contains_key(*name)) {
        if found.len() >= MAX_PROBLEMS {
            return;
        }
        note(found, &format!("{path}.{name}"), "is unknown".to_owned());
    }
    for (name, shape) in fields {
        if found.len() >= MAX_PROBLEMS {
            return;
        }
        let value = given.get(name).unwrap_or(&Value::Null);
        shape.collect(value, &format!("{path}.{name}"), found);
    }
}

fn names(fields: &BTreeMap<String, Shape>) -> String {
    fields
        .keys()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}
