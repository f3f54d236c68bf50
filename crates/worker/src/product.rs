//! What an agent made, checked before anything else is done with it: an agent's word counts for
//! nothing that can be looked at.

use model::{
    ErrorClass, Failure,
    fact::{Fact, FactTypes, Facts, MAX_FACTS_BYTES},
    job::Product,
    limits::{MAX_ARTIFACT_BYTES, MAX_MEDIA, MAX_MEDIA_BYTES},
    media::Media,
    usage::Provenance,
};
use serde_json::{Map, Value};
use wire::{convert::outcome::MAX_NAME_BYTES, json};

use crate::agent::AgentCard;

/// Checks content, facts and names against the bounds and against what the agent declared.
pub(crate) fn check(card: &AgentCard, product: &Product) -> Result<(), Failure> {
    check_content(
        &product.content,
        card.max_output_bytes.min(MAX_ARTIFACT_BYTES),
    )?;
    check_media(&product.media)?;
    check_facts(&product.facts, &card.facts)?;
    check_names(&product.provenance)
}

fn check_content(content: &str, most: usize) -> Result<(), Failure> {
    match json::from_json::<Map<String, Value>>(content.as_bytes(), most) {
        Ok(_) => Ok(()),
        Err(error @ json::Error::TooLarge { .. }) => Err(Failure::new(
            ErrorClass::TooLong,
            format!("the output is too long: {error}"),
        )),
        // The parser may quote what it read, and messages carry no content.
        Err(json::Error::Malformed { line, column, .. }) => {
            let message = format!("the output is no JSON object (line {line}, column {column})");
            Err(Failure::new(ErrorClass::Schema, message))
        }
        Err(error) => Err(Failure::new(
            ErrorClass::Schema,
            format!("the output cannot be taken: {error}"),
        )),
    }
}

/// Too many or too large pictures are a defect of the agent, which makes them itself.
fn check_media(media: &[Media]) -> Result<(), Failure> {
    let defect = |message: String| Err(Failure::new(ErrorClass::Internal, message));
    if media.len() > MAX_MEDIA {
        return defect(format!(
            "the agent made {} pictures, at most {MAX_MEDIA} are taken",
            media.len()
        ));
    }
    for one in media {
        if one.content.len() > MAX_MEDIA_BYTES {
            return defect(format!(
                "a picture ({}) has {} bytes, at most {MAX_MEDIA_BYTES} are taken",
                one.media_type,
                one.content.len()
            ));
        }
        if !one.media_type.begins(&one.content) {
            return defect(format!("a picture is no {}", one.media_type));
        }
    }
    Ok(())
}

fn check_names(provenance: &Provenance) -> Result<(), Failure> {
    let names = [
        &provenance.agent,
        &provenance.model,
        &provenance.prompt_version,
    ];
    if names.iter().all(|name| name.len() <= MAX_NAME_BYTES) {
        return Ok(());
    }
    let message = format!(
        "the agent, its model or its version has a name of more than {MAX_NAME_BYTES} bytes"
    );
    Err(Failure::new(ErrorClass::Internal, message))
}

/// Conditions were checked against the declared types, so a fact that is missing, too
/// many or of another type is a defect of the agent, and another attempt would not mend it.
fn check_facts(facts: &Facts, declared: &FactTypes) -> Result<(), Failure> {
    let defect = |message: String| Failure::new(ErrorClass::Internal, message);
    for (name, wanted) in declared {
        match facts.get(name) {
            None => {
                return Err(defect(format!(
                    "the agent declared the fact `{name}` and did not give it"
                )));
            }
            Some(Fact::Number(number)) if !number.is_finite() => {
                return Err(defect(format!(
                    "the agent's fact `{name}` is no finite number"
                )));
            }
            Some(fact) if fact.kind() != *wanted => {
                return Err(defect(format!(
                    "the agent declared the fact `{name}` as {wanted:?} and gave {:?}",
                    fact.kind()
                )));
            }
            Some(_) => {}
        }
    }
    if let Some(name) = facts.keys().find(|name| !declared.contains_key(*name)) {
        return Err(defect(format!(
            "the agent gave the fact `{name}` that it did not declare"
        )));
    }
    let json = serde_json::to_string(facts)
        .map_err(|error| defect(format!("the agent's facts cannot be written: {error}")))?;
    if json.len() > MAX_FACTS_BYTES {
        return Err(defect(format!(
            "the agent's facts have {} bytes, at most {MAX_FACTS_BYTES} are taken",
            json.len()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::{AgentKind, fact::FactType, limits::MAX_JSON_DEPTH, media::MediaType};

    use super::*;

    fn card() -> AgentCard {
        AgentCard {
            kind: AgentKind::new("copy").expect("kind"),
            output_schema: Value::Null,
            facts: BTreeMap::from([
                ("score".to_owned(), FactType::Number),
                ("sections".to_owned(), FactType::Keys),
            ]),
            model: "offline".to_owned(),
            version: "1".to_owned(),
            max_output_bytes: MAX_ARTIFACT_BYTES,
            input_price_microusd: 0,
            output_price_microusd: 0,
        }
    }

    fn product(content: impl Into<String>) -> Product {
        Product {
            content: content.into(),
            facts: BTreeMap::from([
                ("score".to_owned(), Fact::Number(0.5)),
                ("sections".to_owned(), Fact::Keys(vec!["a".to_owned()])),
            ]),
            provenance: Provenance::default(),
            media: Vec::new(),
        }
    }

    fn class(card: &AgentCard, product: &Product) -> Option<ErrorClass> {
        check(card, product).err().map(|failure| failure.class)
    }

    #[test]
    fn content_is_one_object_within_the_bounds() {
        let nested = |levels: usize| {
            format!(
                "{}{}",
                "{\"a\":".repeat(levels - 1) + "{}",
                "}".repeat(levels - 1)
            )
        };
        for bad in [
            "",
            "null",
            "[]",
            "\"x\"",
            "{",
            "{} {}",
            "{\"a\":NaN}",
            "{\"a\":\"\0\"}",
            r#"{"a":"\u0000"}"#,
        ] {
            assert_eq!(
                class(&card(), &product(bad)),
                Some(ErrorClass::Schema),
                "{bad:?}"
            );
        }
        assert_eq!(class(&card(), &product(nested(MAX_JSON_DEPTH))), None);
        for levels in [MAX_JSON_DEPTH + 1, 10_000] {
            assert_eq!(
                class(&card(), &product(nested(levels))),
                Some(ErrorClass::Schema)
            );
        }
        let padded = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
        assert_eq!(class(&card(), &product(padded(MAX_ARTIFACT_BYTES))), None);
        assert_eq!(
            class(&card(), &product(padded(MAX_ARTIFACT_BYTES + 1))),
            Some(ErrorClass::TooLong)
        );
        let small = AgentCard {
            max_output_bytes: 100,
            ..card()
        };
        assert_eq!(
            class(&small, &product(padded(101))),
            Some(ErrorClass::TooLong)
        );
    }

    #[test]
    fn no_message_quotes_the_output() {
        let failure = check(&card(), &product("\"a secret plan\"")).expect_err("no object");
        assert!(!failure.message.contains("secret"), "{failure}");
    }

    #[test]
    fn pictures_are_what_they_say_and_bounded() {
        let png = |bytes: usize| {
            let mut content = b"\x89PNG\r\n\x1a\n".to_vec();
            content.resize(bytes, 0);
            Media {
                media_type: MediaType::Png,
                content,
            }
        };
        let with = |media: Vec<Media>| Product {
            media,
            ..product("{}")
        };
        let good = with(vec![png(MAX_MEDIA_BYTES); MAX_MEDIA]);
        assert_eq!(class(&card(), &good), None);
        let mut false_type = png(100);
        false_type.media_type = MediaType::Svg;
        for bad in [
            vec![png(MAX_MEDIA_BYTES + 1)],
            vec![png(100); MAX_MEDIA + 1],
            vec![false_type],
        ] {
            assert_eq!(class(&card(), &with(bad)), Some(ErrorClass::Internal));
        }
    }

    #[test]
    fn names_are_bounded() {
        let mut product = product("{}");
        product.provenance.model = "m".repeat(MAX_NAME_BYTES + 1);
        assert_eq!(class(&card(), &product), Some(ErrorClass::Internal));
    }

    #[test]
    fn facts_are_exactly_those_declared() {
        let wrong: [(&str, Option<Fact>); 5] = [
            ("score", None),
            ("score", Some(Fact::Text("0.5".to_owned()))),
            ("score", Some(Fact::Number(f64::NAN))),
            ("extra", Some(Fact::Bool(true))),
            (
                "sections",
                Some(Fact::Keys(vec!["x".repeat(MAX_FACTS_BYTES)])),
            ),
        ];
        for (name, fact) in wrong {
            let mut product = product("{}");
            product.facts.remove(name);
            product
                .facts
                .extend(fact.map(|fact| (name.to_owned(), fact)));
            assert_eq!(
                class(&card(), &product),
                Some(ErrorClass::Internal),
                "{name}"
            );
        }
    }
}
