//! What definitions may name: agent kinds with their facts, and inputs with their shape.

use std::collections::{BTreeMap, BTreeSet};

use model::{AgentKind, fact::FactTypes};

use crate::condition::Type;

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
#[derive(Debug, Clone, PartialEq)]
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

fn names(fields: &BTreeMap<String, Shape>) -> String {
    fields
        .keys()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}
