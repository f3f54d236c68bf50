//! Long copy.

use model::artifact::{CallToAction, Claim, CopyArtifact, Seo};

use super::{
    text::{capital, fill, fold, json_len, one_sentence, phrase, shorten},
    writer::{About, Writer, within_budget},
};

const MAX_HEADLINE: usize = 90;
const MAX_SUBHEAD: usize = 200;
/// Longest sentence about one key message, characters.
const MAX_SENTENCE: usize = 420;
const MAX_BENEFIT: usize = 240;
const HEADLINES: usize = 4;
const MAX_SEO_TITLE: usize = 60;
const MAX_SEO_DESCRIPTION: usize = 160;
const MAX_KEYWORDS: usize = 8;
/// Bytes of JSON for what must stand word for word, so that the artifact keeps to 64 KiB.
const REQUIRED_BUDGET: usize = 20 * 1024;
/// Bytes of JSON for claims; each stands in the body and in the list of claims.
const CLAIMS_BUDGET: usize = 6 * 1024;

pub(super) fn write(w: &mut Writer) -> CopyArtifact {
    let claims = claims(w);
    let key_benefits = benefits(w);
    let headline_options = headlines(w);
    let subhead = subhead(w);
    let body = body(w, &claims);
    let seo = seo(w, &headline_options);
    CopyArtifact {
        headline_options,
        subhead,
        body,
        key_benefits,
        call_to_action: CallToAction {
            label: w.button.clone(),
            url: w.url.clone(),
        },
        seo,
        claims,
    }
}

fn about(message: Option<&String>) -> About<'_> {
    About {
        message: message.map(String::as_str),
        ..About::default()
    }
}

fn claims(w: &Writer) -> Vec<Claim> {
    let mut left = CLAIMS_BUDGET;
    let mut kept = Vec::new();
    for claim in &w.claims {
        let size = json_len(&claim.text) + claim.source.as_deref().map_or(0, json_len);
        if size <= left {
            left -= size;
            kept.push(claim.clone());
        }
    }
    kept
}

fn headlines(w: &mut Writer) -> Vec<String> {
    let messages = w.picks.shuffled(&(0..w.messages.len()).collect::<Vec<_>>());
    let mut options: Vec<String> = Vec::new();
    for i in 0..HEADLINES {
        let message =
            (!messages.is_empty()).then(|| w.messages[messages[i % messages.len()]].clone());
        let said = w.say(w.phrases.headlines, about(message.as_ref()), MAX_HEADLINE);
        options.extend(said.filter(|h| !options.contains(h)));
    }
    // Nothing but what every brief has, until there are three.
    let last = w.last_resort(MAX_HEADLINE);
    while options.len() < 3 {
        let next = match options.last() {
            None => last.clone(),
            Some(before) => format!("{before} · {last}"),
        };
        options.push(next);
    }
    options
}

fn subhead(w: &mut Writer) -> String {
    let message = w.messages.first().cloned();
    w.say(w.phrases.subheads, about(message.as_ref()), MAX_SUBHEAD)
        .unwrap_or_else(|| w.last_resort(MAX_SUBHEAD))
}

fn benefits(w: &mut Writer) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for message in &w.messages {
        let short = shorten(message, MAX_BENEFIT);
        let sentence = fill("{message}.", |_| Some(capital(&short)));
        all.extend(sentence.filter(|s| w.allows(s) && !all.contains(s)));
    }
    for sentence in &all {
        w.note_said(sentence);
    }
    if all.is_empty() {
        all.push(w.last_resort(MAX_BENEFIT));
    }
    all
}

/// Opening, what is in it, what it rests on, how to go on, and what must stand under it. The middle has
/// one of three forms.
fn body(w: &mut Writer, claims: &[Claim]) -> String {
    let mut blocks: Vec<String> = Vec::new();
    let lead: Vec<String> = [
        w.hook(),
        w.say(w.phrases.offers, About::default(), MAX_SENTENCE),
    ]
    .into_iter()
    .flatten()
    .collect();
    add(w, &mut blocks, lead.join(" "));

    let form = w.picks.below(3);
    let mut points: Vec<String> = Vec::new();
    for message in w.messages.clone() {
        points.extend(w.say(w.phrases.messages, about(Some(&message)), MAX_SENTENCE));
    }
    let heading = w.say(w.phrases.benefits_headings, About::default(), MAX_HEADLINE);
    if !points.is_empty() {
        // In the second form the first point goes on from the opening.
        if form == 1 {
            add(w, &mut blocks, points.remove(0));
        }
        if !points.is_empty() {
            add(
                w,
                &mut blocks,
                heading.map(|h| format!("## {h}")).unwrap_or_default(),
            );
        }
        if form == 2 {
            for three in points.chunks(3) {
                add(w, &mut blocks, three.join(" "));
            }
        } else {
            add(w, &mut blocks, bullets(&points));
        }
    }

    let mut proofs: Vec<String> = Vec::new();
    for claim in claims {
        let about = About {
            claim: Some(claim),
            ..About::default()
        };
        // The plain form holds the claim alone, which every brief allows.
        let plain = || fill("{claim}.", |_| Some(one_sentence(&phrase(&claim.text))));
        let said = w.say(w.phrases.proofs, about, usize::MAX);
        proofs.extend(said.or_else(plain));
    }
    if !proofs.is_empty() {
        let heading = w.say(w.phrases.proof_headings, About::default(), MAX_HEADLINE);
        add(
            w,
            &mut blocks,
            heading.map(|h| format!("## {h}")).unwrap_or_default(),
        );
        add(w, &mut blocks, bullets(&proofs));
    }

    let closer = w.say(w.phrases.closers, About::default(), MAX_SENTENCE);
    add(w, &mut blocks, closer.unwrap_or_default());
    blocks.push(button(w));

    let have = blocks.join("\n\n");
    let missing: Vec<String> = within_budget(&w.required, REQUIRED_BUDGET)
        .into_iter()
        .filter(|text| !have.contains(*text))
        .map(str::to_owned)
        .collect();
    if !missing.is_empty() {
        blocks.push("---".to_owned());
        blocks.extend(missing);
    }
    blocks.join("\n\n")
}

/// Adds a block, unless it is empty or makes a term to avoid together with the one before it.
fn add(w: &Writer, blocks: &mut Vec<String>, block: String) {
    let last = blocks.last().map_or("", String::as_str);
    if !block.is_empty() && w.allows(&format!("{last}\n\n{block}")) {
        blocks.push(block);
    }
}

fn bullets(points: &[String]) -> String {
    points
        .iter()
        .map(|point| format!("- {point}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The call to action as a Markdown link, or beside its address where either would break the link.
fn button(w: &Writer) -> String {
    let breaks = |text: &str| text.contains(['[', ']', '(', ')', '<', '>', ' ', '\\']);
    if breaks(&w.url) || w.label.contains(['[', ']', '\\']) {
        format!("{}: {}", w.label, w.url)
    } else {
        format!("[{}]({})", w.label, w.url)
    }
}

fn seo(w: &mut Writer, headlines: &[String]) -> Seo {
    let title = headlines
        .iter()
        .find(|h| h.chars().count() <= MAX_SEO_TITLE)
        .cloned()
        .or_else(|| headlines.first().map(|h| shorten(h, MAX_SEO_TITLE)))
        .unwrap_or_else(|| w.last_resort(MAX_SEO_TITLE));
    let message = w.messages.last().cloned();
    let description = w
        .say(
            w.phrases.seo_descriptions,
            about(message.as_ref()),
            MAX_SEO_DESCRIPTION,
        )
        .unwrap_or_else(|| w.last_resort(MAX_SEO_DESCRIPTION));
    Seo {
        title,
        description,
        keywords: keywords(w),
    }
}

fn keywords(w: &Writer) -> Vec<String> {
    let mut words: Vec<String> = w.brand.iter().cloned().collect();
    for text in w.offer.iter().chain(&w.messages) {
        for word in fold(text).split(' ') {
            let length = word.chars().count();
            let telling = (4..=30).contains(&length)
                && !w.phrases.fillers.contains(&word)
                && word.chars().any(char::is_alphabetic);
            if telling && w.allows(word) && !words.iter().any(|have| have.to_lowercase() == word) {
                words.push(word.to_owned());
            }
        }
    }
    words.truncate(MAX_KEYWORDS);
    words
}
