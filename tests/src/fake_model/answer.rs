//! What was asked, and an artifact that fits it.

use serde_json::{Map, Value, json};

/// A call's task and brief.
pub(super) struct Asked {
    /// The name of the schema asked for.
    pub(super) task: String,
    /// The brief's name.
    pub(super) brief: String,
    /// Whether the call hands a faulty answer back.
    pub(super) repair: bool,
    /// Whether the answer is asked for in pieces.
    pub(super) streamed: bool,
    data: Value,
    platforms: Vec<String>,
}

impl Asked {
    /// Reads a request body; none when it is no task of the campaign's agents or of its second judge.
    pub(super) fn of(body: &Value) -> Option<Self> {
        let schema = body.pointer("/response_format/json_schema")?;
        let messages = body["messages"].as_array()?;
        let prompt = messages.iter().find(|message| message["role"] == "user")?;
        let prompt = prompt["content"].as_str()?;
        let (_, data) = prompt.split_once("<data>\n")?;
        let (data, _) = data.split_once("\n</data>")?;
        let data: Value = serde_json::from_str(data).ok()?;
        let platforms = schema
            .pointer("/schema/properties/platforms/properties")
            .and_then(Value::as_object)
            .map(|platforms| platforms.keys().cloned().collect())
            .unwrap_or_default();
        Some(Self {
            task: schema["name"].as_str()?.to_owned(),
            // A judge is told of the brand, and not which brief it is.
            brief: data["brief"]["name"]
                .as_str()
                .or(data["brief"]["brand"]["name"].as_str())?
                .to_owned(),
            repair: messages
                .iter()
                .any(|message| message["role"] == "assistant"),
            streamed: body["stream"] == true,
            data,
            platforms,
        })
    }

    /// A good answer. With a note it says so, so that a new version differs.
    pub(super) fn artifact(&self) -> Value {
        let brief = &self.data["brief"];
        let note = match self.data["note"].as_str() {
            Some(note) => format!(" Reworked: {note}."),
            None => String::new(),
        };
        let name = &self.brief;
        match self.task.as_str() {
            "short_copy" => self.posts(&note),
            // It has nothing to remark.
            "remarks" => json!({ "remarks": [] }),
            "visual_concept" => json!({
                // Another title, another poster.
                "title": if note.is_empty() { "Morning light" } else { "Evening light" },
                "rationale": format!("It shows what {name} is about.{note}"),
                "composition": "A rider in the lower third, an empty street behind.",
                "palette": [
                    {"hex": "#f0f4f8", "role": "background"},
                    {"hex": "#102a43", "role": "text"},
                    {"hex": "#d64545", "role": "accent"},
                ],
                "typography": {"headline": "Inter", "body": "Inter", "notes": "Large and calm."},
                "image_prompt": "A cyclist on an empty street at sunrise",
                "alt_text": "A cyclist rides along an empty street at sunrise.",
            }),
            _ => json!({
                "headline_options": ["Arrive awake", "Park at the door", "Your commute, brighter"],
                "subhead": format!("{name}: the way to work that wakes you up.{note}"),
                "body": format!("## {name}\n\nArrive awake and park at the door.{note}\n\n- No queue\n- No fumes\n"),
                "key_benefits": ["You arrive awake", "You park at the door"],
                "call_to_action": brief["call_to_action"],
                "seo": {"title": "Ride to work", "description": "Arrive awake.", "keywords": ["bike", "commute"]},
                "claims": [],
            }),
        }
    }

    /// A good answer with the brief's name at the end of every text that an agent makes up.
    pub(super) fn echo(&self) -> Value {
        let mut artifact = self.artifact();
        append(&mut artifact, &format!(" {}", self.brief));
        artifact
    }

    fn posts(&self, note: &str) -> Value {
        let variants = |platform: &String| {
            let post = |text: &str| {
                json!({
                    "text": format!("{text} ({platform}){note}"),
                    "hashtags": ["commute"],
                    "link": self.data["brief"]["call_to_action"]["url"],
                    "character_count": 0,
                })
            };
            json!([post("Arrive awake."), post("Park at the door.")])
        };
        let platforms: Map<String, Value> = self
            .platforms
            .iter()
            .map(|platform| (platform.clone(), variants(platform)))
            .collect();
        json!({ "platforms": platforms })
    }
}

/// To every text that is not checked for its form.
fn append(value: &mut Value, more: &str) {
    const FORMED: [&str; 5] = [
        "call_to_action",
        "link",
        "palette",
        "typography",
        "hashtags",
    ];
    match value {
        Value::String(text) => text.push_str(more),
        Value::Array(items) => items.iter_mut().for_each(|item| append(item, more)),
        Value::Object(fields) => {
            for (name, field) in fields {
                if !FORMED.contains(&name.as_str()) {
                    append(field, more);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
