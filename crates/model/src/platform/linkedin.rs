//! LinkedIn: a post's text is "little text", in which reserved characters are escaped; the limit is on
//! the escaped text.

/// The text as the Posts API takes it: a backslash before each reserved character. Unescaped, LinkedIn
/// cuts the post at the first of them without an error.
pub fn little_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_reserved(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Length of [`little_text`] in UTF-16 units.
pub(super) fn escaped_length(text: &str) -> usize {
    text.chars()
        .map(|c| c.len_utf16() + usize::from(is_reserved(c)))
        .sum()
}

fn is_reserved(c: char) -> bool {
    "\\|{}@[]()<>#*_~".contains(c)
}
