//! Terms that the writer keeps clear of.

use model::brief::CampaignBrief;

/// Terms never to be used: compared without regard to case and spacing, as whole words.
pub(super) struct Terms(Vec<String>);

impl Terms {
    /// The brand's banned terms, the brief's `must_avoid` and the voice's don'ts.
    pub(super) fn of(brief: &CampaignBrief) -> Self {
        let all = brief
            .brand
            .banned_terms
            .iter()
            .chain(&brief.must_avoid)
            .chain(&brief.brand.voice.donts);
        let mut terms: Vec<_> = all.map(|t| folded(t)).filter(|t| !t.is_empty()).collect();
        terms.sort_unstable();
        terms.dedup();
        Self(terms)
    }

    /// Whether `text` holds none of them.
    pub(super) fn allow(&self, text: &str) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let text = folded(text);
        !self.0.iter().any(|term| holds(&text, term))
    }
}

fn folded(text: &str) -> String {
    let lower = text.to_lowercase();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn holds(text: &str, term: &str) -> bool {
    text.match_indices(term).any(|(at, _)| {
        let end = at + term.len();
        let joins = |left: Option<char>, right: Option<char>| {
            left.is_some_and(in_word) && right.is_some_and(in_word)
        };
        !joins(text[..at].chars().next_back(), term.chars().next())
            && !joins(term.chars().next_back(), text[end..].chars().next())
    })
}

/// Scripts from U+2E80 on (Chinese, Japanese, Korean …) set no spaces: there, a term counts wherever
/// it stands.
fn in_word(c: char) -> bool {
    c.is_alphanumeric() && c < '\u{2E80}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_in_any_case_and_spacing() {
        let brief = CampaignBrief {
            must_avoid: ["cheap", "act now", "免费", "100%"]
                .map(str::to_owned)
                .into(),
            ..CampaignBrief::default()
        };
        let terms = Terms::of(&brief);
        for held in [
            "Cheap!",
            "so CHEAP",
            "Act\n now",
            "完全免费的",
            "is 100% safe",
        ] {
            assert!(!terms.allow(held), "{held}");
        }
        for free in ["cheaper", "react now", "act nowhere", "100 %", ""] {
            assert!(terms.allow(free), "{free}");
        }
    }
}
