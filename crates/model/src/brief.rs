//! The input of workflow `campaign`: a brief, its brand, and the options of a submit.

use serde::{Deserialize, Serialize};

use crate::{
    library::Reference,
    platform::Platform,
    validate::{Problem, Problems},
};

/// Longest text of one field, characters (`spec/campaign.md`).
pub const MAX_TEXT_CHARS: usize = 2_000;
/// Most key messages.
pub const MAX_KEY_MESSAGES: usize = 12;
/// Most entries of every other list.
pub const MAX_LIST: usize = 64;
/// Longest text of one resource, bytes.
pub const MAX_RESOURCE_BYTES: usize = 256 * 1024;
/// Longest run timeout, seconds.
pub const MAX_TIMEOUT_SECONDS: u64 = 7 * 24 * 3600;

/// What a marketer asks for. Made by deserialising or converting; only [`CampaignBrief::problems`]
/// being empty makes it fit for work.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignBrief {
    /// The campaign's name.
    pub name: String,
    /// What it shall achieve.
    pub objective: String,
    /// Whom it speaks to.
    pub audience: String,
    /// What is offered.
    pub offer: String,
    /// Whose voice it has; or `brand_ref` names a stored one.
    #[serde(default)]
    pub brand: Brand,
    /// What must come across, 1 to 12.
    pub key_messages: Vec<String>,
    /// The only facts that copy may assert as fact.
    #[serde(default)]
    pub proof_points: Vec<ProofPoint>,
    /// What the reader shall do.
    pub call_to_action: CallToActionInput,
    /// Names of platforms, in any case; see [`CampaignBrief::known_platforms`].
    #[serde(default)]
    pub platforms: Vec<String>,
    /// BCP 47 tag.
    #[serde(default = "english")]
    pub language: String,
    /// Texts that the copy must contain.
    #[serde(default)]
    pub must_include: Vec<String>,
    /// Texts that the copy must not contain.
    #[serde(default)]
    pub must_avoid: Vec<String>,
    /// Texts that stand under everything.
    #[serde(default)]
    pub disclaimers: Vec<String>,
    /// Background; data, never instructions.
    #[serde(default)]
    pub resources: Vec<Resource>,
    /// Which artifacts are wanted; empty means all three.
    #[serde(default)]
    pub deliverables: Vec<String>,
    /// A stored brand, in place of `brand`: a [`Reference`]. A run's brief has none: it keeps the brand itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub brand_ref: String,
    /// Stored resources, beside `resources`; a run's brief has none either.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_refs: Vec<String>,
}

fn english() -> String {
    "en".to_owned()
}

/// A brand's voice and rules.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    /// The brand's name.
    pub name: String,
    /// How it speaks.
    #[serde(default)]
    pub voice: Voice,
    /// Colours, `#rrggbb`.
    #[serde(default)]
    pub palette: Vec<String>,
    /// Names of faces, the headline's first.
    #[serde(default)]
    pub fonts: Vec<String>,
    /// Words it never uses.
    #[serde(default)]
    pub banned_terms: Vec<String>,
    /// Texts that every piece must carry.
    #[serde(default)]
    pub required_disclosures: Vec<String>,
    /// Whether inclusive language is checked.
    #[serde(default)]
    pub inclusive_language: bool,
    /// IANA name, `UTC` when empty.
    #[serde(default)]
    pub time_zone: String,
    /// When it posts, `HH:MM` in its time zone.
    #[serde(default)]
    pub post_at: String,
}

/// How a brand speaks.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Voice {
    /// `warm`, `precise` …
    #[serde(default)]
    pub adjectives: Vec<String>,
    /// Examples of how it speaks.
    #[serde(default, rename = "do")]
    pub dos: Vec<String>,
    /// Examples of how it never speaks.
    #[serde(default, rename = "dont")]
    pub donts: Vec<String>,
}

/// A fact that copy may assert.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofPoint {
    /// The claim.
    pub claim: String,
    /// Where it is from.
    #[serde(default)]
    pub source: Option<String>,
}

/// Label and address of the call to action.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallToActionInput {
    /// What stands on the button.
    pub label: String,
    /// An http(s) address.
    pub url: String,
}

/// Background for the agents.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// The resource's name.
    pub name: String,
    /// `text`, `url` …
    #[serde(default)]
    pub kind: String,
    /// Its text; exactly one of `text` and `blob`.
    #[serde(default)]
    pub text: Option<String>,
    /// Hash of an uploaded blob.
    #[serde(default)]
    pub blob: Option<String>,
}

/// What can be asked for.
pub const DELIVERABLES: [&str; 3] = ["copy", "short_copy", "visual_concept"];

/// Options of a submit, beside the brief.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// `parallel` or `sequential`; empty means `parallel`.
    pub mode: String,
    /// Publish nothing.
    pub dry_run: bool,
    /// 1 (last) to 5 (first).
    pub priority: u8,
    /// Most money, US dollars; none when absent.
    pub max_cost_usd: Option<f64>,
    /// Most tokens; none when absent.
    pub max_tokens: Option<u64>,
    /// Seconds until the whole run is cancelled; none when absent.
    pub timeout_seconds: Option<u64>,
    /// Two submits of a tenant with the same key are one run.
    pub idempotency_key: String,
    /// Queue instead of refusing when an agent has no live worker.
    pub wait_for_workers: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: String::new(),
            dry_run: false,
            priority: 3,
            max_cost_usd: None,
            max_tokens: None,
            timeout_seconds: None,
            idempotency_key: String::new(),
            wait_for_workers: false,
        }
    }
}

impl Options {
    /// Every fault of the options, by its field path in a submit. Whether a mode is known is the definitions' to say.
    pub fn problems(&self) -> Vec<Problem> {
        let mut all = Problems::default();
        all.check(
            "options.priority",
            (1..=5).contains(&self.priority),
            "must be 1 to 5",
        );
        all.check(
            "options.max_cost_usd",
            self.max_cost_usd
                .is_none_or(|usd| usd.is_finite() && usd > 0.0),
            "must be above 0",
        );
        all.check(
            "options.max_tokens",
            self.max_tokens != Some(0),
            "must be above 0",
        );
        all.check(
            "options.timeout_seconds",
            self.timeout_seconds
                .is_none_or(|s| (1..=MAX_TIMEOUT_SECONDS).contains(&s)),
            "must be 1 second to 7 days",
        );
        if !self.idempotency_key.is_empty() {
            all.text("options.idempotency_key", &self.idempotency_key, 200);
        }
        all.into_vec()
    }
}

impl CampaignBrief {
    /// Every fault of the brief, by field path; none means that it can be worked with.
    pub fn problems(&self) -> Vec<Problem> {
        let mut all = Problems::default();
        for (path, text) in [
            ("name", &self.name),
            ("objective", &self.objective),
            ("audience", &self.audience),
            ("offer", &self.offer),
            ("call_to_action.label", &self.call_to_action.label),
        ] {
            all.text(path, text, MAX_TEXT_CHARS);
        }
        all.web_address("call_to_action.url", &self.call_to_action.url);
        if self.brand_ref.is_empty() {
            self.brand.check(&mut all);
        } else {
            all.check(
                "brand",
                self.brand == Brand::default(),
                "must be left out, as `brand_ref` names a stored one",
            );
        }
        all.check(
            "key_messages",
            (1..=MAX_KEY_MESSAGES).contains(&self.key_messages.len()),
            format!(
                "must hold 1 to {MAX_KEY_MESSAGES} messages, holds {}",
                self.key_messages.len()
            ),
        );
        all.texts(
            "key_messages",
            &self.key_messages,
            usize::MAX,
            MAX_TEXT_CHARS,
        );
        all.at_most("proof_points", self.proof_points.len(), MAX_LIST);
        for (i, point) in self.proof_points.iter().enumerate() {
            all.text(
                &format!("proof_points[{i}].claim"),
                &point.claim,
                MAX_TEXT_CHARS,
            );
            if let Some(source) = &point.source {
                all.text(&format!("proof_points[{i}].source"), source, MAX_TEXT_CHARS);
            }
        }
        self.check_deliverables(&mut all);
        all.check(
            "language",
            is_language_tag(&self.language),
            "must be a BCP 47 tag such as `en` or `de-CH`",
        );
        for (path, list) in [
            ("must_include", &self.must_include),
            ("must_avoid", &self.must_avoid),
            ("disclaimers", &self.disclaimers),
        ] {
            all.texts(path, list, MAX_LIST, MAX_TEXT_CHARS);
        }
        self.check_resources(&mut all);
        all.into_vec()
    }

    /// Whether `deliverable` is asked for.
    pub fn wants(&self, deliverable: &str) -> bool {
        self.deliverables.is_empty() || self.deliverables.iter().any(|d| d == deliverable)
    }

    /// The platforms asked for, each once, in the platforms' own order. Unknown names are left out:
    /// [`CampaignBrief::problems`] has named them.
    pub fn known_platforms(&self) -> Vec<Platform> {
        let mut known: Vec<_> = self
            .platforms
            .iter()
            .filter_map(|name| Platform::parse(name))
            .collect();
        known.sort_unstable();
        known.dedup();
        known
    }

    fn check_deliverables(&self, all: &mut Problems) {
        for (i, name) in self.deliverables.iter().enumerate() {
            all.check(
                format!("deliverables[{i}]"),
                DELIVERABLES.contains(&name.as_str()),
                format!("`{}` is none of {}", shown(name), DELIVERABLES.join(", ")),
            );
        }
        all.check(
            "platforms",
            !(self.platforms.is_empty() && self.wants("short_copy")),
            "must name at least one platform, as short copy is asked for",
        );
        all.at_most("platforms", self.platforms.len(), MAX_LIST);
        for (i, name) in self.platforms.iter().enumerate() {
            all.check(
                format!("platforms[{i}]"),
                Platform::parse(name).is_some(),
                format!(
                    "unknown platform `{}`; known are {}",
                    shown(name),
                    Platform::names()
                ),
            );
        }
    }

    /// The stored brand and resources that it names, each with its field path. Those that are no references
    /// are left out: [`CampaignBrief::problems`] has named them.
    pub fn references(&self) -> (Option<Reference>, Vec<(String, Reference)>) {
        let resources = self.resource_refs.iter().take(MAX_LIST).enumerate();
        let resources = resources
            .filter_map(|(i, text)| Some((format!("resource_refs[{i}]"), text.parse().ok()?)));
        (self.brand_ref.parse().ok(), resources.collect())
    }

    /// Shows `look` every text of the brief by its field path; it may change them.
    pub fn each_text(&mut self, look: &mut dyn FnMut(String, &mut String)) {
        for (path, text) in [
            ("name", &mut self.name),
            ("objective", &mut self.objective),
            ("audience", &mut self.audience),
            ("offer", &mut self.offer),
            ("call_to_action.label", &mut self.call_to_action.label),
            ("call_to_action.url", &mut self.call_to_action.url),
            ("language", &mut self.language),
            ("brand_ref", &mut self.brand_ref),
        ] {
            look(path.to_owned(), text);
        }
        for (path, list) in [
            ("key_messages", &mut self.key_messages),
            ("platforms", &mut self.platforms),
            ("must_include", &mut self.must_include),
            ("must_avoid", &mut self.must_avoid),
            ("disclaimers", &mut self.disclaimers),
            ("deliverables", &mut self.deliverables),
            ("resource_refs", &mut self.resource_refs),
        ] {
            each_of(path, list, look);
        }
        for (i, point) in self.proof_points.iter_mut().enumerate() {
            look(format!("proof_points[{i}].claim"), &mut point.claim);
            if let Some(source) = &mut point.source {
                look(format!("proof_points[{i}].source"), source);
            }
        }
        for (i, resource) in self.resources.iter_mut().enumerate() {
            look(format!("resources[{i}].name"), &mut resource.name);
            look(format!("resources[{i}].kind"), &mut resource.kind);
            if let Some(text) = &mut resource.text {
                look(format!("resources[{i}].text"), text);
            }
        }
        self.brand.each_text(look);
    }

    fn check_resources(&self, all: &mut Problems) {
        all.at_most("resources", self.resources.len(), MAX_LIST);
        all.check(
            "resource_refs",
            self.resources.len().min(MAX_LIST) + self.resource_refs.len() <= MAX_LIST,
            format!("must be at most {MAX_LIST}, together with `resources`"),
        );
        let named = self.resource_refs.iter().take(MAX_LIST).enumerate();
        let brand =
            (!self.brand_ref.is_empty()).then_some(("brand_ref".to_owned(), &self.brand_ref));
        for (path, text) in named
            .map(|(i, text)| (format!("resource_refs[{i}]"), text))
            .chain(brand)
        {
            if let Err(error) = text.parse::<Reference>() {
                all.push(path, error.to_string());
            }
        }
        for (i, resource) in self.resources.iter().enumerate() {
            let path = format!("resources[{i}]");
            all.text(&format!("{path}.name"), &resource.name, MAX_TEXT_CHARS);
            match (&resource.text, &resource.blob) {
                (Some(text), None) => all.text(&format!("{path}.text"), text, MAX_RESOURCE_BYTES),
                (None, Some(hash)) => all.check(
                    format!("{path}.blob"),
                    crate::ContentHash::new(hash.as_str()).is_ok(),
                    "must be the SHA-256 of an uploaded blob, 64 hex digits",
                ),
                _ => all.push(path, "must have exactly one of `text` and `blob`"),
            }
        }
    }
}

fn each_of(path: &str, list: &mut [String], look: &mut dyn FnMut(String, &mut String)) {
    for (i, text) in list.iter_mut().enumerate() {
        look(format!("{path}[{i}]"), text);
    }
}

impl Brand {
    fn each_text(&mut self, look: &mut dyn FnMut(String, &mut String)) {
        look("brand.name".to_owned(), &mut self.name);
        look("brand.time_zone".to_owned(), &mut self.time_zone);
        look("brand.post_at".to_owned(), &mut self.post_at);
        for (path, list) in [
            ("brand.voice.adjectives", &mut self.voice.adjectives),
            ("brand.voice.do", &mut self.voice.dos),
            ("brand.voice.dont", &mut self.voice.donts),
            ("brand.palette", &mut self.palette),
            ("brand.fonts", &mut self.fonts),
            ("brand.banned_terms", &mut self.banned_terms),
            ("brand.required_disclosures", &mut self.required_disclosures),
        ] {
            each_of(path, list, look);
        }
    }

    /// Every fault of a brand that stands by itself, by field path (`brand.name`).
    pub fn problems(&self) -> Vec<Problem> {
        let mut all = Problems::default();
        self.check(&mut all);
        all.into_vec()
    }

    fn check(&self, all: &mut Problems) {
        all.text("brand.name", &self.name, MAX_TEXT_CHARS);
        for (path, list) in [
            ("brand.voice.adjectives", &self.voice.adjectives),
            ("brand.voice.do", &self.voice.dos),
            ("brand.voice.dont", &self.voice.donts),
            ("brand.fonts", &self.fonts),
            ("brand.banned_terms", &self.banned_terms),
            ("brand.required_disclosures", &self.required_disclosures),
        ] {
            all.texts(path, list, MAX_LIST, MAX_TEXT_CHARS);
        }
        all.at_most("brand.palette", self.palette.len(), MAX_LIST);
        for (i, colour) in self.palette.iter().enumerate() {
            let hex = colour.strip_prefix('#').unwrap_or_default();
            let ok = hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit());
            all.check(
                format!("brand.palette[{i}]"),
                ok,
                format!("`{}` is no colour; write #rrggbb", shown(colour)),
            );
        }
        if !self.post_at.is_empty() {
            all.check(
                "brand.post_at",
                is_time_of_day(&self.post_at),
                "must be HH:MM, 00:00 to 23:59",
            );
        }
        if !self.time_zone.is_empty() {
            all.text("brand.time_zone", &self.time_zone, 64);
        }
    }
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

fn is_time_of_day(text: &str) -> bool {
    matches!(text.as_bytes(), [h1, h2, b':', m1, m2]
        if [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit())
            && (h1 - b'0') * 10 + (h2 - b'0') < 24
            && (m1 - b'0') < 6)
}

/// The shape of a BCP 47 tag (RFC 5646): a primary subtag of 2 to 8 letters, then subtags of 1 to 8
/// letters or digits.
pub fn is_language_tag(text: &str) -> bool {
    let mut parts = text.split('-');
    let primary = parts.next().unwrap_or_default();
    text.len() <= 35
        && (2..=8).contains(&primary.len())
        && primary.bytes().all(|b| b.is_ascii_alphabetic())
        && parts.all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> CampaignBrief {
        CampaignBrief {
            name: "Autumn".into(),
            objective: "Sell".into(),
            audience: "Runners".into(),
            offer: "20 % off".into(),
            brand: Brand {
                name: "Acme".into(),
                ..Brand::default()
            },
            key_messages: vec!["Light".into()],
            call_to_action: CallToActionInput {
                label: "Buy".into(),
                url: "https://example.com/".into(),
            },
            platforms: vec!["LinkedIn".into(), "twitter".into()],
            language: "en".into(),
            ..CampaignBrief::default()
        }
    }

    #[test]
    fn a_good_brief_has_no_problem() {
        assert_eq!(good().problems(), []);
        assert_eq!(good().known_platforms(), [Platform::X, Platform::Linkedin]);
    }

    #[test]
    fn every_fault_is_reported_at_once_by_path() {
        let mut brief = good();
        brief.name = " ".into();
        brief.offer = "x".repeat(2_001);
        brief.call_to_action.url = "javascript:alert(1)".into();
        brief.platforms = vec!["myspace".into()];
        brief.language = "english please".into();
        brief.brand.palette = vec!["red".into()];
        brief.resources = vec![Resource {
            name: "r".into(),
            ..Resource::default()
        }];
        brief.must_avoid = vec!["a\0b".into()];
        let paths: Vec<_> = brief.problems().into_iter().map(|p| p.path).collect();
        assert_eq!(
            paths,
            [
                "name",
                "offer",
                "call_to_action.url",
                "brand.palette[0]",
                "platforms[0]",
                "language",
                "must_avoid[0]",
                "resources[0]"
            ]
        );
    }

    #[test]
    fn faults_of_options_are_named_as_the_fields_are() {
        let options = Options {
            priority: 6,
            max_cost_usd: Some(0.0),
            max_tokens: Some(0),
            timeout_seconds: Some(MAX_TIMEOUT_SECONDS + 1),
            idempotency_key: "k".repeat(201),
            ..Options::default()
        };
        let fields = serde_json::to_value(&options).expect("writable");
        let problems = options.problems();
        assert_eq!(problems.len(), 5);
        for problem in problems {
            let field = problem
                .path
                .strip_prefix("options.")
                .expect("below options");
            assert!(fields.get(field).is_some(), "there is no option `{field}`");
        }
    }

    #[test]
    fn platforms_may_be_absent_without_short_copy() {
        let mut brief = good();
        brief.platforms.clear();
        assert_eq!(brief.problems().len(), 1);
        brief.deliverables = vec!["copy".into()];
        assert_eq!(brief.problems(), []);
    }
}
