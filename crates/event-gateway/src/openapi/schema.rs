//! JSON Schema of the messages, as their JSON is written and read.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::facts;
use crate::api::contract::{Contract, Field, Kind, Message, Shape};

/// All schemas that some messages need.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    /// Messages that are sent to us, with all that they contain.
    asked: BTreeSet<String>,
    /// The others.
    told: BTreeSet<String>,
}

impl Schemas {
    /// Needs a message that is sent to us.
    pub(crate) fn ask(&mut self, name: &str) {
        reach(name, &mut self.asked);
    }

    /// Needs a message that we send.
    pub(crate) fn tell(&mut self, name: &str) {
        reach(name, &mut self.told);
    }

    /// The schemas by name. A message that goes both ways is told as it is asked for, without what must be
    /// there.
    pub(crate) fn components(&self) -> Map<String, Value> {
        let contract = Contract::get();
        let all = self.asked.union(&self.told);
        all.filter_map(|name| {
            let message = contract.message(name)?;
            let schema = match (self.asked.contains(name), self.told.contains(name)) {
                (true, false) => object(message, &[]),
                (true, true) => asked(message, &[], &[]),
                (false, _) => open(message, &[]),
            };
            Some((name.clone(), Value::Object(schema)))
        })
        .collect()
    }
}

fn reach(name: &str, found: &mut BTreeSet<String>) {
    let Some(message) = Contract::get().message(name) else {
        return;
    };
    if !found.insert(name.to_owned()) {
        return;
    }
    for field in &message.fields {
        if let Kind::Message(name) = &field.kind {
            reach(name, found);
        }
    }
}

/// The schema of a message that is sent to us, without some of its fields: no others are taken.
pub(crate) fn object(message: &Message, without: &[&str]) -> Map<String, Value> {
    let needed: Vec<_> = facts::needed(&message.name)
        .iter()
        .copied()
        .filter(|name| !without.contains(name))
        .collect();
    let mut schema = asked(message, without, &needed);
    if !needed.is_empty() {
        schema.insert("required".into(), json!(needed));
    }
    schema.insert("additionalProperties".into(), json!(false));
    schema
}

/// The schema of a message that may be sent to us: what need not be there may be null.
fn asked(message: &Message, without: &[&str], needed: &[&str]) -> Map<String, Value> {
    let mut schema = open(message, without);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for field in &message.fields {
            let is_needed = needed.contains(&field.name.as_str());
            if let (false, true, Some(property)) = (
                is_needed,
                field.may_be_null(),
                properties.get_mut(&field.name),
            ) {
                or_null(property);
            }
        }
    }
    schema
}

/// The same, or nothing.
fn or_null(property: &mut Value) {
    let Value::Object(schema) = property else {
        return;
    };
    if let Some(at) = schema.remove("$ref") {
        let choices = json!([{ "$ref": at }, { "type": "null" }]);
        schema.insert("anyOf".into(), choices);
    } else if let Some(kind) = schema.get_mut("type") {
        let mut kinds = match kind.take() {
            Value::Array(kinds) => kinds,
            one => vec![one],
        };
        kinds.push(json!("null"));
        *kind = Value::Array(kinds);
        if let Some(Value::Array(values)) = schema.get_mut("enum") {
            values.push(Value::Null);
        }
    }
}

/// The schema of a message that we send.
fn open(message: &Message, without: &[&str]) -> Map<String, Value> {
    let fields = message
        .fields
        .iter()
        .filter(|field| !without.contains(&field.name.as_str()));
    let properties: Map<_, _> = fields
        .map(|field| (field.name.clone(), of_field(message, field)))
        .collect();
    let mut schema = Map::new();
    schema.insert("type".into(), json!("object"));
    describe(&mut schema, &message.about);
    schema.insert("properties".into(), Value::Object(properties));
    schema
}

/// The schema of a field.
pub(crate) fn of_field(message: &Message, field: &Field) -> Value {
    let one = of_kind(&field.kind);
    let schema = match field.shape {
        Shape::One => one,
        Shape::Many => json!({ "type": "array", "items": one }),
        Shape::Keyed => json!({ "type": "object", "additionalProperties": one }),
    };
    let Value::Object(mut schema) = schema else {
        return schema;
    };
    if let Some(Value::Object(fact)) = facts::of(&message.name, &field.name) {
        for (name, value) in fact {
            match (schema.get_mut(name), value) {
                (Some(Value::Object(items)), Value::Object(more)) => items.extend(more.clone()),
                _ => {
                    schema.insert(name.clone(), value.clone());
                }
            }
        }
    }
    describe(&mut schema, &field.about);
    if let Some(choice) = &field.choice {
        schema.insert("x-oneof".into(), json!(choice));
    }
    Value::Object(schema)
}

fn of_kind(kind: &Kind) -> Value {
    match kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::U32 => {
            json!({ "type": "integer", "format": "uint32", "minimum": 0, "maximum": u32::MAX })
        }
        Kind::I32 => {
            json!({ "type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX })
        }
        // Written as text, since many readers' numbers are doubles; read as both.
        Kind::U64 => json!({
            "type": ["string", "integer"], "format": "uint64", "pattern": "^[0-9]{1,19}$",
            "minimum": 0, "maximum": u64::MAX,
        }),
        Kind::I64 => json!({
            "type": ["string", "integer"], "format": "int64", "pattern": "^-?[0-9]{1,18}$",
            "minimum": i64::MIN, "maximum": i64::MAX,
        }),
        Kind::Double => json!({ "type": "number", "format": "double" }),
        Kind::Timestamp => json!({ "type": "string", "format": "date-time" }),
        Kind::Names(names) => json!({ "type": "string", "enum": names }),
        Kind::Message(name) => json!({ "$ref": reference(name) }),
    }
}

/// Where the schema of a message stands in a document.
pub(crate) fn reference(name: &str) -> String {
    format!("#/components/schemas/{name}")
}

fn describe(schema: &mut Map<String, Value>, about: &str) {
    if !about.is_empty() {
        schema.insert("description".into(), json!(about));
    }
}

/// RFC 9457 problem details as this API writes them (`wire::problem::Details`).
pub(crate) fn problem() -> Value {
    json!({
        "type": "object",
        "description": "Problem details (RFC 9457).",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": { "type": "string", "description": "Always `about:blank`: `status` and `code` say it." },
            "title": { "type": "string", "description": "The HTTP status in words." },
            "status": { "type": "integer", "description": "The HTTP status." },
            "detail": { "type": "string", "description": "What failed and what to do." },
            "code": { "type": "string", "description": "The gRPC status code." },
            "errors": {
                "type": "array",
                "description": "Every fault of the request, by field path.",
                "items": {
                    "type": "object",
                    "required": ["path", "message"],
                    "properties": {
                        "path": { "type": "string", "examples": ["brief.key_messages[2]"] },
                        "message": { "type": "string" },
                    },
                },
            },
        },
    })
}
