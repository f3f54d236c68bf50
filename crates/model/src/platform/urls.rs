//! Finds web addresses in a post as X does: the rules of twitter-text 3.1.0, whose conformance cases
//! stand in the tests. Addresses without a scheme count too (`example.com/offer`).

use std::ops::Range;

use super::tld;

/// Longest address that is shortened, UTF-16 units with the scheme counted twice, as twitter-text does.
const MAX_URL_UNITS: usize = 4_096;
/// Longest label of a domain in its ASCII form (RFC 1035).
const MAX_LABEL_BYTES: usize = 63;
/// Longest name after `t.co/`.
const MAX_SHORT_NAME: usize = 40;

/// A web address in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it stands, bytes.
    pub(super) range: Range<usize>,
    /// Whether it starts with `http://` or `https://`.
    pub(super) has_scheme: bool,
}

/// All addresses of `text`, in order, none overlapping. Linear in the text.
pub(super) fn find(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut before = None;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let mut next = at;
        if is_domain_char(c) && may_precede(before) {
            match Candidate::at(text, at) {
                Ok(candidate) => {
                    candidate.collect(text, before, &mut found);
                    // What ends one address cannot be what stands before the next: pass a character.
                    next = candidate.end + first_len(&text[candidate.end..]);
                }
                Err(resume) => next = scheme_before(text, at, resume).unwrap_or(resume),
            }
        }
        if next == at {
            next += c.len_utf8();
        }
        before = text[..next].chars().next_back();
        at = next;
    }
    found
}

/// Something with the shape of an address.
struct Candidate {
    start: usize,
    scheme_len: usize,
    domain: Range<usize>,
    path_end: Option<usize>,
    end: usize,
}

impl Candidate {
    /// The candidate that starts at `start`, or where to look next.
    fn at(text: &str, start: usize) -> Result<Self, usize> {
        let scheme_len = scheme_len(&text[start..]);
        let domain_start = start + scheme_len;
        let domain_end = domain_end(text, domain_start)?;
        let port_end = port_end(text, domain_end);
        let path_end = path_end(text, port_end);
        Ok(Self {
            start,
            scheme_len,
            domain: domain_start..domain_end,
            path_end,
            end: query_end(text, path_end.unwrap_or(port_end)),
        })
    }

    /// Adds what of it is an address.
    fn collect(&self, text: &str, before: Option<char>, found: &mut Vec<Found>) {
        let units = text[self.start..self.end].encode_utf16().count();
        // Without a scheme, twitter-text reckons with `https://` before it.
        let scheme_units = if self.scheme_len > 0 {
            self.scheme_len
        } else {
            8
        };
        if units + scheme_units > MAX_URL_UNITS || !is_domain(&text[self.domain.clone()]) {
            return;
        }
        if self.scheme_len > 0 {
            let end = match short_link_end(text, self.start, &self.domain, self.end) {
                ShortLink::No => self.end,
                ShortLink::Until(end) => end,
                ShortLink::TooLong => return,
            };
            found.push(Found {
                range: self.start..end,
                has_scheme: true,
            });
        } else if !matches!(before, Some('-' | '_' | '.' | '/')) {
            let first = found.len();
            for part in ascii_domains(&text[self.domain.clone()]) {
                found.push(Found {
                    range: self.domain.start + part.start..self.domain.start + part.end,
                    has_scheme: false,
                });
            }
            // Port, path and query belong to the last of them.
            if self.path_end.is_some()
                && found.len() > first
                && let Some(last) = found.last_mut()
            {
                last.range.end = self.end;
            }
        }
    }
}

fn first_len(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

fn scheme_len(rest: &str) -> usize {
    ["https://", "http://"]
        .into_iter()
        .find(|scheme| {
            rest.get(..scheme.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(scheme))
        })
        .map_or(0, str::len)
}

/// Where a scheme starts whose name was taken for the end of a label (`日本語http://`).
fn scheme_before(text: &str, start: usize, colon: usize) -> Option<usize> {
    if !text[colon..].starts_with("://") {
        return None;
    }
    ["https", "http"].into_iter().find_map(|name| {
        let at = colon.checked_sub(name.len()).filter(|at| *at > start)?;
        text.get(at..colon)
            .is_some_and(|tail| tail.eq_ignore_ascii_case(name))
            .then_some(at)
    })
}

/// The end of the longest domain with a known top-level domain at `start`; else the first place after it
/// where another one may start.
fn domain_end(text: &str, start: usize) -> Result<usize, usize> {
    let mut best = None;
    let mut label = start;
    loop {
        let rest = &text[label..];
        let len = rest
            .find(|c: char| !is_domain_char(c) && !matches!(c, '-' | '_'))
            .unwrap_or(rest.len());
        let name = &rest[..len];
        let dot = label + len;
        if !text[dot..].starts_with('.')
            || !name.starts_with(is_domain_char)
            || !name.ends_with(is_domain_char)
        {
            return best.ok_or(dot);
        }
        if !name.contains('_')
            && let Some(end) = tld::end(text, dot + 1)
        {
            best = Some(end);
        }
        label = dot + 1;
    }
}

/// Whether every label is short enough in its ASCII form.
fn is_domain(domain: &str) -> bool {
    if domain.starts_with("xn--") && !domain.is_ascii() {
        return false;
    }
    domain.split('.').all(|label| {
        let len = if label.is_ascii() {
            label.len()
        } else {
            url::quirks::domain_to_ascii(label).len()
        };
        (1..=MAX_LABEL_BYTES).contains(&len)
    })
}

/// The parts of a domain that are domains in ASCII or accented Latin letters: only those are linked when
/// no scheme stands before them (`example.comです` is `example.com`).
fn ascii_domains(domain: &str) -> Vec<Range<usize>> {
    let is_part = |c: char| c == '-' || c.is_ascii_alphanumeric() || is_latin_accent(c);
    let mut parts = Vec::new();
    let mut at = 0;
    while at < domain.len() {
        let mut end = None;
        let mut label = at;
        let stop = loop {
            let rest = &domain[label..];
            let len = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            let dot = label + len;
            if len == 0 || !domain[dot..].starts_with('.') {
                break dot;
            }
            end = tld::end(domain, dot + 1).or(end);
            label = dot + 1;
        };
        if let Some(end) = end {
            parts.push(at..end);
        }
        let passed = end.unwrap_or(stop);
        at = domain[passed..]
            .find(is_part)
            .map_or(domain.len(), |skip| passed + skip)
            .max(at + 1);
    }
    parts
}

fn port_end(text: &str, start: usize) -> usize {
    let Some(rest) = text[start..].strip_prefix(':') else {
        return start;
    };
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    if digits == 0 {
        start
    } else {
        start + 1 + digits
    }
}

/// The end of the path that starts at `start`; closing punctuation is the sentence's, not the path's.
fn path_end(text: &str, start: usize) -> Option<usize> {
    if !text[start..].starts_with('/') {
        return None;
    }
    let mut end = start + 1;
    let mut at = end;
    while let Some(c) = text[at..].chars().next() {
        if c == '(' {
            let Some(close) = parentheses_end(text, at, true) else {
                break;
            };
            at = close;
            end = at;
        } else if is_path_char(c) {
            at += c.len_utf8();
            if is_path_end_char(c) {
                end = at;
            }
        } else {
            break;
        }
    }
    Some(end)
}

/// The end of balanced parentheses that open at `start`, at most one pair inside another.
fn parentheses_end(text: &str, start: usize, may_nest: bool) -> Option<usize> {
    let mut at = start + 1;
    let mut nested = false;
    while let Some(c) = text[at..].chars().next() {
        match c {
            ')' => return (at > start + 1).then_some(at + 1),
            '(' if may_nest && !nested => {
                at = parentheses_end(text, at, false)?;
                nested = true;
            }
            _ if is_path_char(c) => at += c.len_utf8(),
            _ => return None,
        }
    }
    None
}

fn query_end(text: &str, start: usize) -> usize {
    let Some(rest) = text[start..].strip_prefix('?') else {
        return start;
    };
    let mut end = start;
    for (i, c) in rest.char_indices() {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '&' | '=' | '#' | '/') {
            end = start + 1 + i + 1;
        } else if !"!?*'@();:+$%[].,~|".contains(c) {
            break;
        }
    }
    end
}

enum ShortLink {
    No,
    Until(usize),
    TooLong,
}

/// X's own short links end with their name and query, whatever follows.
fn short_link_end(text: &str, start: usize, domain: &Range<usize>, end: usize) -> ShortLink {
    if !text[domain.clone()].eq_ignore_ascii_case("t.co") {
        return ShortLink::No;
    }
    let Some(name) = text[domain.end..end].strip_prefix('/') else {
        return ShortLink::No;
    };
    let len = name
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(name.len());
    match len {
        0 => ShortLink::No,
        1..=MAX_SHORT_NAME => {
            ShortLink::Until(query_end(&text[..end], domain.end + 1 + len).max(start))
        }
        _ => ShortLink::TooLong,
    }
}

fn may_precede(before: Option<char>) -> bool {
    before.is_none_or(|c| {
        !c.is_ascii_alphanumeric()
            && !matches!(
                c,
                '@' | '＠' | '$' | '#' | '＃' | '\u{FFFE}' | '\u{FEFF}' | '\u{FFFF}'
            )
    })
}

fn is_domain_char(c: char) -> bool {
    !"!'#%&()*+,\\-./:;<=>?@[]^_{|}~$".contains(c)
        && !is_space(c)
        && !matches!(c,
            '\u{FFFE}' | '\u{FEFF}' | '\u{FFFF}'
            | '\u{202A}'..='\u{202E}' | '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2066}'..='\u{2069}')
}

fn is_space(c: char) -> bool {
    matches!(c,
        '\u{09}'..='\u{0D}' | ' ' | '\u{85}' | '\u{A0}' | '\u{1680}' | '\u{180E}'
        | '\u{2000}'..='\u{200A}' | '\u{2028}' | '\u{2029}' | '\u{202F}' | '\u{205F}' | '\u{3000}')
}

fn is_path_char(c: char) -> bool {
    is_path_end_char(c) || "!*';:,.$%[]–~@|&".contains(c)
}

fn is_path_end_char(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(
            c,
            '+' | '-' | '=' | '_' | '#' | '/' | '\u{0400}'..='\u{04FF}'
        )
        || is_latin_accent(c)
}

fn is_latin_accent(c: char) -> bool {
    matches!(c,
        '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{24F}'
        | '\u{253}' | '\u{254}' | '\u{256}' | '\u{257}' | '\u{259}' | '\u{25B}' | '\u{263}'
        | '\u{268}' | '\u{26F}' | '\u{272}' | '\u{289}' | '\u{28B}' | '\u{2BB}'
        | '\u{300}'..='\u{36F}' | '\u{1E00}'..='\u{1EFF}')
}

#[cfg(test)]
mod tests;
