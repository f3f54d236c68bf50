//! The texts of a template's places.

use std::collections::BTreeMap;

use model::{
    content_plan::{PlanTemplate, Slot},
    publication::TextTemplateArtifact,
};

use super::{
    post,
    publication::{ItemWork, something},
    text::{capital, fold, one_line, shorten, shorten_words},
    writer::Writer,
};

/// What a place is for, by words of its name; the first that has one of them is taken.
const USES: [(Use, &[&str]); 4] = [
    (Use::Action, &["cta", "action", "button", "call", "aufruf"]),
    (
        Use::Brand,
        &["brand", "author", "logo", "company", "signature", "marke"],
    ),
    (
        Use::Title,
        &["title", "headline", "heading", "header", "titel"],
    ),
    (
        Use::Text,
        &[
            "text", "body", "quote", "subtitle", "subhead", "point", "detail",
        ],
    ),
];

#[derive(Clone, Copy, PartialEq)]
enum Use {
    Action,
    Brand,
    Title,
    Text,
}

pub(super) fn write(
    w: &mut Writer,
    work: &ItemWork,
    template: &PlanTemplate,
) -> TextTemplateArtifact {
    let mut said: Vec<String> = Vec::new();
    let mut values = BTreeMap::new();
    for (i, slot) in template.slots.iter().enumerate() {
        let value = value(w, work, slot, i, &said).filter(|_| !(slot.optional && work.simple));
        let value = match value {
            Some(value) => value,
            None if slot.optional => String::new(),
            None => last(w, work, slot),
        };
        said.push(fold(&value));
        values.insert(slot.name.clone(), value);
    }
    // A template that says nothing at all is none.
    if let Some(slot) = template.slots.first()
        && values.values().all(String::is_empty)
    {
        values.insert(slot.name.clone(), last(w, work, slot));
    }
    TextTemplateArtifact {
        template_id: template.id.clone(),
        values,
        alt_text: post::alt(w, &work.item.title),
        image: None,
        image_refusal: None,
    }
}

/// The first text for the place's use that stands nowhere yet; rather one that fits whole.
fn value(
    w: &Writer,
    work: &ItemWork,
    slot: &Slot,
    number: usize,
    said: &[String],
) -> Option<String> {
    let most = limit(work, slot);
    let fits = |text: &str| text.chars().count() <= most;
    let title = one_line(&work.item.title);
    let texts = w.offer.iter().chain(&w.messages).cloned();
    let mut all: Vec<String> = match used_for(slot, number) {
        Use::Action => vec![w.button.clone()],
        Use::Brand => w.brand.iter().cloned().collect(),
        Use::Title => std::iter::once(title).chain(texts).collect(),
        Use::Text => texts.chain(std::iter::once(title)).collect(),
    };
    if !slot.optional {
        all.extend(w.brand.iter().cloned());
        all.push(w.button.clone());
    }
    all.retain(|text| w.allows(text) && !said.contains(&fold(text)));
    let whole = all.iter().find(|text| fits(text.as_str())).cloned();
    let cut = || all.iter().find_map(|text| shorten_words(text, fits));
    let found = whole.or_else(cut)?;
    Some(capital(&found)).filter(|text| fits(text) && !said.contains(&fold(text)))
}

/// For a place that must not stay empty when every text stands somewhere, or none fits at a word's end.
fn last(w: &Writer, work: &ItemWork, slot: &Slot) -> String {
    let most = limit(work, slot);
    let text = w.last_resort(most);
    if !text.trim().is_empty() {
        return text;
    }
    let title = one_line(&work.item.title);
    let short = shorten(&title, most);
    if short.trim().is_empty() {
        something(w, most)
    } else {
        short
    }
}

/// The first place is the title's, unless its name says otherwise.
fn used_for(slot: &Slot, number: usize) -> Use {
    let words: Vec<&str> = slot.name.split(['_', '-']).collect();
    let named = USES
        .iter()
        .find(|(_, names)| names.iter().any(|name| words.contains(name)));
    match named {
        Some((what, _)) => *what,
        None if number == 0 => Use::Title,
        None => Use::Text,
    }
}

fn limit(work: &ItemWork, slot: &Slot) -> usize {
    let most = work
        .limit_chars
        .map_or(slot.max_chars, |limit| limit.min(slot.max_chars));
    usize::try_from(most.max(1)).unwrap_or(usize::MAX)
}
