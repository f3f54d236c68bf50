//! The input: a name of one that is known, or a description in place.

use crate::{Shape, problem::Placed, yaml::Node};

use super::fields::Fields;

/// What a field may be.
const KINDS: &str = "text, number, bool, list, a map of fields, or a list with one map of fields";

pub(super) fn input(
    fields: &mut Fields<'_>,
    node: Placed<Node>,
) -> (Option<Placed<String>>, Option<Shape>) {
    match node.value {
        Node::Text(value) => {
            let place = node.place;
            (Some(Placed { value, place }), None)
        }
        Node::Map(_) => (None, shape(fields, "input", node)),
        _ => {
            let message = "`input` must be the name of an input, or a map of its fields";
            fields.note(node.place, message);
            (None, None)
        }
    }
}

fn shape(fields: &mut Fields<'_>, name: &str, node: Placed<Node>) -> Option<Shape> {
    let place = node.place;
    match node.value {
        Node::Text(kind) if kind == "text" => Some(Shape::Text),
        Node::Text(kind) if kind == "number" => Some(Shape::Number),
        Node::Text(kind) if kind == "bool" => Some(Shape::Bool),
        Node::Text(kind) if kind == "list" => Some(Shape::List),
        Node::Map(entries) => {
            let known = entries.into_iter().filter_map(|(key, node)| {
                let shape = shape(fields, &format!("{name}.{}", key.value), node)?;
                Some((key.value, shape))
            });
            Some(Shape::Object(known.collect()))
        }
        Node::List(mut entries) if entries.len() == 1 => {
            let entry = entries.pop()?;
            match shape(fields, &format!("{name}[]"), entry)? {
                Shape::Object(entry) => Some(Shape::Each(entry)),
                _ => {
                    fields.note(place, format!("`{name}` must be {KINDS}"));
                    None
                }
            }
        }
        _ => {
            fields.note(place, format!("`{name}` must be {KINDS}"));
            None
        }
    }
}
