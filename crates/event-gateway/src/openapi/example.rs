//! Bodies that work as they stand.

use serde_json::{Value, json};

/// A body for the route at `path`.
pub(super) fn of(path: &str) -> Value {
    if path == "/v1/publications" {
        publications()
    } else {
        campaign()
    }
}

fn campaign() -> Value {
    json!({
        "brief": {
            "name": "Autumn shoes",
            "objective": "Sell the autumn shoe online",
            "audience": "People who run in any weather",
            "offer": "20 % off until the end of October",
            "brand": { "name": "Acme", "voice": { "adjectives": ["warm", "precise"] } },
            "key_messages": ["It is light.", "It stays dry."],
            "proof_points": [{ "claim": "It weighs 190 g.", "source": "https://example.com/test" }],
            "call_to_action": { "label": "See the shoe", "url": "https://example.com/shoe" },
            "platforms": ["linkedin", "x"],
        },
        "options": { "mode": "parallel" },
    })
}

fn publications() -> Value {
    json!({
        "plan": {
            "campaign_id": "autumn",
            "workspace": {
                "brand": { "name": "Acme", "voice": { "adjectives": ["warm", "precise"] } },
                "audience": "People who run in any weather",
            },
            "items": [
                {
                    "id": "monday",
                    "title": "The shoe is here",
                    "content_type": "text_only",
                    "platform": "linkedin",
                    "topic": "A shoe of 190 g that stays dry",
                },
                {
                    "id": "tuesday",
                    "title": "Three reasons",
                    "content_type": "carousel",
                    "platform": "instagram",
                    "topic": "Why runners keep it on",
                },
            ],
        },
    })
}
