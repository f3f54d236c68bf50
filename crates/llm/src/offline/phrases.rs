//! The connecting phrases, by language. In a template `{offer}`, `{message}`, `{claim}`, `{brand}`,
//! `{audience}`, `{label}` and `{headline}` stand for the brief's own words; a template must read well
//! whatever form those have, promise nothing, and claim nothing. Lists of long and of short copy share
//! no template, so the artifacts of one campaign share no sentence.

mod de;
mod en;
mod neutral;
mod posts;

pub(super) use posts::Posts;

/// All phrases of one language.
pub(super) struct Phrases {
    /// A text of the brief in the middle of a sentence.
    pub(super) within: fn(&str) -> String,
    /// How a claim names its source, `{source}`.
    pub(super) cite: &'static str,
    pub(super) hooks: Hooks,
    pub(super) headlines: &'static [&'static str],
    pub(super) subheads: &'static [&'static str],
    pub(super) offers: &'static [&'static str],
    pub(super) messages: &'static [&'static str],
    pub(super) benefits_headings: &'static [&'static str],
    pub(super) proofs: &'static [&'static str],
    pub(super) proof_headings: &'static [&'static str],
    pub(super) closers: &'static [&'static str],
    pub(super) seo_descriptions: &'static [&'static str],
    pub(super) short: Short,
    pub(super) picture: Picture,
    pub(super) posts: Posts,
    /// Words that nobody searches for.
    pub(super) fillers: &'static [&'static str],
}

/// Openings by tone, and the adjectives of a voice that ask for the tone.
#[derive(Clone, Copy)]
pub(super) struct Hooks {
    pub(super) any: &'static [&'static str],
    pub(super) warm: &'static [&'static str],
    pub(super) crisp: &'static [&'static str],
    pub(super) warm_tones: &'static [&'static str],
    pub(super) crisp_tones: &'static [&'static str],
}

/// Sentences of short copy.
pub(super) struct Short {
    pub(super) offers: &'static [&'static str],
    pub(super) messages: &'static [&'static str],
    pub(super) proofs: &'static [&'static str],
    pub(super) closers: &'static [&'static str],
}

/// The working notes of a visual concept.
pub(super) struct Picture {
    pub(super) concepts: &'static [Concept],
    /// `{objective}` and `{audience}` besides.
    pub(super) objective: &'static str,
    pub(super) headline: &'static str,
    pub(super) alts: &'static [&'static str],
    /// `background`, `text` and `accent` in words for the notes on type.
    pub(super) type_notes: &'static [&'static str],
}

/// One idea of a picture.
#[derive(Clone, Copy)]
pub(super) struct Concept {
    pub(super) title: &'static str,
    pub(super) rationale: &'static str,
    pub(super) composition: &'static str,
    /// What is to be seen, for those who do not see it.
    pub(super) alt: &'static str,
    /// For an image model: always English, the language they are trained on most.
    pub(super) image: &'static str,
}

/// The phrases of a BCP 47 tag; punctuation alone for a language without phrases.
pub(super) fn of(tag: &str) -> &'static Phrases {
    let primary = tag.split('-').next().unwrap_or_default();
    match primary.to_ascii_lowercase().as_str() {
        "en" => &en::PHRASES,
        "de" => &de::PHRASES,
        _ => &neutral::PHRASES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(p: &Phrases) -> Vec<&'static [&'static str]> {
        vec![
            p.hooks.any,
            p.hooks.warm,
            p.hooks.crisp,
            p.headlines,
            p.subheads,
            p.offers,
            p.messages,
            p.proofs,
            p.closers,
            p.seo_descriptions,
            p.short.offers,
            p.short.messages,
            p.short.proofs,
            p.short.closers,
            p.posts.openings,
            p.posts.points,
            p.posts.covers,
            p.posts.titles,
            p.posts.closings,
            p.posts.invitations,
            p.posts.alts,
        ]
    }

    #[test]
    fn no_template_stands_twice() {
        for language in ["en", "de-CH"] {
            let all = lists(of(language)).concat();
            let distinct: std::collections::BTreeSet<_> = all.iter().collect();
            assert_eq!(distinct.len(), all.len(), "{language}");
        }
    }

    #[test]
    fn every_place_is_one_that_is_filled() {
        let known = [
            "offer", "message", "claim", "brand", "audience", "label", "headline",
        ];
        for language in ["en", "de", "ja"] {
            for template in lists(of(language)).concat() {
                let filled = super::super::text::fill(template, |name| {
                    known.contains(&name).then(|| "x".to_owned())
                });
                assert!(filled.is_some(), "{template}");
            }
        }
    }
}
