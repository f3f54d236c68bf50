//! JSON schemas as a provider takes them: a keyword that it does not know is an error there. What is taken
//! out is said in the description, and the answer is checked against the whole schema anyway.

use serde_json::{Map, Value};

/// Keywords that Anthropic's structured outputs take.
pub(super) const ANTHROPIC: &[&str] = &[
    "$ref",
    "$defs",
    "type",
    "title",
    "description",
    "enum",
    "const",
    "format",
    "items",
    "properties",
    "required",
    "additionalProperties",
    "anyOf",
    "allOf",
];

/// Keywords that Gemini's `responseJsonSchema` takes.
pub(super) const GEMINI: &[&str] = &[
    "$ref",
    "$defs",
    "type",
    "title",
    "description",
    "enum",
    "format",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "properties",
    "required",
    "additionalProperties",
    "anyOf",
    "oneOf",
];

/// Bounds that are worth saying in words.
const TOLD: [&str; 7] = [
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "pattern",
];

/// The schema with the keywords `known` only.
pub(super) fn narrowed(schema: &Value, known: &[&str]) -> Value {
    let Value::Object(given) = schema else {
        return schema.clone();
    };
    let mut kept = Map::new();
    for (keyword, value) in given
        .iter()
        .filter(|(keyword, _)| known.contains(&keyword.as_str()))
    {
        let value = match (keyword.as_str(), value) {
            // These hold schemas by name: a property may well be called `pattern`.
            ("properties" | "$defs", Value::Object(named)) => named
                .iter()
                .map(|(name, schema)| (name.clone(), narrowed(schema, known)))
                .collect(),
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(all)) => {
                all.iter().map(|schema| narrowed(schema, known)).collect()
            }
            ("items" | "additionalProperties", schema) => narrowed(schema, known),
            _ => value.clone(),
        };
        kept.insert(keyword.clone(), value);
    }
    let told: Vec<String> = TOLD
        .iter()
        .filter(|keyword| !known.contains(keyword))
        .filter_map(|keyword| Some(format!("{keyword}: {}", given.get(*keyword)?)))
        .collect();
    if !told.is_empty() {
        let described = kept.get("description").and_then(Value::as_str);
        let told = told.join(", ");
        let description = described.map_or_else(|| told.clone(), |text| format!("{text} ({told})"));
        kept.insert("description".to_owned(), description.into());
    }
    kept.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_keywords_become_words() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "additionalProperties": false,
            "required": ["pattern"],
            "properties": {
                "pattern": {"type": "string", "pattern": "^a$", "description": "A letter"},
                "list": {"type": "array", "minItems": 3, "items": {"type": ["string", "null"], "maxLength": 9}},
            },
        });
        assert_eq!(
            narrowed(&schema, ANTHROPIC),
            json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["pattern"],
                "properties": {
                    "pattern": {"type": "string", "description": "A letter (pattern: \"^a$\")"},
                    "list": {
                        "type": "array",
                        "description": "minItems: 3",
                        "items": {"type": ["string", "null"], "description": "maxLength: 9"},
                    },
                },
            })
        );
        assert_eq!(
            narrowed(&schema, GEMINI)["properties"]["list"]["minItems"],
            3
        );
    }
}
