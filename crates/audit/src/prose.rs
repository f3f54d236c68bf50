//! A text as readers meet it: blocks, sentences, words, links, pictures and markup, with their bytes.

use std::{ops::Range, sync::LazyLock};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use regex::Regex;
use unicode_segmentation::UnicodeSegmentation;

use crate::claims::pattern;

/// A link or a picture in Markdown.
pub(crate) struct Link {
    /// All of it.
    pub(crate) range: Range<usize>,
    /// Its address, where it can be told apart; else all of it.
    pub(crate) address: Range<usize>,
    /// What is read for it.
    pub(crate) label: String,
    pub(crate) is_picture: bool,
}

/// The links and pictures of a Markdown text, in order.
pub(crate) fn links(text: &str) -> Vec<Link> {
    let mut open: Vec<Link> = Vec::new();
    let mut all = Vec::new();
    for (event, range) in Parser::new_ext(text, Options::empty()).into_offset_iter() {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) => {
                open.push(link(text, range, &dest_url, false));
            }
            Event::Start(Tag::Image { dest_url, .. }) => {
                open.push(link(text, range, &dest_url, true));
            }
            Event::Text(label) | Event::Code(label) => {
                for link in &mut open {
                    link.label.push_str(&label);
                }
            }
            Event::End(TagEnd::Link | TagEnd::Image) => all.extend(open.pop()),
            _ => {}
        }
    }
    all.sort_by_key(|link| link.range.start);
    all
}

fn link(text: &str, range: Range<usize>, address: &str, is_picture: bool) -> Link {
    let source = &text[range.clone()];
    let address = match source.rfind(address) {
        Some(at) if !address.is_empty() => range.start + at..range.start + at + address.len(),
        _ => range.clone(),
    };
    Link {
        range,
        address,
        label: String::new(),
        is_picture,
    }
}

/// Markup that a network without Markdown shows as it stands: emphasis by asterisks, headings, links, code.
pub(crate) fn markup(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (event, range) in Parser::new_ext(text, Options::empty()).into_offset_iter() {
        let source = &text[range.clone()];
        let is_markup = match event {
            Event::Start(Tag::Strong | Tag::Emphasis) => true,
            Event::Start(Tag::Heading { .. }) => source.starts_with('#'),
            // `<https://…>` and the like are plain addresses.
            Event::Start(Tag::Link { .. } | Tag::Image { .. }) => source.contains("]("),
            Event::Code(_) => true,
            _ => false,
        };
        let inside = found.last().is_some_and(|last| range.start < last.end);
        if is_markup && !inside {
            let kept = source.trim_end().len();
            found.push(range.start..range.start + kept);
        }
    }
    found
}

/// The addresses that stand in a text as such, without the punctuation of the sentence around them. With
/// a scheme, or `www.`, or a path.
pub(crate) fn addresses(text: &str) -> Vec<Range<usize>> {
    // Most texts hold none, and this says so many times faster.
    if !text.contains(['/', ':']) && !text.to_ascii_lowercase().contains("www.") {
        return Vec::new();
    }
    ADDRESS
        .find_iter(text)
        .filter(|found| {
            let before = text[..found.start()].chars().next_back();
            // The host of an e-mail address is none of ours.
            !before.is_some_and(|c| c == '@' || c.is_alphanumeric())
        })
        .map(|found| {
            let mut kept = found.as_str().trim_end_matches([
                '.', ',', ';', ':', '!', '?', '"', '\'', '*', '_', '…', '»', '“', '”', '>', ']',
            ]);
            while kept.ends_with(')') && kept.matches(')').count() > kept.matches('(').count() {
                kept = kept[..kept.len() - 1].trim_end_matches(['.', ',', ';', ':', '!', '?']);
            }
            found.start()..found.start() + kept.len()
        })
        .filter(|range| !range.is_empty())
        .collect()
}

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?-u:\b)(?:[a-z][a-z0-9+.-]{1,15}://|(?:javascript|data|vbscript):)[^\s<>]+|(?-u:\b)www\.[^\s<>]+|(?-u:\b)[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}/[^\s<>]*",
    )
});

/// A sentence and the ranges of its words.
#[derive(Debug)]
pub(crate) struct Sentence {
    pub(crate) range: Range<usize>,
    pub(crate) words: Vec<Range<usize>>,
}

/// The paragraphs, list entries and headings of a Markdown text, without their marks.
pub(crate) fn blocks(text: &str) -> Vec<Range<usize>> {
    let mut blocks: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    let mut open = false;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let bare = line.trim();
        let mark = MARK.find(line).map_or(0, |found| found.end());
        if bare.is_empty() || bare.bytes().all(|b| matches!(b, b'-' | b'*' | b'_' | b'=')) {
            open = false;
            continue;
        }
        let inner = start + mark..start + line.trim_end().len();
        match blocks.last_mut() {
            Some(last) if open && mark == 0 => last.end = inner.end,
            _ => blocks.push(inner),
        }
        open = !bare.starts_with('#');
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

/// The front of a list entry, a quotation or a heading.
static MARK: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\s*(?:[-*+•>]\s+|\d{1,3}[.)]\s+|#{1,6}\s+)+"));

/// The sentences of a text (UAX #29), with their words; addresses count as one word. A line that goes on
/// within its paragraph does not end a sentence.
pub(crate) fn sentences(text: &str) -> Vec<Sentence> {
    let mut flat = text.replace(['\n', '\r'], " ");
    for address in addresses(text).into_iter().rev() {
        let width = address.len();
        if flat.get(address.clone()).is_some() {
            flat.replace_range(address, &"x".repeat(width));
        }
    }
    let mut all = Vec::new();
    for block in blocks(text) {
        let inner = flat.get(block.clone()).unwrap_or_default();
        for (at, sentence) in inner.split_sentence_bound_indices() {
            let start = block.start + at;
            let words: Vec<_> = sentence
                .unicode_word_indices()
                .map(|(at, word)| start + at..start + at + word.len())
                .collect();
            if let (Some(first), Some(last)) = (words.first(), words.last()) {
                let range = first.start..last.end;
                all.push(Sentence { range, words });
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slices(text: &str, ranges: impl IntoIterator<Item = Range<usize>>) -> Vec<&str> {
        ranges.into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn addresses_end_before_the_sentence_does() {
        let text = "See https://a.example/x?y=1, (www.b.example), c.example/d. Or ftp://e.example! me@f.example/x and.so";
        assert_eq!(
            slices(text, addresses(text)),
            [
                "https://a.example/x?y=1",
                "www.b.example",
                "c.example/d",
                "ftp://e.example"
            ]
        );
        let text = "https://a.example/x_(y)) done";
        assert_eq!(slices(text, addresses(text)), ["https://a.example/x_(y)"]);
    }

    #[test]
    fn links_pictures_and_markup() {
        let text = "A [b *c*](https://d.example) and ![e](f.png), ![](g.png).";
        let found = links(text);
        let labels: Vec<_> = found.iter().map(|link| link.label.as_str()).collect();
        assert_eq!(labels, ["b c", "e", ""]);
        assert_eq!(
            slices(text, found.into_iter().map(|link| link.address)),
            ["https://d.example", "f.png", "g.png"]
        );
        let text = "# Big\n**strong *and* more**, snake_case, 2 * 3 * 4, `code`, #tag";
        assert_eq!(
            slices(text, markup(text)),
            ["# Big", "**strong *and* more**", "`code`"]
        );
    }

    #[test]
    fn sentences_go_over_lines_and_end_with_their_block() {
        let text = "# Title here\nFirst one\ngoes on. Second!\n\n- an entry\n- see https://a.example/b.c.d now\n\n---";
        let all = sentences(text);
        assert_eq!(
            slices(text, all.iter().map(|sentence| sentence.range.clone())),
            [
                "Title here",
                "First one\ngoes on",
                "Second",
                "an entry",
                "see https://a.example/b.c.d now"
            ]
        );
        assert_eq!(all[4].words.len(), 3);
    }
}
