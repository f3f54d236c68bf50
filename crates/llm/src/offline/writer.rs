//! The brief as the writer sees it, and the one way in which it says a sentence.

use std::collections::BTreeMap;

use model::{
    artifact::Claim,
    brief::{CampaignBrief, ProofPoint},
};
use url::Url;

use crate::structured::visible;

use super::{
    MAX_SAID_BYTES, Work,
    phrases::{self, Hooks, Phrases},
    seed::Picks,
    terms::Terms,
    text::{self, capital, fill, fold, one_line, one_sentence, phrase, shorten},
};

/// Longest text of the brief that is used as a name within a sentence, characters.
const MAX_NAME: usize = 60;
/// Longest claim that is used, characters: a claim is never shortened.
const MAX_CLAIM: usize = 600;
/// Least that is left of a text that is shortened into a sentence, characters.
const MIN_KEPT: usize = 16;

/// The usable texts of one brief, and what has been said so far. A text of the brief that holds a term
/// to avoid is not usable.
pub(super) struct Writer {
    pub(super) brand: Option<String>,
    pub(super) offer: Option<String>,
    pub(super) audience: Option<String>,
    pub(super) messages: Vec<String>,
    pub(super) claims: Vec<Claim>,
    /// The call to action's label as part of a sentence.
    pub(super) label: String,
    /// The same, word for word.
    pub(super) button: String,
    /// The call to action's address, word for word.
    pub(super) url: String,
    /// What must stand in the copy word for word, the most binding first.
    pub(super) required: Vec<String>,
    pub(super) phrases: &'static Phrases,
    pub(super) picks: Picks,
    terms: Terms,
    said: String,
    used: BTreeMap<&'static str, u32>,
    warm: bool,
    crisp: bool,
}

/// The subject of a sentence, beside what the whole brief gives.
#[derive(Clone, Copy, Default)]
pub(super) struct About<'a> {
    pub(super) message: Option<&'a str>,
    pub(super) claim: Option<&'a Claim>,
    pub(super) headline: Option<&'a str>,
    pub(super) objective: Option<&'a str>,
    /// What the picture shows.
    pub(super) alt: Option<&'a str>,
}

impl Writer {
    pub(super) fn new(task: &str, work: &Work) -> Self {
        let brief = &work.brief;
        let terms = Terms::of(brief);
        let phrases = phrases::of(&brief.language);
        let usable = |text: &str| {
            let text = one_sentence(&phrase(text));
            (!text.is_empty() && terms.allow(&text)).then_some(text)
        };
        let name = |text: &str| usable(&shorten(&one_line(text), MAX_NAME));
        let audience = usable(&brief.audience)
            .filter(|a| a.chars().count() <= MAX_NAME && !a.contains(['.', ';', '\n']))
            .map(|a| (phrases.within)(&a));
        let adjectives: Vec<_> = brief
            .brand
            .voice
            .adjectives
            .iter()
            .map(|a| fold(a))
            .collect();
        let sounds = |tone: &[&str]| adjectives.iter().any(|a| tone.contains(&a.as_str()));
        // The brief's JSON cannot fail: its keys are strings. An empty seed would still be repeatable.
        let json = serde_json::to_vec(brief).unwrap_or_default();
        Self {
            brand: name(&brief.brand.name),
            offer: usable(&brief.offer),
            audience,
            messages: brief
                .key_messages
                .iter()
                .filter_map(|m| usable(m))
                .collect(),
            claims: brief
                .proof_points
                .iter()
                .filter_map(|p| claim(p, &terms))
                .collect(),
            label: shorten(&one_line(&brief.call_to_action.label), MAX_NAME),
            button: visible(&brief.call_to_action.label),
            url: brief.call_to_action.url.clone(),
            required: required(brief),
            phrases,
            picks: Picks::new([
                task.as_bytes(),
                work.seed.as_bytes(),
                &work.revision.to_be_bytes(),
                work.note.as_deref().unwrap_or_default().as_bytes(),
                &json,
            ]),
            terms,
            said: said(&work.said),
            used: BTreeMap::new(),
            warm: sounds(phrases.hooks.warm_tones),
            crisp: sounds(phrases.hooks.crisp_tones),
        }
    }

    /// Whether `text` keeps clear of the terms to avoid.
    pub(super) fn allows(&self, text: &str) -> bool {
        self.terms.allow(text)
    }

    /// One sentence out of `templates` about `about`, at most `max` characters: rather one not said yet,
    /// then rather a template not used yet, then by chance. `None` when no template can be filled
    /// without a term to avoid.
    pub(super) fn say(
        &mut self,
        templates: &[&'static str],
        about: About<'_>,
        max: usize,
    ) -> Option<String> {
        let chosen = self.choose(templates, about, max)?;
        Some(self.keep(chosen))
    }

    /// The same, but nothing rather than what was said before.
    pub(super) fn say_anew(
        &mut self,
        templates: &[&'static str],
        about: About<'_>,
        max: usize,
    ) -> Option<String> {
        let chosen = self
            .choose(templates, about, max)
            .filter(|(_, _, said)| !said)?;
        Some(self.keep(chosen))
    }

    fn keep(&mut self, (template, sentence, _): (&'static str, String, bool)) -> String {
        *self.used.entry(template).or_default() += 1;
        self.note_said(&sentence);
        sentence
    }

    /// The best template, its sentence, and whether that was said before.
    fn choose(
        &mut self,
        templates: &[&'static str],
        about: About<'_>,
        max: usize,
    ) -> Option<(&'static str, String, bool)> {
        self.picks
            .shuffled(templates)
            .into_iter()
            .filter_map(|template| {
                let sentence = self.render(template, about, max)?;
                let said = self.has_said(&sentence);
                Some((template, sentence, said))
            })
            .filter(|(_, sentence, _)| self.terms.allow(sentence))
            .min_by_key(|(template, _, said)| {
                (*said, self.used.get(template).copied().unwrap_or_default())
            })
    }

    /// A sentence that opens a text in the brand's tone.
    pub(super) fn hook(&mut self) -> Option<String> {
        let Hooks {
            any, warm, crisp, ..
        } = self.phrases.hooks;
        let hooks: Vec<&'static str> = match (self.warm, self.crisp) {
            (true, false) => [warm, any].concat(),
            (false, true) => [crisp, any].concat(),
            _ => [any, warm, crisp].concat(),
        };
        self.say(&hooks, About::default(), usize::MAX)
    }

    pub(super) fn note_said(&mut self, text: &str) {
        self.said.push('\n');
        self.said.push_str(&fold(text));
    }

    pub(super) fn has_said(&self, text: &str) -> bool {
        let text = fold(text);
        !text.is_empty() && self.said.contains(&text)
    }

    fn render(&self, template: &str, about: About<'_>, max: usize) -> Option<String> {
        let filled = |cut: Option<usize>| {
            // Only what carries no fact may be cut.
            let cut = |text: &str| cut.map_or_else(|| text.to_owned(), |max| shorten(text, max));
            fill(template, |name| match name {
                "brand" => self.brand.clone(),
                "audience" => self.audience.clone(),
                "label" => Some(self.label.clone()),
                "offer" => self.offer.as_deref().map(cut),
                "message" => about.message.map(cut),
                "headline" => about.headline.map(cut),
                "objective" => about.objective.map(cut),
                "alt" => about.alt.map(str::to_owned),
                "claim" => about.claim.map(|claim| cited(claim, self.phrases.cite)),
                _ => None,
            })
        };
        let mut sentence = filled(None)?;
        let excess = sentence.chars().count().saturating_sub(max);
        if excess > 0 {
            let room = [
                ("{message}", about.message),
                ("{headline}", about.headline),
                ("{objective}", about.objective),
                ("{offer}", self.offer.as_deref()),
            ]
            .into_iter()
            .find_map(|(place, text)| text.filter(|_| template.contains(place)))?
            .chars()
            .count()
            .checked_sub(excess)?;
            sentence = filled(Some(room).filter(|room| *room >= MIN_KEPT))?;
            if sentence.chars().count() > max {
                return None;
            }
        }
        let starts_with_a_name = ["{brand}", "{label}", "{claim}"]
            .iter()
            .any(|name| template.starts_with(name));
        Some(if starts_with_a_name {
            sentence
        } else {
            capital(&sentence)
        })
    }

    /// Texts that every brief has, for a place that must not stay empty when no phrase is left.
    pub(super) fn last_resort(&self, max: usize) -> String {
        let host = Url::parse(&self.url)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned))
            .unwrap_or_default();
        let all = [
            self.brand.as_deref(),
            self.offer.as_deref(),
            Some(self.label.as_str()),
            Some(host.as_str()),
        ];
        let all: Vec<String> = all.into_iter().flatten().map(|t| shorten(t, max)).collect();
        let mut some = all.iter().filter(|text| !text.is_empty());
        let allowed = some.clone().find(|text| self.terms.allow(text));
        allowed.or_else(|| some.next()).cloned().unwrap_or_default()
    }
}

/// A claim with its source, as it stands in a text.
fn cited(claim: &Claim, cite: &'static str) -> String {
    let text = one_sentence(&phrase(&claim.text));
    let source = claim.source.as_deref().map(phrase);
    match source.and_then(|source| fill(cite, |_| Some(source.clone()))) {
        Some(source) => text + &source,
        None => text,
    }
}

/// A proof point as a claim, word for word; `None` when it is too long to be repeated whole, holds a term
/// to avoid or a character that no artifact may hold.
fn claim(point: &ProofPoint, terms: &Terms) -> Option<Claim> {
    let whole = format!(
        "{} {}",
        point.claim,
        point.source.as_deref().unwrap_or_default()
    );
    let usable = !phrase(&point.claim).is_empty()
        && whole.chars().count() <= MAX_CLAIM
        && visible(&whole) == whole
        && terms.allow(&whole);
    usable.then(|| Claim {
        text: point.claim.clone(),
        source: point.source.clone(),
    })
}

fn required(brief: &CampaignBrief) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for text in brief
        .brand
        .required_disclosures
        .iter()
        .chain(&brief.disclaimers)
        .chain(&brief.must_include)
    {
        let text = visible(text).trim().to_owned();
        if !text.is_empty() && !all.contains(&text) {
            all.push(text);
        }
    }
    all
}

fn said(texts: &[String]) -> String {
    let mut all = String::new();
    for text in texts {
        let kept = text.floor_char_boundary(MAX_SAID_BYTES.saturating_sub(all.len()));
        all.push_str(&fold(&text[..kept]));
        all.push('\n');
    }
    all
}

/// As many of `texts` whole as `budget` bytes of JSON hold.
pub(super) fn within_budget(texts: &[String], budget: usize) -> Vec<&str> {
    let mut left = budget;
    texts
        .iter()
        .filter(|t| match left.checked_sub(text::json_len(t)) {
            Some(rest) => {
                left = rest;
                true
            }
            None => false,
        })
        .map(String::as_str)
        .collect()
}
