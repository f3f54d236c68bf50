//! Short copy: [`ShortCopyArtifact`].

use llm::structured::Fault;
use minijinja::context;
use model::{
    ErrorClass, Failure,
    artifact::{ShortCopyArtifact, ShortCopyVariant},
    brief::CampaignBrief,
    fact::{Fact, FactType, FactTypes, Facts},
    platform::Platform,
};
use serde_json::{Map, Value};

use crate::{
    addresses::Addresses,
    task::{Settled, Task, blanks, parsed, tags, written},
};

pub(crate) struct ShortCopy;

impl Task for ShortCopy {
    fn kind(&self) -> &'static str {
        "short_copy"
    }

    fn schema(&self) -> &'static str {
        include_str!("../schemas/short_copy.json")
    }

    fn max_output_tokens(&self) -> u32 {
        6_000
    }

    fn facts(&self) -> FactTypes {
        FactTypes::from([("variants".to_owned(), FactType::Number)])
    }

    /// Only the platforms asked for, and all of them.
    fn schema_for(&self, schema: &Value, brief: &CampaignBrief) -> Result<Value, Failure> {
        let platforms = brief.known_platforms();
        if platforms.is_empty() {
            return Err(Failure::new(
                ErrorClass::InvalidInput,
                "the brief names no platform to write short copy for",
            ));
        }
        let mut schema = schema.clone();
        let object = &mut schema["properties"]["platforms"];
        let asked: Map<String, Value> = platforms
            .iter()
            .map(|p| (p.to_string(), object["properties"][p.as_str()].clone()))
            .collect();
        object["required"] = asked.keys().cloned().collect();
        object["properties"] = asked.into();
        Ok(schema)
    }

    /// Each further attempt aims a tenth lower, as models miscount.
    fn context(&self, brief: &CampaignBrief, attempt: u32) -> minijinja::Value {
        let tenths = 10 - attempt.saturating_sub(1).min(4);
        let platforms: Vec<_> = brief
            .known_platforms()
            .into_iter()
            .map(|platform| {
                let limit = platform.limit();
                context! {
                    name => platform.as_str(),
                    target => limit.length / 10 * tenths,
                    unit => limit.unit,
                }
            })
            .collect();
        context! { platforms }
    }

    /// Hashtags lose what cannot stand in one, and every post is counted here: what the answer counted
    /// is not looked at.
    fn settle(&self, brief: &CampaignBrief, answer: &Value) -> Result<Settled, Vec<Fault>> {
        let mut short: ShortCopyArtifact = parsed(answer)?;
        let addresses = Addresses::of(brief);
        let asked = brief.known_platforms();
        let mut faults = Vec::new();

        short
            .platforms
            .retain(|platform, _| asked.contains(platform));
        for platform in &asked {
            let Some(variants) = short.platforms.get_mut(platform) else {
                faults.push(Fault::schema(format!("`platforms.{platform}` is missing")));
                continue;
            };
            let mut kept: Vec<ShortCopyVariant> = Vec::new();
            for (i, variant) in variants.drain(..).enumerate() {
                let path = format!("platforms.{platform}[{i}]");
                let variant = counted(*platform, variant);
                check(*platform, &path, &variant, &addresses, &mut faults);
                if !kept.iter().any(|have| have.text == variant.text) {
                    kept.push(variant);
                }
            }
            if !(1..=3).contains(&kept.len()) {
                faults.push(Fault::schema(format!(
                    "`platforms.{platform}` needs 1 to 3 variants that differ"
                )));
            }
            *variants = kept;
        }

        if !faults.is_empty() {
            return Err(faults);
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "at most three for each platform"
        )]
        let variants = short.platforms.values().map(Vec::len).sum::<usize>() as f64;
        Ok(Settled {
            content: written(&short)?,
            facts: Facts::from([("variants".to_owned(), Fact::Number(variants))]),
        })
    }
}

fn counted(platform: Platform, mut variant: ShortCopyVariant) -> ShortCopyVariant {
    variant.hashtags = tags(&variant.hashtags);
    variant.text = variant.text.trim().to_owned();
    variant.link = variant.link.filter(|link| !link.trim().is_empty());
    variant.character_count = platform.count(&variant.post_text());
    variant
}

fn check(
    platform: Platform,
    path: &str,
    variant: &ShortCopyVariant,
    addresses: &Addresses,
    faults: &mut Vec<Fault>,
) {
    let text_path = format!("{path}.text");
    blanks([(text_path.as_str(), variant.text.as_str())], faults);
    addresses.check([(text_path.as_str(), variant.text.as_str())], faults);
    if variant
        .link
        .as_ref()
        .is_some_and(|link| !addresses.allow(link))
    {
        faults.push(Fault::schema(format!(
            "`{path}.link` is none of the brief's addresses"
        )));
    }
    if !platform.fits(&variant.post_text()) {
        let limit = platform.limit();
        faults.push(Fault::too_long(format!(
            "`{path}` takes {} {}; {platform} takes {}",
            variant.character_count, limit.unit, limit.length
        )));
    }
}
