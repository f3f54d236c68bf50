//! Briefs to submit.

use wire::campaign::v1::{
    Brand, CallToAction, CampaignBrief, Options, ProofPoint, SubmitRequest, Voice,
};

/// A whole, faultless brief of that name for two platforms.
#[must_use]
pub fn brief(name: &str) -> CampaignBrief {
    CampaignBrief {
        name: name.to_owned(),
        objective: "Win commuters as riders".to_owned(),
        audience: "People who live within ten kilometres of their work".to_owned(),
        offer: "The first month costs nothing".to_owned(),
        brand: Some(Brand {
            name: "Velo".to_owned(),
            voice: Some(Voice {
                adjectives: vec!["warm".to_owned(), "plain".to_owned()],
                ..Voice::default()
            }),
            palette: vec!["#102a43".to_owned(), "#f0f4f8".to_owned()],
            fonts: vec!["Inter".to_owned()],
            ..Brand::default()
        }),
        key_messages: vec!["Arrive awake".to_owned(), "Park at the door".to_owned()],
        proof_points: vec![ProofPoint {
            claim: "Nine in ten riders stay for a second year".to_owned(),
            source: Some("Rider survey 2025".to_owned()),
        }],
        call_to_action: Some(CallToAction {
            label: "Take a test ride".to_owned(),
            url: "https://velo.example/ride".to_owned(),
        }),
        platforms: vec!["linkedin".to_owned(), "bluesky".to_owned()],
        language: "en".to_owned(),
        ..CampaignBrief::default()
    }
}

/// A request for [`brief`] in a mode.
#[must_use]
pub fn request(name: &str, mode: &str) -> SubmitRequest {
    SubmitRequest {
        brief: Some(brief(name)),
        options: Some(Options {
            mode: mode.to_owned(),
            ..Options::default()
        }),
        ..SubmitRequest::default()
    }
}
