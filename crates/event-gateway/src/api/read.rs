//! Out of an address and a body the request's message: checked whole against the contract, so that every
//! fault is told at once, by field path.

use std::{collections::BTreeSet, fmt};

use model::validate::Problem;
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

use super::contract::{Contract, Field, Kind, Message, Shape};
use crate::limits::{MAX_FAULTS, MAX_SHOWN_CHARS};

/// Faults found so far; no more than can be told.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Problem>);

impl Faults {
    pub(crate) fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        if self.0.len() < MAX_FAULTS {
            self.0.push(Problem {
                path: path.into(),
                message: message.into(),
            });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}

/// A JSON object whose names are each given once. `serde_json::Value` would keep the last of two.
pub(crate) struct Strict(pub(crate) Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        StrictValue.deserialize(deserializer).map(Self)
    }
}

#[derive(Clone, Copy)]
struct StrictValue;

impl<'de> DeserializeSeed<'de> for StrictValue {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("the number is out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self)?;
            if map.contains_key(&name) {
                return Err(de::Error::custom(format!(
                    "`{}` is given twice",
                    shown(&name)
                )));
            }
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

/// A user's text in a message, cut.
pub(crate) fn shown(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(MAX_SHOWN_CHARS)
        .collect()
}

/// Puts a field out of an address into the message: text, as its kind wants it.
pub(crate) fn put(field: &Field, text: &str, into: &mut Map<String, Value>, faults: &mut Faults) {
    let value = match field.kind {
        Kind::Bool => match text {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => return faults.add(&field.name, "must be true or false"),
        },
        Kind::Message(_) => return faults.add(&field.name, "cannot stand in an address"),
        _ => Value::from(text),
    };
    match (field.shape, into.get_mut(&field.name)) {
        (Shape::Many, Some(Value::Array(list))) => list.push(value),
        (Shape::Many, _) => {
            into.insert(field.name.clone(), Value::Array(vec![value]));
        }
        (Shape::One, None) => {
            into.insert(field.name.clone(), value);
        }
        (Shape::One, Some(_)) => faults.add(&field.name, "is given twice"),
        (Shape::Keyed, _) => faults.add(&field.name, "cannot stand in an address"),
    }
}

/// Every fault of a value as the JSON of a message.
pub(crate) fn check(
    contract: &Contract,
    message: &Message,
    value: &Value,
    path: &str,
    faults: &mut Faults,
) {
    let Value::Object(map) = value else {
        return faults.add(whole(path), "must be a JSON object");
    };
    let mut given = BTreeSet::new();
    for (name, value) in map {
        let at = join(path, &shown(name));
        let Some(field) = message.field(name) else {
            let known: Vec<_> = message
                .fields
                .iter()
                .map(|field| field.name.as_str())
                .collect();
            faults.add(
                at,
                match known.as_slice() {
                    [] => "is no field; there are none here".to_owned(),
                    known => format!("is no field; known are {}", known.join(", ")),
                },
            );
            continue;
        };
        if !given.insert(&field.name) {
            faults.add(at, "is given twice, in both spellings");
            continue;
        }
        if value.is_null() && field.may_be_null() {
            continue;
        }
        match (field.shape, value) {
            (Shape::One, value) => one(contract, &field.kind, value, &at, faults),
            (Shape::Many, Value::Array(list)) => {
                for (number, value) in list.iter().enumerate() {
                    one(
                        contract,
                        &field.kind,
                        value,
                        &format!("{at}[{number}]"),
                        faults,
                    );
                }
            }
            (Shape::Many, _) => faults.add(at, "must be a list"),
            (Shape::Keyed, Value::Object(map)) => {
                for (key, value) in map {
                    one(
                        contract,
                        &field.kind,
                        value,
                        &join(&at, &shown(key)),
                        faults,
                    );
                }
            }
            (Shape::Keyed, _) => faults.add(at, "must be a JSON object"),
        }
    }
}

fn one(contract: &Contract, kind: &Kind, value: &Value, path: &str, faults: &mut Faults) {
    let (is_it, what) = match kind {
        Kind::Message(name) => {
            if let Some(message) = contract.message(name) {
                check(contract, message, value, path, faults);
            }
            return;
        }
        Kind::Text => (value.is_string(), "must be text"),
        Kind::Bytes => (value.is_string(), "must be base64 text"),
        Kind::Bool => (value.is_boolean(), "must be true or false"),
        Kind::U32 => (
            whole_number(value).is_some_and(|n| u32::try_from(n).is_ok()),
            "must be a whole number from 0 to 4294967295",
        ),
        Kind::I32 => (
            whole_number(value).is_some_and(|n| i32::try_from(n).is_ok()),
            "must be a whole number from -2147483648 to 2147483647",
        ),
        Kind::U64 => (
            whole_number(value).is_some_and(|n| u64::try_from(n).is_ok()),
            "must be a whole number from 0 to 18446744073709551615",
        ),
        Kind::I64 => (
            whole_number(value).is_some_and(|n| i64::try_from(n).is_ok()),
            "must be a whole number from -9223372036854775808 to 9223372036854775807",
        ),
        Kind::Double => (
            value.is_number()
                || value
                    .as_str()
                    .is_some_and(|text| text.parse::<f64>().is_ok()),
            "must be a number",
        ),
        Kind::Timestamp => (
            serde_json::from_value::<wire::time::Timestamp>(value.clone()).is_ok(),
            "must be an RFC 3339 time such as 2026-11-21T05:30:00Z",
        ),
        Kind::Names(names) => {
            let known = value
                .as_str()
                .is_some_and(|name| names.iter().any(|known| known == name));
            if !known {
                faults.add(path, format!("must be one of {}", names.join(", ")));
            }
            return;
        }
    };
    if !is_it {
        faults.add(path, what);
    }
}

fn whole_number(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => number
            .as_u64()
            .map(i128::from)
            .or_else(|| number.as_i64().map(i128::from)),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn whole(path: &str) -> &str {
    if path.is_empty() { "body" } else { path }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use wire::campaign::v1::SubmitRequest;

    use super::*;

    fn submit() -> (&'static Contract, &'static Message) {
        let contract = Contract::get();
        let name = "pressrun.campaign.v1.SubmitRequest";
        (contract, contract.message(name).expect("a message"))
    }

    fn faults(value: &Value) -> Vec<Problem> {
        let (contract, message) = submit();
        let mut faults = Faults::default();
        check(contract, message, value, "", &mut faults);
        faults.into_vec()
    }

    #[test]
    fn every_fault_is_told_with_its_path() {
        let value = json!({
            "brief": {
                "nmae": "x",
                "platforms": ["x", 7],
                "brand": { "voice": [] },
                "resources": [{ "text": null }, { "name": false }],
            },
            "options": { "priority": -1, "maxCostUsd": "much", "max_tokens": "7", "maxTokens": 7 },
            "validate_only": "yes",
        });
        let paths: Vec<_> = faults(&value).into_iter().map(|fault| fault.path).collect();
        assert_eq!(
            paths,
            [
                "brief.brand.voice",
                "brief.nmae",
                "brief.platforms[1]",
                "brief.resources[1].name",
                "options.maxCostUsd",
                "options.max_tokens",
                "options.priority",
                "validate_only",
            ]
        );
        let unknown = &faults(&value)[1];
        assert!(unknown.message.contains("name, objective"), "{unknown}");
        assert_eq!(faults(&json!([]))[0].path, "body");
    }

    #[test]
    fn a_name_given_twice_is_a_fault_of_the_json() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":[{"b":1,"b":2}]}"#] {
            let error = serde_json::from_str::<Strict>(text).err().expect("refused");
            assert!(error.to_string().contains("given twice"), "{error}");
        }
        let text = r#"{"$serde_json::private::RawValue":"[1]"}"#;
        let Strict(value) = serde_json::from_str(text).expect("an object like any other");
        assert!(value.is_object());
    }

    #[test]
    fn a_flood_of_faults_is_bounded() {
        let map: Map<_, _> = (0..10_000)
            .map(|n| (format!("{n}{}", "x".repeat(500)), Value::Null))
            .collect();
        let found = faults(&Value::Object(map));
        assert_eq!(found.len(), MAX_FAULTS);
        assert!(found[0].path.chars().count() <= MAX_SHOWN_CHARS);
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[0-9a-z.+-]{0,6}".prop_map(Value::from),
        ];
        let names = prop_oneof![
            Just("brief"),
            Just("options"),
            Just("brand"),
            Just("name"),
            Just("priority"),
            Just("maxTokens"),
            Just("max_cost_usd"),
            Just("resources"),
            Just("text"),
            Just("platforms"),
            Just("dry_run"),
            Just("validate_only"),
            Just("other"),
        ];
        leaf.prop_recursive(4, 40, 5, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
                proptest::collection::vec((names.clone(), inner), 0..5).prop_map(|entries| {
                    Value::Object(
                        entries
                            .into_iter()
                            .map(|(name, value)| (name.to_owned(), value))
                            .collect(),
                    )
                }),
            ]
        })
    }

    proptest! {
        /// What has no fault here is read by the messages' own mapping.
        #[test]
        fn what_passes_is_the_message(value in values()) {
            if faults(&value).is_empty() {
                let read = serde_json::from_value::<SubmitRequest>(value.clone());
                prop_assert!(read.is_ok(), "{value}: {read:?}");
            }
        }
    }
}
