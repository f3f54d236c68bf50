//! Which names end a domain.

use std::{collections::BTreeSet, sync::LazyLock};

/// The IANA root zone of April 2026, lower case, internationalised names in Unicode. X's own library
/// carries such a list, so a shape rule ("two letters or more") would count `notes.txt` as an address.
/// A name that joins the root later counts as text until it is added here.
static NAMES: LazyLock<BTreeSet<&'static str>> =
    LazyLock::new(|| include_str!("tlds.txt").split_whitespace().collect());

/// Longest name in Unicode of the list, characters.
const LONGEST_UNICODE: usize = 17;

/// The end of the top-level domain that starts at `start`, if one does. What follows must not be able to
/// carry the name on (`foo.com-pany`, `a.gov@b`).
pub(super) fn end(text: &str, start: usize) -> Option<usize> {
    let rest = &text[start..];
    let ascii = rest
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(rest.len());
    if ascii == 0 {
        return unicode_end(rest).map(|len| start + len);
    }
    if rest
        .get(..4)
        .is_some_and(|x| x.eq_ignore_ascii_case("xn--"))
    {
        let len = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .unwrap_or(rest.len());
        return (len > 4).then_some(start + len);
    }
    let known = NAMES.contains(rest[..ascii].to_ascii_lowercase().as_str());
    (known && may_follow(&rest[ascii..])).then_some(start + ascii)
}

fn unicode_end(rest: &str) -> Option<usize> {
    let ends: Vec<usize> = rest
        .char_indices()
        .take(LONGEST_UNICODE)
        .take_while(|(_, c)| !c.is_ascii())
        .map(|(i, c)| i + c.len_utf8())
        .collect();
    ends.into_iter().rev().find(|&len| {
        may_follow(&rest[len..]) && NAMES.contains(rest[..len].to_lowercase().as_str())
    })
}

fn may_follow(rest: &str) -> bool {
    !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '+' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_in_unicode_is_within_the_bound() {
        let longest = NAMES
            .iter()
            .filter(|name| !name.is_ascii())
            .map(|name| name.chars().count())
            .max();
        assert!(longest.is_some_and(|n| n <= LONGEST_UNICODE), "{longest:?}");
        assert!(NAMES.len() > 1_400);
    }

    #[test]
    fn names_are_known_in_any_case_and_end_where_they_end() {
        assert_eq!(end("a.COM/", 2), Some(5));
        assert_eq!(end("a.comだ", 2), Some(5));
        assert_eq!(end("twitter.みんなです", 8), Some(17));
        assert_eq!(end("a.xn--q9jyb4c.", 2), Some(13));
        assert_eq!(end("tar.bz2", 4), None);
        assert_eq!(end("a.com-pany", 2), None);
        assert_eq!(end("a.", 2), None);
    }
}
