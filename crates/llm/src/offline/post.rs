//! Posts of a content plan, with and without a picture.

use model::{
    brief::CampaignBrief,
    platform::Platform,
    publication::{MAX_ALT_CHARS, MAX_CALL_CHARS, Post, TextImageArtifact, TextOnlyArtifact},
};

use super::{
    palette,
    publication::{ItemWork, something},
    short_copy::{hashtags_of, style},
    text::{one_line, sentences, shorten, shorten_words},
    visual_concept,
    writer::{About, Writer, within_budget},
};

/// Longest call to action, characters.
pub(super) const MAX_CALL: usize = MAX_CALL_CHARS;
/// Longest sentence, characters.
const MAX_SENTENCE: usize = 260;
/// Longest title that a picture's description repeats, characters.
const MAX_TITLE: usize = 160;
/// Bytes of JSON for what must stand word for word.
const REQUIRED_BUDGET: usize = 4 * 1024;
/// Longest sentence where nothing else is left to say, characters.
const MAX_LAST: usize = 60;

pub(super) fn text_only(w: &mut Writer, work: &ItemWork, platform: Platform) -> TextOnlyArtifact {
    TextOnlyArtifact {
        post: post(w, work, platform),
    }
}

pub(super) fn text_image(
    w: &mut Writer,
    work: &ItemWork,
    brief: &CampaignBrief,
    platform: Platform,
) -> TextImageArtifact {
    let post = post(w, work, platform);
    let colours = palette::palette(&brief.brand.palette, &mut w.picks);
    let image_prompt = match visual_concept::concept(w) {
        Some(concept) => visual_concept::image_prompt(w, brief, &concept, &colours),
        None => something(w, MAX_TITLE),
    };
    TextImageArtifact {
        post,
        image_prompt,
        alt_text: alt(w, &work.item.title),
        image: None,
        image_refusal: None,
    }
}

/// What a picture of ours with that title shows.
pub(super) fn alt(w: &mut Writer, title: &str) -> String {
    let title = shorten(&one_line(title), MAX_TITLE);
    let about = About {
        headline: w.allows(&title).then_some(title.as_str()),
        ..About::default()
    };
    let said = w.say(w.phrases.posts.alts, about, MAX_ALT_CHARS);
    said.unwrap_or_else(|| something(w, MAX_ALT_CHARS))
}

fn post(w: &mut Writer, work: &ItemWork, platform: Platform) -> Post {
    let (most, most_tags, between) = style(platform);
    let (most, most_tags) = if work.simple {
        (1, 1)
    } else {
        (most, most_tags)
    };
    let mut draft = Draft {
        platform,
        limit: work.limit_chars,
        between,
        own: Vec::new(),
        required: Vec::new(),
        post: Post {
            platform,
            text: String::new(),
            hashtags: Vec::new(),
            call_to_action: w.button.clone(),
            link: None,
            character_count: 0,
        },
    };
    for text in within_budget(&w.required, REQUIRED_BUDGET) {
        draft.attempt(|d| d.required.push(text.to_owned()));
    }
    let link = work.link.clone();
    draft.attempt(|d| d.post.link = link);

    for sentence in previous(work) {
        draft.attempt_allowed(w, Some(sentence));
    }
    if draft.own.is_empty() {
        let opening = w.say_anew(w.phrases.posts.openings, About::default(), MAX_SENTENCE);
        let opening = opening.and_then(|sentence| draft.room_for(&sentence));
        draft.attempt_allowed(w, opening);
        for message in w.messages.clone().iter().take(most.saturating_sub(1)) {
            let about = About {
                message: Some(message),
                ..About::default()
            };
            let point = w.say_anew(w.phrases.posts.points, about, MAX_SENTENCE);
            draft.attempt_allowed(w, point);
        }
    }
    if draft.own.is_empty() && draft.required.is_empty() {
        let last = something(w, MAX_LAST);
        draft.own.push(draft.room_for(&last).unwrap_or(last));
    }
    // A sentence of a resource says one thing of many; the item's own words are what it is about.
    let about = std::iter::once(&work.item.title).chain(&w.offer);
    for tag in hashtags_of(w, about).into_iter().take(most_tags) {
        draft.attempt(|d| d.post.hashtags.push(tag));
    }
    // What stands in the sentences anyway need not stand under them again.
    let own = draft.own.join(between);
    draft.required.retain(|text| !own.contains(text));
    draft.finish()
}

/// The sentences of a text that is to be made fit, as far as they need not be said anew.
fn previous(work: &ItemWork) -> Vec<String> {
    let text = work
        .rewrite
        .as_ref()
        .and_then(|a| a["post"]["text"].as_str());
    text.map(sentences).unwrap_or_default()
}

/// A post in the making that never outgrows its platform.
#[derive(Clone)]
struct Draft {
    platform: Platform,
    limit: Option<u32>,
    between: &'static str,
    own: Vec<String>,
    required: Vec<String>,
    post: Post,
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

    /// Adds a sentence, when it fits and makes no term to avoid with its neighbours.
    fn attempt_allowed(&mut self, w: &Writer, sentence: Option<String>) {
        let Some(sentence) = sentence else { return };
        let together = [self.own.as_slice(), std::slice::from_ref(&sentence)]
            .concat()
            .join(self.between);
        if w.allows(&together) {
            self.attempt(|d| d.own.push(sentence));
        }
    }

    /// The sentence, shortened to what is left, between words only.
    fn room_for(&self, sentence: &str) -> Option<String> {
        shorten_words(sentence, |text| {
            let mut with = self.clone();
            with.own.push(text.to_owned());
            with.fits()
        })
    }

    fn fits(&self) -> bool {
        let whole = self.clone().finish().whole();
        self.platform.fits(&whole)
            && self
                .limit
                .is_none_or(|limit| self.platform.count(&whole) <= limit)
    }

    fn finish(self) -> Post {
        let own = self.own.join(self.between);
        let paragraphs: Vec<String> = std::iter::once(own)
            .chain(self.required)
            .filter(|p| !p.is_empty())
            .collect();
        let mut post = Post {
            text: paragraphs.join("\n\n"),
            ..self.post
        };
        post.character_count = self.platform.count(&post.whole());
        post
    }
}
