//! Mastodon: graphemes, with 23 for each address that has a scheme, and of a mention only its local part
//! (`StatusLengthValidator` of the server).

use unicode_segmentation::UnicodeSegmentation;

use super::urls;

/// Stands for an address: 23 characters.
const URL_PLACEHOLDER: &str = "xxxxxxxxxxxxxxxxxxxxxxx";

pub(super) fn length(text: &str) -> usize {
    let mut counted = String::with_capacity(text.len());
    let mut at = 0;
    for url in urls::find(text).into_iter().filter(|url| url.has_scheme) {
        push_without_mention_domains(&mut counted, &text[at..url.range.start]);
        counted.push_str(URL_PLACEHOLDER);
        at = url.range.end;
    }
    push_without_mention_domains(&mut counted, &text[at..]);
    counted.graphemes(true).count()
}

fn push_without_mention_domains(counted: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let starts = rest[..at]
            .chars()
            .next_back()
            .is_none_or(|c| !is_word(c) && !matches!(c, '=' | '/'));
        let after = &rest[at + 1..];
        let (local, domain) = if starts { mention(after) } else { (0, 0) };
        counted.push_str(&rest[..at + 1 + local]);
        rest = &after[local + domain..];
    }
    counted.push_str(rest);
}

/// Lengths of the local part and of `@domain` at the start of what follows an `@`.
fn mention(after: &str) -> (usize, usize) {
    let is_local = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let run = after
        .find(|c: char| !is_local(c) && !matches!(c, '.' | '-'))
        .unwrap_or(after.len());
    let local = after[..run].trim_end_matches(['.', '-']).len();
    let Some(host) = after[local..]
        .strip_prefix('@')
        .filter(|_| after.starts_with(is_local))
    else {
        return (0, 0);
    };
    let run = host
        .find(|c: char| !is_word(c) && !matches!(c, '.' | '-'))
        .unwrap_or(host.len());
    let host = host[..run].trim_end_matches(['.', '-']);
    if host.chars().count() < 2 {
        return (local, 0);
    }
    (local, 1 + host.len())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
