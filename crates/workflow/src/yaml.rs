//! YAML as a tree in which every value knows its place and maps keep their order.
//!
//! Reading into a tree first, rather than into structs, is what lets [`crate::parse`] report every
//! fault of the shape at once.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Error, MergeKeyPolicy, NonFiniteFloatPolicy, Spanned};

use crate::{
    limits::{MAX_SOURCE_BYTES, MAX_YAML_DEPTH, MAX_YAML_NODES},
    problem::{Place, Placed, Problem},
};

/// A YAML value.
pub(crate) enum Node {
    Null,
    Bool,
    Number(f64),
    Text(String),
    List(Vec<Placed<Node>>),
    Map(Vec<(Placed<String>, Placed<Node>)>),
}

impl Node {
    /// What it is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

/// Reads one document. Anchors, merge keys, keys that stand twice and second documents are refused.
pub(crate) fn read(source: &str) -> Result<Placed<Node>, Problem> {
    let start = Place { line: 1, column: 1 };
    if source.len() > MAX_SOURCE_BYTES {
        let message = format!(
            "a definition has at most {MAX_SOURCE_BYTES} bytes, this one {}",
            source.len()
        );
        return Err(start.problem(message));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: 0,
            max_anchors: 0,
            max_depth: MAX_YAML_DEPTH,
            max_nodes: MAX_YAML_NODES,
            max_documents: 1,
        },
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options::<Spanned<Node>>(source, options)
        .map(Placed::from)
        .map_err(|error| {
            let place = error.location().map_or(start, Place::from);
            place.problem(message(&error, place))
        })
}

fn message(error: &Error, at: Place) -> String {
    match error {
        Error::DuplicateMappingKey { key, .. } => {
            format!(
                "`{}` stands here for the second time",
                key.as_deref().unwrap_or_default()
            )
        }
        Error::Budget { .. } => format!(
            "a definition is one YAML document without anchors and aliases, nested at most \
             {MAX_YAML_DEPTH} deep, of at most {MAX_YAML_NODES} values"
        ),
        other => {
            let text = other.to_string();
            let place = format!(" at line {}, column {}", at.line, at.column);
            format!("no YAML: {}", text.strip_suffix(&place).unwrap_or(&text))
        }
    }
}

impl From<serde_saphyr::Location> for Place {
    fn from(at: serde_saphyr::Location) -> Self {
        let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            line: small(at.line()),
            column: small(at.column()),
        }
    }
}

impl<T> From<Spanned<T>> for Placed<T> {
    fn from(spanned: Spanned<T>) -> Self {
        Self {
            place: spanned.referenced.into(),
            value: spanned.value,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Bool)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Node>>()? {
            list.push(item.into());
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            map.push((key.into(), entries.next_value::<Spanned<Node>>()?.into()));
        }
        Ok(Node::Map(map))
    }
}
