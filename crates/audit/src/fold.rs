//! Finding words in text whatever their case and spelling of marks, with the place in the original.

use std::ops::Range;

use unicode_normalization::char::{decompose_canonical, decompose_compatible, is_combining_mark};

/// A text as it is compared: case folded, decomposed, each run of white space one space, typographic
/// apostrophes and hyphens plain, invisible characters left out. Knows where each part came from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Folded {
    text: String,
    /// Where it comes from, in order.
    parts: Vec<Part>,
}

/// A stretch of the folded text, up to the next one.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// Where it begins.
    at: usize,
    /// The bytes of the original that it is from.
    start: usize,
    end: usize,
    /// Each byte is a character, from the byte at the same place there; else all of it is from all of that.
    bytewise: bool,
}

impl Part {
    /// Where the character that holds the byte at `at` comes from.
    fn origin(&self, at: usize) -> Range<usize> {
        if self.bytewise {
            let start = self.start + (at - self.at);
            start..start + 1
        } else {
            self.start..self.end
        }
    }
}

impl Folded {
    /// Folds `text`.
    pub(crate) fn new(text: &str) -> Self {
        let mut folded = Self {
            text: String::with_capacity(text.len()),
            parts: Vec::new(),
        };
        for (start, c) in text.char_indices() {
            folded.push(c, start, start + c.len_utf8());
        }
        folded
    }

    /// Folds a term, without white space around it.
    pub(crate) fn term(text: &str) -> Self {
        Self::new(text.trim())
    }

    /// As compared.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    fn push(&mut self, c: char, start: usize, end: usize) {
        match c {
            '\u{AD}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}'
            | '\u{FEFF}' => {}
            '’' | '‘' | 'ʼ' | '＇' => self.add('\'', start, end),
            '‐' | '‑' => self.add('-', start, end),
            _ if c.is_whitespace() => {
                if self.text.ends_with(' ') {
                    self.widen(end);
                } else if c.is_ascii() {
                    self.add_byte(' ', start);
                } else {
                    self.add(' ', start, end);
                }
            }
            _ if c.is_ascii() => self.add_byte(c.to_ascii_lowercase(), start),
            // Upper case, then lower case, is Unicode's full case folding but for the dotless i, which
            // becomes i.
            _ if c.is_alphabetic() => decompose_compatible(c, |d| {
                d.to_uppercase()
                    .flat_map(char::to_lowercase)
                    .for_each(|c| self.add(c, start, end));
            }),
            _ => decompose_canonical(c, |d| self.add(d, start, end)),
        }
    }

    /// A character of one byte, from one byte.
    fn add_byte(&mut self, c: char, start: usize) {
        match self.parts.last_mut() {
            Some(last) if last.bytewise && last.end == start => last.end += 1,
            _ => self.parts.push(Part {
                at: self.text.len(),
                start,
                end: start + 1,
                bytewise: true,
            }),
        }
        self.text.push(c);
    }

    /// A character from `start..end`, maybe the next of several.
    fn add(&mut self, c: char, start: usize, end: usize) {
        let is_next = |last: &Part| !last.bytewise && last.start == start;
        if !self.parts.last().is_some_and(is_next) {
            self.parts.push(Part {
                at: self.text.len(),
                start,
                end,
                bytewise: false,
            });
        }
        self.text.push(c);
    }

    /// The last character, a space, is from all up to `end`.
    fn widen(&mut self, end: usize) {
        let Some(last) = self.parts.last_mut() else {
            return;
        };
        if !last.bytewise {
            last.end = end;
            return;
        }
        last.end -= 1;
        let start = last.end;
        if last.start == last.end {
            self.parts.pop();
        }
        self.parts.push(Part {
            at: self.text.len() - 1,
            start,
            end,
            bytewise: false,
        });
    }

    /// Where `term` stands in the original as whole words, at most `max` places.
    pub(crate) fn find(&self, term: &Self, max: usize) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        // Most terms stand nowhere, and this says so many times faster.
        if !self.text.contains(&term.text) {
            return found;
        }
        occurrences(self.text.as_bytes(), term.text.as_bytes(), |at| {
            if let Some(range) = self.whole(at, at + term.text.len()) {
                found.push(range);
            }
            found.len() < max
        });
        found
    }

    /// Whether `term` stands in it as whole words.
    pub(crate) fn contains(&self, term: &Self) -> bool {
        !self.find(term, 1).is_empty()
    }

    /// The original's range of `from..to`, if that is whole characters and whole words.
    fn whole(&self, from: usize, to: usize) -> Option<Range<usize>> {
        let (first, last) = (self.part(from)?, self.part(to.checked_sub(1)?)?);
        let after = self.parts.get(last + 1);
        let (first, last) = (self.parts[first], self.parts[last]);
        // Half of what one character became (`s` of `ß`) is no match.
        let cut_before = !first.bytewise && from > first.at;
        let cut_after = !last.bytewise && to < after.map_or(self.text.len(), |next| next.at);
        let words = starts_word(&self.text[..from], &self.text[from..to])
            && ends_word(&self.text[from..to], &self.text[to..]);
        let range = first.origin(from).start..last.origin(to - 1).end;
        (!cut_before && !cut_after && words).then_some(range)
    }

    /// The part that holds the byte at `at`.
    fn part(&self, at: usize) -> Option<usize> {
        let after = self.parts.partition_point(|part| part.at <= at);
        after.checked_sub(1)
    }
}

fn starts_word(before: &str, term: &str) -> bool {
    let (Some(last), Some(first)) = (before.chars().next_back(), term.chars().next()) else {
        return true;
    };
    // `t` of `don't` is no word; `offre` of `l'offre` is.
    let is_tail = last == '\''
        && before[..before.len() - 1].ends_with(is_word)
        && matches!(term, "t" | "s" | "ll" | "re" | "ve" | "d" | "m");
    !is_tail && !joined(last, first)
}

fn ends_word(term: &str, after: &str) -> bool {
    let (Some(last), Some(next)) = (term.chars().next_back(), after.chars().next()) else {
        return true;
    };
    // `can` of `can't` is another word.
    let is_negated = after
        .strip_prefix("'t")
        .is_some_and(|rest| !rest.starts_with(is_word));
    !is_negated && !is_combining_mark(next) && !joined(last, next)
}

/// Whether two neighbours are of one word. Scripts without spaces have no such bounds to see.
fn joined(a: char, b: char) -> bool {
    is_word(a) && is_word(b) && !is_unspaced(a) && !is_unspaced(b)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}'
        | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// Calls `found` with every place of `needle`, overlapping ones too, until it says stop. Linear
/// (Knuth, Morris, Pratt): terms and texts are the users'.
fn occurrences(text: &[u8], needle: &[u8], mut found: impl FnMut(usize) -> bool) {
    if needle.is_empty() || needle.len() > text.len() {
        return;
    }
    let mut border = vec![0; needle.len()];
    let mut k = 0;
    for i in 1..needle.len() {
        while k > 0 && needle[i] != needle[k] {
            k = border[k - 1];
        }
        if needle[i] == needle[k] {
            k += 1;
        }
        border[i] = k;
    }
    let mut k = 0;
    for (i, byte) in text.iter().enumerate() {
        while k > 0 && *byte != needle[k] {
            k = border[k - 1];
        }
        if *byte == needle[k] {
            k += 1;
        }
        if k == needle.len() {
            if !found(i + 1 - k) {
                return;
            }
            k = border[k - 1];
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found<'a>(text: &'a str, term: &str) -> Vec<&'a str> {
        Folded::new(text)
            .find(&Folded::term(term), usize::MAX)
            .into_iter()
            .map(|range| &text[range])
            .collect()
    }

    #[test]
    fn whole_words_in_any_case_and_form() {
        for (text, term, expect) in [
            ("First class!", "CLASS", "class"),
            ("STRASSE 1", "straße", "STRASSE"),
            ("Straße 1", "STRASSE", "Straße"),
            ("ΟΔΟΣ", "οδος", "ΟΔΟΣ"),
            ("a cafe\u{301} here", "Café", "cafe\u{301}"),
            ("miracle\n  cure", "miracle cure", "miracle\n  cure"),
            ("mira\u{AD}cle", "miracle", "mira\u{AD}cle"),
            ("it’s don’t", "don't", "don’t"),
            ("_free_ now", "free", "free"),
            ("the class's best", "class", "class"),
            ("l’offre", "offre", "offre"),
            ("C++, please", "c++", "C++"),
            ("ｆｒｅｅ", "free", "ｆｒｅｅ"),
            ("完全無料です", "無料", "無料"),
            ("Acme™", "acme", "Acme"),
            ("one \u{200B}\n two", "one two", "one \u{200B}\n two"),
            ("one\u{A0} two", "one two", "one\u{A0} two"),
            ("no  class  here", "class", "class"),
            ("weiß weiss", "weiss weiss", "weiß weiss"),
        ] {
            assert_eq!(found(text, term), [expect], "{text} / {term}");
        }
        assert_eq!(found("no no no", "no no"), ["no no", "no no"]);
    }

    #[test]
    fn near_misses() {
        for (text, term) in [
            ("classic classes subclass", "class"),
            ("café", "cafe"),
            ("can't", "can"),
            ("don't", "t"),
            ("ß", "s"),
            ("#10", "#1"),
            ("miracle-cure", "miracle cure"),
            ("が", "か"),
            ("", "a"),
            ("a", ""),
        ] {
            assert_eq!(found(text, term), [""; 0], "{text} / {term}");
        }
    }

    proptest! {
        #[test]
        fn every_place_is_on_character_boundaries_and_folds_to_the_term(
            text in "[aAsSßéE\u{301}’' \n\u{A0}\u{AD}İıΣςか\u{3099}-]{0,24}", term in "[aAsSßé '-]{1,3}",
        ) {
            let term = Folded::term(&term);
            for range in Folded::new(&text).find(&term, usize::MAX) {
                let again = Folded::new(&text[range]);
                prop_assert_eq!(again.as_str(), term.as_str());
            }
        }

        #[test]
        fn a_word_between_spaces_is_found(word in "\\p{L}{1,8}", before in "[a-z ]{0,8}") {
            let text = format!("{before} {word} .");
            prop_assert!(Folded::new(&text).contains(&Folded::term(&word)));
        }
    }
}
