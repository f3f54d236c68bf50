//! Addresses in generated text: only those that the marketer wrote.
//!
//! Resources do not count: they are background that others may have written, so an address there is
//! no reason to publish it.

use std::collections::BTreeSet;

use llm::structured::{Fault, visible};
use model::brief::CampaignBrief;

/// What may end an address in running text without being part of it.
const CLOSING: &[char] = &[
    '.', ',', ';', ':', '!', '?', ')', ']', '}', '*', '_', '\'', '"', '’', '”', '»', '…', '。',
    '、',
];

/// What ends an address for sure.
const ENDING: &[char] = &[')', ']', '"', '*'];

/// The addresses that a brief or an item of a plan allows.
pub(crate) struct Addresses(BTreeSet<String>);

impl Addresses {
    pub(crate) fn of(brief: &CampaignBrief) -> Self {
        let texts = [&brief.name, &brief.objective, &brief.audience, &brief.offer]
            .into_iter()
            .chain([&brief.brand.name, &brief.call_to_action.label])
            .chain(&brief.key_messages)
            .chain(brief.proof_points.iter().map(|p| &p.claim))
            .chain(brief.proof_points.iter().filter_map(|p| p.source.as_ref()))
            .chain(&brief.must_include)
            .chain(&brief.disclaimers)
            .chain(&brief.brand.required_disclosures);
        Self::in_texts(texts, [&brief.call_to_action.url])
    }

    /// Those that stand in `texts`, and `urls` themselves.
    pub(crate) fn in_texts<'a>(
        texts: impl IntoIterator<Item = &'a String>,
        urls: impl IntoIterator<Item = &'a String>,
    ) -> Self {
        let mut all: BTreeSet<String> = texts
            .into_iter()
            .flat_map(|text| {
                let text = visible(text);
                let all = found(&text).into_iter();
                all.map(|at| at.trim_end_matches(CLOSING).to_owned())
                    .collect::<Vec<_>>()
            })
            .filter(|address| !address.is_empty())
            .collect();
        for url in urls {
            // A valid address may hold a space; in running text it ends there.
            all.extend(found(url).into_iter().map(str::to_owned));
            all.insert(url.clone());
        }
        Self(all)
    }

    /// Whether `address` is one of them.
    pub(crate) fn allow(&self, address: &str) -> bool {
        self.0.contains(address)
    }

    /// A fault for each text with an address of its own.
    pub(crate) fn check<'a>(
        &self,
        texts: impl IntoIterator<Item = (&'a str, &'a str)>,
        faults: &mut Vec<Fault>,
    ) {
        for (path, text) in texts {
            if !found(text).into_iter().all(|at| self.begins_with_one(at)) {
                faults.push(Fault::schema(format!(
                    "`{path}` holds an address that the brief does not"
                )));
            }
        }
    }

    /// Whether `text` begins with an allowed address that ends where it should: `https://a.example` does
    /// not allow `https://a.example.evil.test`.
    fn begins_with_one(&self, text: &str) -> bool {
        self.0.iter().any(|allowed| {
            text.strip_prefix(allowed.as_str()).is_some_and(|rest| {
                let after = rest.trim_start_matches(CLOSING);
                let closing = &rest[..rest.len() - after.len()];
                after.is_empty() || closing.contains(ENDING)
            })
        })
    }
}

/// Everything in `text` that a reader's program would take for an address: `scheme://…`, `www.…`, and
/// the target of a Markdown link. Each runs to the next white space.
fn found(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let to_space = |from: usize| {
        let rest = &text[from..];
        rest.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>'))
            .next()
            .unwrap_or_default()
    };
    for (at, _) in text.match_indices("://") {
        let scheme = text[..at]
            .bytes()
            .rev()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
            .count();
        all.push(to_space(at - scheme));
    }
    for (at, _) in text.match_indices("](") {
        let rest = &text[at + 2..];
        let target = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '<');
        let address = to_space(text.len() - target.len());
        // Behind a space only what can be nothing but an address: a bracket may be cut off here.
        let counts = rest.starts_with(target) || address.starts_with('/') || address.contains(':');
        if counts && !address.trim_end_matches(CLOSING).is_empty() {
            all.push(address);
        }
    }
    let lower = text.to_ascii_lowercase();
    for (at, _) in lower.match_indices("www.") {
        let before = text[..at].chars().next_back();
        if !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '/' | '.' | '-')) {
            all.push(to_space(at));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses() -> Addresses {
        let mut brief = CampaignBrief::default();
        brief.call_to_action.url = "https://a.example/offer".into();
        brief.must_include = vec!["See www.a.example, or (https://b.example/terms).".into()];
        brief.resources = vec![model::brief::Resource {
            text: Some("https://evil.example/".into()),
            ..Default::default()
        }];
        Addresses::of(&brief)
    }

    fn passes(text: &str) -> bool {
        let mut faults = Vec::new();
        addresses().check([("body", text)], &mut faults);
        faults.is_empty()
    }

    #[test]
    fn the_brief_s_own_pass_in_every_form() {
        for text in [
            "no address at all",
            "https://a.example/offer",
            "Go to https://a.example/offer.",
            "[Go](https://a.example/offer) now",
            "[Go](<https://a.example/offer>), **https://a.example/offer**",
            "\"https://a.example/offer\" and https://b.example/terms!",
            "see www.a.example, or",
            "cut off [here](… and so on",
            "cut off [here]( and so on",
        ] {
            assert!(passes(text), "{text}");
        }
    }

    #[test]
    fn any_other_is_a_fault() {
        for text in [
            "https://evil.example/",
            "HTTPS://evil.example/",
            "https://a.example/offer.evil.example",
            "https://a.example/offer.:evil.example",
            "https://a.example/offer/more",
            "https://a.example/offer?x=https://a.example/offer",
            "https://a.example/offer@evil.example",
            "ftp://a.example/offer",
            "xhttps://a.example/offer",
            "[Go](javascript:alert(1))",
            "[Go](//evil.example)",
            "[Go](</evil>)",
            "[Go]( //evil.example)",
            "[Go](evil.example)",
            "WWW.evil.example",
            "www.a.example.evil.test",
        ] {
            assert!(!passes(text), "{text}");
        }
    }
}
