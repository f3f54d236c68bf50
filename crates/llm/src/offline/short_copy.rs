//! Short copy: for each platform variants that take different angles, each within the platform's limit.

use std::collections::BTreeMap;

use model::{
    artifact::{ShortCopyArtifact, ShortCopyVariant},
    limits::MAX_INLINE_BYTES,
    platform::Platform,
};

use super::{
    text::shorten_until,
    writer::{About, Writer, within_budget},
};

/// Longest sentence, characters.
const MAX_SENTENCE: usize = 200;
const MAX_TAG: usize = 30;
/// Bytes of JSON for what must stand word for word in one variant. With it one variant for each
/// platform always keeps to [`MAX_INLINE_BYTES`].
const REQUIRED_BUDGET: usize = 4 * 1024;

/// What a variant begins with.
#[derive(Clone, Copy)]
enum Angle {
    Message,
    Offer,
    Proof,
}

pub(super) fn write(w: &mut Writer, platforms: &[Platform]) -> ShortCopyArtifact {
    // With many platforms fewer variants, so that no sentence need come twice.
    let variants = if platforms.len() > 3 { 2 } else { 3 };
    let tags = hashtags(w);
    let mut turn = 0;
    let mut all = BTreeMap::new();
    for platform in platforms {
        let mut ours: Vec<ShortCopyVariant> = Vec::new();
        for angle in [Angle::Message, Angle::Offer, Angle::Proof]
            .into_iter()
            .take(variants)
        {
            let next = variant(w, *platform, angle, &tags, turn);
            turn += 1;
            if !ours.iter().any(|have| have.text == next.text) {
                ours.push(next);
            }
        }
        all.insert(*platform, ours);
    }
    let mut artifact = ShortCopyArtifact { platforms: all };
    // Very long texts leave room for fewer variants.
    for kept in (1..variants).rev() {
        if serde_json::to_string(&artifact).is_ok_and(|json| json.len() <= MAX_INLINE_BYTES) {
            break;
        }
        for ours in artifact.platforms.values_mut() {
            ours.truncate(kept);
        }
    }
    artifact
}

/// How many sentences and hashtags suit a platform.
pub(super) fn style(platform: Platform) -> (usize, usize, &'static str) {
    match platform {
        Platform::X | Platform::Bluesky => (2, 2, " "),
        Platform::Mastodon => (3, 3, " "),
        Platform::Facebook => (4, 1, "\n\n"),
        Platform::Linkedin => (5, 3, "\n\n"),
        Platform::Instagram => (4, 5, "\n\n"),
    }
}

fn variant(
    w: &mut Writer,
    platform: Platform,
    angle: Angle,
    tags: &[String],
    turn: usize,
) -> ShortCopyVariant {
    let (sentences, most_tags, between) = style(platform);
    let mut draft = Draft {
        platform,
        between,
        own: Vec::new(),
        required: Vec::new(),
        tags: Vec::new(),
        link: None,
    };
    for text in within_budget(&w.required, REQUIRED_BUDGET) {
        draft.attempt(|d| d.required.push(text.to_owned()));
    }
    draft.attempt(|d| d.link = Some(w.url.clone()));

    for sentence in sentences_of(w, angle, sentences, turn) {
        let sentence = draft.room_for(&sentence);
        draft.attempt_allowed(w, sentence);
    }
    let closer = w.say_anew(w.phrases.short.closers, About::default(), MAX_SENTENCE);
    draft.attempt_allowed(w, closer);
    if draft.own.is_empty() && draft.required.is_empty() {
        let last = w.last_resort(MAX_SENTENCE);
        draft.own.extend(shorten_until(&last, |t| platform.fits(t)));
    }
    for tag in tags.iter().take(most_tags) {
        draft.attempt(|d| d.tags.push(tag.clone()));
    }
    // What stands in the sentences anyway need not stand under them again.
    let own = draft.own.join(between);
    draft.required.retain(|text| !own.contains(text));
    draft.finish()
}

/// Up to `count` sentences, the angle's own first, then the others in turn. Only a post that would be
/// empty says something again.
fn sentences_of(w: &mut Writer, angle: Angle, count: usize, turn: usize) -> Vec<String> {
    let order = match angle {
        Angle::Message => [Angle::Message, Angle::Offer, Angle::Proof],
        Angle::Offer => [Angle::Offer, Angle::Proof, Angle::Message],
        Angle::Proof => [Angle::Proof, Angle::Message, Angle::Offer],
    };
    let mut all: Vec<String> = Vec::new();
    // Two rounds: the second goes on with the next message and the next proof.
    for round in 0..2 {
        for angle in order {
            if all.len() < count {
                all.extend(sentence(w, angle, turn, round, Writer::say_anew));
            }
        }
    }
    if all.is_empty() {
        let mut again = order.into_iter();
        all.extend(again.find_map(|angle| sentence(w, angle, turn, 0, Writer::say)));
    }
    all
}

type Say = fn(&mut Writer, &[&'static str], About<'_>, usize) -> Option<String>;

/// The sentence of one angle in one round, if the brief has anything for it.
fn sentence(w: &mut Writer, angle: Angle, turn: usize, round: usize, say: Say) -> Option<String> {
    let nth = |len: usize| (round < len).then(|| (turn + round) % len);
    match angle {
        Angle::Offer if round > 0 => None,
        Angle::Offer => say(w, w.phrases.short.offers, About::default(), MAX_SENTENCE),
        Angle::Message => {
            let message = w.messages[nth(w.messages.len())?].clone();
            let about = About {
                message: Some(&message),
                ..About::default()
            };
            say(w, w.phrases.short.messages, about, MAX_SENTENCE)
        }
        Angle::Proof => {
            let claim = w.claims[nth(w.claims.len())?].clone();
            let about = About {
                claim: Some(&claim),
                ..About::default()
            };
            say(w, w.phrases.short.proofs, about, MAX_SENTENCE)
        }
    }
}

/// A post in the making that never outgrows its platform.
#[derive(Clone)]
struct Draft {
    platform: Platform,
    between: &'static str,
    own: Vec<String>,
    required: Vec<String>,
    tags: Vec<String>,
    link: Option<String>,
}

impl Draft {
    /// Keeps `change` when the post still fits.
    fn attempt(&mut self, change: impl FnOnce(&mut Self)) {
        let mut changed = self.clone();
        change(&mut changed);
        if changed.fits() {
            *self = changed;
        }
    }

    /// Adds a sentence of our own, when it fits and makes no term to avoid with its neighbours.
    fn attempt_allowed(&mut self, w: &Writer, sentence: Option<String>) {
        let Some(sentence) = sentence else { return };
        let together = [self.own.as_slice(), std::slice::from_ref(&sentence)]
            .concat()
            .join(self.between);
        if w.allows(&together) {
            self.attempt(|d| d.own.push(sentence));
        }
    }

    /// The sentence as it is; the first one of a post is shortened to what is left.
    fn room_for(&self, sentence: &str) -> Option<String> {
        if !self.own.is_empty() {
            return Some(sentence.to_owned());
        }
        shorten_until(sentence, |text| {
            let mut with = self.clone();
            with.own.push(text.to_owned());
            with.fits()
        })
    }

    fn fits(&self) -> bool {
        self.platform.fits(&self.clone().finish().post_text())
    }

    fn finish(self) -> ShortCopyVariant {
        let own = self.own.join(self.between);
        let paragraphs: Vec<String> = std::iter::once(own)
            .chain(self.required)
            .filter(|p| !p.is_empty())
            .collect();
        let mut variant = ShortCopyVariant {
            text: paragraphs.join("\n\n"),
            hashtags: self.tags,
            link: self.link,
            character_count: 0,
        };
        variant.character_count = self.platform.count(&variant.post_text());
        variant
    }
}

/// One word each: the brand, then telling words of the messages and the offer.
fn hashtags(w: &Writer) -> Vec<String> {
    hashtags_of(w, w.messages.iter().chain(&w.offer))
}

/// One word each: the brand, then telling words of `texts`.
pub(super) fn hashtags_of<'a>(w: &Writer, texts: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    let brand = w.brand.iter().map(|b| joined(b));
    let words = texts.flat_map(|text| {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.chars().count() > 4)
            .filter(|word| !w.phrases.fillers.contains(&word.to_lowercase().as_str()))
            .map(joined)
    });
    for tag in brand.chain(words) {
        let known = tags
            .iter()
            .any(|have| have.to_lowercase() == tag.to_lowercase());
        if (2..=MAX_TAG).contains(&tag.chars().count())
            && tag.chars().any(char::is_alphabetic)
            && !known
            && w.allows(&tag)
        {
            tags.push(tag);
        }
    }
    tags
}

/// As one word with inner capitals.
fn joined(text: &str) -> String {
    text.split(|c: char| !c.is_alphanumeric())
        .map(super::text::capital)
        .collect()
}
