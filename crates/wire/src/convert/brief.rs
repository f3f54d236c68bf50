//! What users submit: briefs and options.

use model::{brief, validate::Problem};

use crate::campaign::v1 as pb;

/// A submit's brief and options, fit for work.
///
/// # Errors
/// Every fault at once, by its field path in `SubmitRequest`. Whether the mode is known is for the
/// definitions to say.
pub fn submit(
    request: pb::SubmitRequest,
) -> Result<(brief::CampaignBrief, brief::Options), Vec<Problem>> {
    let (brief, options, problems) = checked(request.brief.map(Into::into), request.options);
    match brief {
        Some(brief) if problems.is_empty() => Ok((brief, options)),
        _ => Err(problems),
    }
}

/// A submit's brief and options, with every fault of both.
pub fn checked(
    brief: Option<brief::CampaignBrief>,
    options: Option<pb::Options>,
) -> (Option<brief::CampaignBrief>, brief::Options, Vec<Problem>) {
    let options = brief::Options::from(options.unwrap_or_default());
    let mut problems: Vec<_> = match &brief {
        Some(brief) => brief.problems().into_iter().map(under_brief).collect(),
        None => vec![Problem {
            path: "brief".to_owned(),
            message: "is missing".to_owned(),
        }],
    };
    problems.extend(options.problems());
    (brief, options, problems)
}

/// A fault of a brief by its path in `SubmitRequest`.
pub fn under_brief(problem: Problem) -> Problem {
    Problem {
        path: format!("brief.{}", problem.path),
        ..problem
    }
}

impl From<pb::Options> for brief::Options {
    /// Priority 0 means 3; one that does not fit stays out of range, for [`brief::Options::problems`] to
    /// name.
    fn from(wire: pb::Options) -> Self {
        Self {
            mode: wire.mode,
            dry_run: wire.dry_run,
            priority: match wire.priority {
                0 => 3,
                priority => u8::try_from(priority).unwrap_or(u8::MAX),
            },
            max_cost_usd: wire.max_cost_usd,
            max_tokens: wire.max_tokens,
            timeout_seconds: wire.timeout_seconds,
            idempotency_key: wire.idempotency_key,
            wait_for_workers: wire.wait_for_workers,
        }
    }
}

impl From<brief::Options> for pb::Options {
    fn from(model: brief::Options) -> Self {
        Self {
            mode: model.mode,
            dry_run: model.dry_run,
            priority: u32::from(model.priority),
            max_cost_usd: model.max_cost_usd,
            max_tokens: model.max_tokens,
            timeout_seconds: model.timeout_seconds,
            idempotency_key: model.idempotency_key,
            wait_for_workers: model.wait_for_workers,
            cancel_on_disconnect: false,
        }
    }
}

impl From<pb::CampaignBrief> for brief::CampaignBrief {
    /// An absent brand or call to action becomes an empty one, whose faults
    /// [`brief::CampaignBrief::problems`] names.
    fn from(wire: pb::CampaignBrief) -> Self {
        let action = wire.call_to_action.unwrap_or_default();
        Self {
            name: wire.name,
            objective: wire.objective,
            audience: wire.audience,
            offer: wire.offer,
            brand: wire.brand.unwrap_or_default().into(),
            key_messages: wire.key_messages,
            proof_points: wire
                .proof_points
                .into_iter()
                .map(|point| brief::ProofPoint {
                    claim: point.claim,
                    source: point.source,
                })
                .collect(),
            call_to_action: brief::CallToActionInput {
                label: action.label,
                url: action.url,
            },
            platforms: wire.platforms,
            language: if wire.language.is_empty() {
                "en".to_owned()
            } else {
                wire.language
            },
            must_include: wire.must_include,
            must_avoid: wire.must_avoid,
            disclaimers: wire.disclaimers,
            resources: wire
                .resources
                .into_iter()
                .map(brief::Resource::from)
                .collect(),
            deliverables: wire.deliverables,
            brand_ref: wire.brand_ref,
            resource_refs: wire.resource_refs,
        }
    }
}

impl From<brief::CampaignBrief> for pb::CampaignBrief {
    fn from(model: brief::CampaignBrief) -> Self {
        Self {
            name: model.name,
            objective: model.objective,
            audience: model.audience,
            offer: model.offer,
            brand: model.brand_ref.is_empty().then(|| model.brand.into()),
            key_messages: model.key_messages,
            proof_points: model
                .proof_points
                .into_iter()
                .map(|point| pb::ProofPoint {
                    claim: point.claim,
                    source: point.source,
                })
                .collect(),
            call_to_action: Some(pb::CallToAction {
                label: model.call_to_action.label,
                url: model.call_to_action.url,
            }),
            platforms: model.platforms,
            language: model.language,
            must_include: model.must_include,
            must_avoid: model.must_avoid,
            disclaimers: model.disclaimers,
            resources: model
                .resources
                .into_iter()
                .map(pb::Resource::from)
                .collect(),
            deliverables: model.deliverables,
            brand_ref: model.brand_ref,
            resource_refs: model.resource_refs,
        }
    }
}

impl From<pb::Resource> for brief::Resource {
    fn from(wire: pb::Resource) -> Self {
        Self {
            name: wire.name,
            kind: wire.kind,
            text: wire.text,
            blob: wire.blob,
        }
    }
}

impl From<brief::Resource> for pb::Resource {
    fn from(model: brief::Resource) -> Self {
        Self {
            name: model.name,
            kind: model.kind,
            text: model.text,
            blob: model.blob,
        }
    }
}

impl From<pb::Brand> for brief::Brand {
    fn from(wire: pb::Brand) -> Self {
        let voice = wire.voice.unwrap_or_default();
        Self {
            name: wire.name,
            voice: brief::Voice {
                adjectives: voice.adjectives,
                dos: voice.r#do,
                donts: voice.dont,
            },
            palette: wire.palette,
            fonts: wire.fonts,
            banned_terms: wire.banned_terms,
            required_disclosures: wire.required_disclosures,
            inclusive_language: wire.inclusive_language,
            time_zone: wire.time_zone,
            post_at: wire.post_at,
        }
    }
}

impl From<brief::Brand> for pb::Brand {
    fn from(model: brief::Brand) -> Self {
        Self {
            name: model.name,
            voice: Some(pb::Voice {
                adjectives: model.voice.adjectives,
                r#do: model.voice.dos,
                dont: model.voice.donts,
            }),
            palette: model.palette,
            fonts: model.fonts,
            banned_terms: model.banned_terms,
            required_disclosures: model.required_disclosures,
            inclusive_language: model.inclusive_language,
            time_zone: model.time_zone,
            post_at: model.post_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{from_json, to_json};

    const BRIEF: &str = r##"{
        "name": "Autumn", "objective": "Sell", "audience": "Runners", "offer": "20 % off",
        "brand": {
            "name": "Acme",
            "voice": {"adjectives": ["warm"], "do": ["Run on."], "dont": ["Buy now!!!"]},
            "palette": ["#102030"], "fonts": ["Inter"], "banned_terms": ["cheap"],
            "required_disclosures": ["Terms apply."], "inclusive_language": true,
            "time_zone": "Europe/Zurich", "post_at": "09:30"
        },
        "key_messages": ["Light"],
        "proof_points": [{"claim": "180 g", "source": "lab"}, {"claim": "Made in Chur"}],
        "call_to_action": {"label": "Buy", "url": "https://example.com/"},
        "platforms": ["x", "LinkedIn"], "language": "de-CH",
        "must_include": ["autumn"], "must_avoid": ["winter"], "disclaimers": ["While stocks last."],
        "resources": [{"name": "notes", "kind": "text", "text": "background"}],
        "deliverables": ["copy", "short_copy"]
    }"##;

    fn brief() -> pb::CampaignBrief {
        from_json(BRIEF.as_bytes(), 4_096).expect("a brief")
    }

    #[test]
    fn a_brief_survives_the_wire_in_every_field() {
        let model = brief::CampaignBrief::from(brief());
        assert_eq!(model.problems(), []);
        let wire = pb::CampaignBrief::from(model.clone());
        assert_eq!(wire, brief());
        assert_eq!(brief::CampaignBrief::from(wire), model);
        // The proto's JSON and the model's own are one form.
        let own: brief::CampaignBrief = serde_json::from_str(BRIEF).expect("the model's form");
        assert_eq!(own, model);
        let again = to_json(&brief()).expect("writable");
        assert_eq!(
            serde_json::from_str::<brief::CampaignBrief>(&again).expect("one form"),
            model
        );
    }

    #[test]
    fn options_survive_the_wire() {
        let model = brief::Options {
            mode: "sequential".into(),
            dry_run: true,
            priority: 5,
            max_cost_usd: Some(1.5),
            max_tokens: Some(9),
            timeout_seconds: Some(60),
            idempotency_key: "k".into(),
            wait_for_workers: true,
        };
        assert_eq!(
            brief::Options::from(pb::Options::from(model.clone())),
            model
        );
        assert_eq!(
            brief::Options::from(pb::Options::default()),
            brief::Options::default()
        );
    }

    #[test]
    fn a_submit_without_options_gets_the_defaults() {
        let request = pb::SubmitRequest {
            brief: Some(brief()),
            ..Default::default()
        };
        let (_, options) = submit(request).expect("no fault");
        assert_eq!(options, brief::Options::default());
    }

    #[test]
    fn faults_of_brief_and_options_come_together_by_wire_path() {
        let mut bad = brief();
        bad.name.clear();
        bad.brand = None;
        let request = pb::SubmitRequest {
            brief: Some(bad),
            options: Some(pb::Options {
                priority: 1_000,
                max_cost_usd: Some(f64::NAN),
                max_tokens: Some(0),
                timeout_seconds: Some(0),
                ..Default::default()
            }),
            ..Default::default()
        };
        let paths: Vec<_> = submit(request)
            .expect_err("faults")
            .into_iter()
            .map(|p| p.path)
            .collect();
        assert_eq!(
            paths,
            [
                "brief.name",
                "brief.brand.name",
                "options.priority",
                "options.max_cost_usd",
                "options.max_tokens",
                "options.timeout_seconds"
            ]
        );
    }

    #[test]
    fn an_absent_brief_is_one_fault() {
        let faults = submit(pb::SubmitRequest::default()).expect_err("no brief");
        assert_eq!(
            faults.iter().map(|p| p.path.as_str()).collect::<Vec<_>>(),
            ["brief"]
        );
    }
}
