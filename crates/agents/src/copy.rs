//! Long copy: [`CopyArtifact`].

use std::collections::BTreeSet;

use llm::structured::Fault;
use model::{
    artifact::{CallToAction, Claim, CopyArtifact},
    brief::CampaignBrief,
    fact::{Fact, FactType, FactTypes, Facts},
};
use serde_json::Value;

use crate::{
    addresses::Addresses,
    task::{Settled, Task, blanks, parsed, written},
};

pub(crate) struct Copy;

impl Task for Copy {
    fn kind(&self) -> &'static str {
        "copy"
    }

    fn schema(&self) -> &'static str {
        include_str!("../schemas/copy.json")
    }

    fn max_output_tokens(&self) -> u32 {
        4_000
    }

    fn facts(&self) -> FactTypes {
        FactTypes::from([("words".to_owned(), FactType::Number)])
    }

    /// The call to action is the brief's, whatever the answer says. A claim that is no proof point is a
    /// fault and never dropped: the text that goes with it asserts it too.
    fn settle(&self, brief: &CampaignBrief, answer: &Value) -> Result<Settled, Vec<Fault>> {
        let mut copy: CopyArtifact = parsed(answer)?;
        let mut faults = Vec::new();

        copy.call_to_action = CallToAction {
            label: brief.call_to_action.label.clone(),
            url: brief.call_to_action.url.clone(),
        };
        let distinct: BTreeSet<String> = copy.headline_options.iter().map(|h| folded(h)).collect();
        if distinct.len() < 3 {
            faults.push(Fault::schema(
                "`headline_options` needs at least 3 that differ",
            ));
        }
        for (i, claim) in copy.claims.iter_mut().enumerate() {
            match proof_point(brief, claim) {
                Some(proven) => *claim = proven,
                None => faults.push(Fault::schema(format!(
                    "`claims[{i}]` is none of the brief's proof points: take it out, and out of the text"
                ))),
            }
        }

        let seo = &copy.seo;
        let lists = [
            ("headline_options", &copy.headline_options),
            ("key_benefits", &copy.key_benefits),
            ("seo.keywords", &seo.keywords),
        ];
        let texts: Vec<(&str, &str)> = [
            ("subhead", copy.subhead.as_str()),
            ("body", &copy.body),
            ("seo.title", &seo.title),
            ("seo.description", &seo.description),
        ]
        .into_iter()
        .chain(
            lists
                .into_iter()
                .flat_map(|(path, list)| list.iter().map(move |text| (path, text.as_str()))),
        )
        .collect();
        blanks(texts.iter().copied(), &mut faults);
        Addresses::of(brief).check(texts.iter().copied(), &mut faults);

        if !faults.is_empty() {
            return Err(faults);
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "an artifact has at most 64 KiB of words"
        )]
        let words = copy.body.split_whitespace().count() as f64;
        Ok(Settled {
            content: written(&copy)?,
            facts: Facts::from([("words".to_owned(), Fact::Number(words))]),
        })
    }
}

/// The proof point that a claim repeats, as the brief words it, with the brief's source.
fn proof_point(brief: &CampaignBrief, claim: &Claim) -> Option<Claim> {
    let wanted = folded(&claim.text);
    brief
        .proof_points
        .iter()
        .find(|point| folded(&point.claim) == wanted)
        .map(|point| Claim {
            text: point.claim.clone(),
            source: point.source.clone(),
        })
}

/// Without regard to case, spacing and the full stop.
fn folded(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ").trim_end_matches(['.', ' ']).to_owned()
}
