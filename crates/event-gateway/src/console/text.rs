//! Words, numbers and moments as people read them; and texts of others, with nothing hidden in them.

use std::time::Duration;

use ::service::clock;
use maud::{Markup, PreEscaped, Render, html};
use model::Timestamp;
use wire::run::v1::Run;

/// A text of others: escaped, and characters that hide or reorder made visible.
pub(super) struct Foreign<'a>(pub(super) &'a str);

impl Render for Foreign<'_> {
    fn render_to(&self, buffer: &mut String) {
        let mut rest = self.0;
        while let Some(at) = rest.find(is_hidden) {
            let (before, from) = rest.split_at(at);
            before.render_to(buffer);
            let mut chars = from.chars();
            if let Some(hidden) = chars.next() {
                html! { span.hidden-char title="an invisible character" { (format!("U+{:04X}", u32::from(hidden))) } }
                    .render_to(buffer);
            }
            rest = chars.as_str();
        }
        rest.render_to(buffer);
    }
}

/// Whether a text holds what no eye sees.
pub(super) fn has_hidden(text: &str) -> bool {
    text.contains(is_hidden)
}

/// Characters that show nothing, or show others elsewhere than they stand.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{00ad}'
        | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fff9}'..='\u{fffb}')
        || c.is_control() && !matches!(c, '\n' | '\t')
}

/// A moment, told as its distance; the exact one beside it.
pub(super) fn ago(at: Option<Timestamp>) -> Markup {
    let Some(at) = at else {
        return PreEscaped(String::new());
    };
    let told = distance(clock::now().since(at));
    html! { time datetime=(at) title=(at) data-ago { (told) " ago" } }
}

/// A moment that is still to come, told as its distance; the exact one beside it.
pub(super) fn until(at: Timestamp, now: Timestamp) -> Markup {
    let left = at.since(now);
    html! {
        time datetime=(at) title=(at) {
            @if left.is_zero() { "now" } @else { "in " (distance(left)) }
        }
    }
}

/// A span of time in one unit.
pub(super) fn distance(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A short span of time, exactly enough.
pub(super) fn span(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {:02} s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{} h {:02} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

/// A length in bytes, roughly.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KB", bytes / 1_024),
        _ => format!(
            "{}.{} MB",
            bytes / 1_048_576,
            bytes % 1_048_576 * 10 / 1_048_576
        ),
    }
}

/// Money.
pub(super) fn money(microusd: u64) -> String {
    format!(
        "${}.{:04}",
        microusd / 1_000_000,
        microusd % 1_000_000 / 100
    )
}

/// A number with its thousands apart.
pub(super) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A name such as `short_copy` as words.
pub(super) fn words(name: &str) -> String {
    capital(name.replace('_', " "))
}

/// With a capital at the begin.
pub(super) fn capital(mut text: String) -> String {
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// A run's status with its colour; the word says it too.
pub(super) fn status(status: &str) -> Markup {
    html! { span.status.{ "s-" (class(status)) } { (words(status)) } }
}

/// How a run stands: its status, and what a running one waits for people with.
pub(super) fn standing(run: &Run) -> Markup {
    let state = match (run.status.as_str(), run.state.as_str()) {
        ("running", state @ ("paused" | "in_review")) => state,
        (status, _) => status,
    };
    status(state)
}

/// A class name that only letters and dashes can be in.
pub(super) fn class(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(40)
        .collect()
}

/// The first letters of a brand, for where a picture would be.
pub(super) fn initial(name: &str) -> String {
    name.chars()
        .find(|c| c.is_alphanumeric())
        .map_or_else(|| "·".to_owned(), |c| c.to_uppercase().collect())
}

/// A text as a part of a query.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// `host` of an http(s) address; none of another kind of address.
pub(super) fn web_host(address: &str) -> Option<String> {
    let lower = address.get(..8).unwrap_or(address).to_ascii_lowercase();
    let scheme = if lower.starts_with("https://") {
        8
    } else if lower.starts_with("http://") {
        7
    } else {
        return None;
    };
    let rest = address.get(scheme..)?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    let plain = !host.is_empty() && !host.chars().any(|c| c.is_control() || c.is_whitespace());
    plain.then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hidden_stays_hidden_and_nothing_is_markup() {
        let shown = Foreign("a<b>\u{202e}c\u{200b}").render().into_string();
        assert!(shown.starts_with("a&lt;b&gt;<span"), "{shown}");
        assert!(
            shown.contains("U+202E") && shown.contains("U+200B"),
            "{shown}"
        );
        assert!(!shown.contains(['\u{202e}', '\u{200b}']));
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(money(1_234_500), "$1.2345");
        assert_eq!(span(999), "999 ms");
        assert_eq!(span(61_500), "1 min 01 s");
        assert_eq!(words("short_copy"), "Short copy");
    }

    #[test]
    fn only_web_addresses_have_a_host() {
        assert_eq!(
            web_host("https://a.example/x?y").as_deref(),
            Some("a.example")
        );
        assert_eq!(
            web_host("HTTP://u:p@a.example:80").as_deref(),
            Some("a.example:80")
        );
        for bad in [
            "javascript:alert(1)",
            "//a.example",
            "https://",
            "data:text/html,x",
            "é",
        ] {
            assert_eq!(web_host(bad), None, "{bad}");
        }
    }
}
