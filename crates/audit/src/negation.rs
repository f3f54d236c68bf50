//! Whether words are denied where they stand: `it does not cure`, `Garantien geben wir nicht`.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use crate::claims::pattern;

/// Most words between the negation and what it denies.
const REACH: usize = 6;

/// Before: anywhere in the clause. `not only` and its like deny nothing.
static BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)
        \b (?: not | nicht ) \s (?: only | just | nur | bloß ) \b
        | (?P<no> \b (?: no | not | never | none | nobody | nothing | neither | nor | without | cannot | hardly
            | kein(?:e[mnrs]?)? | nicht | nie | niemals | nichts | niemand | ohne | weder | kaum ) \b
          | n['’]t \b )",
    )
});

/// After: German puts it behind the verb or the object.
static AFTER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\b(?:nicht|nichts|nie|niemals|niemanden)\b(?:\s(?:nur|bloß)\b)?")
});

/// Whether the clause around `range` denies what stands there.
pub(crate) fn denied(text: &str, range: &Range<usize>) -> bool {
    let start = text[..range.start]
        .rfind(['.', '!', '?', ';', ':', '\n'])
        .map_or(0, |at| at + 1);
    let before = &text[start..range.start];
    let end = text[range.end..]
        .find(['.', '!', '?', ';', ':', ',', '\n'])
        .map_or(text.len(), |at| range.end + at);
    let after = &text[range.end..end];
    let near = |between: &str| between.split_whitespace().count() <= REACH;
    BEFORE
        .captures_iter(before)
        .filter_map(|found| found.name("no"))
        .last()
        .is_some_and(|no| near(&before[no.end()..]))
        || AFTER
            .find(after)
            .is_some_and(|no| !no.as_str().contains(' ') && near(&after[..no.start()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_and_what_is_not() {
        for (text, word, expect) in [
            ("It does not cure anything", "cure", true),
            ("We can’t promise returns", "returns", true),
            ("Die Creme heilt nichts", "heilt", true),
            ("Garantien geben wir nicht", "Garantien", true),
            ("No pain. It cures acne", "cures", false),
            ("Not only does it cure acne", "cure", false),
            ("Sie heilt nicht nur Akne", "heilt", false),
            ("Heilt Akne, kostet nichts", "Heilt", false),
            (
                "Nothing that we have made in all these long years cures acne",
                "cures",
                false,
            ),
        ] {
            let start = text.find(word).unwrap();
            assert_eq!(denied(text, &(start..start + word.len())), expect, "{text}");
        }
    }
}
