//! Emoji sequences by the grammar of UTS #51: what is one picture is one unit, however many code points.

use unicode_segmentation::UnicodeSegmentation;

const ZWJ: char = '\u{200D}';
const EMOJI_STYLE: char = '\u{FE0F}';
const KEYCAP: char = '\u{20E3}';

/// Length in bytes of the emoji that `text` starts with. A sequence counts by its grammar, whether or not
/// a font has a picture for it; `©`, `®` and `™` are emoji only with the emoji style after them.
pub(super) fn len(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    if matches!(first, '0'..='9' | '#' | '*') {
        let rest = &text[1..];
        let styled = rest.strip_prefix(EMOJI_STYLE).unwrap_or(rest);
        let end = styled.strip_prefix(KEYCAP)?;
        return Some(text.len() - end.len());
    }
    if is_regional(first) {
        let len = first.len_utf8();
        let pair = text[len..].starts_with(is_regional);
        return Some(if pair { 2 * len } else { len });
    }
    let mut end = element_len(text)?;
    while let Some(joined) = text[end..].strip_prefix(ZWJ)
        && let Some(len) = element_len(joined)
    {
        end += ZWJ.len_utf8() + len;
    }
    Some(end)
}

/// One picture with its style, skin tone, keycap or tags.
fn element_len(text: &str) -> Option<usize> {
    let first = text.chars().next().filter(|&c| is_pictograph(c))?;
    let mut end = first.len_utf8();
    if text[end..].starts_with('\u{FE0E}') {
        return None;
    }
    let styled = text[end..].starts_with(EMOJI_STYLE);
    if styled {
        end += EMOJI_STYLE.len_utf8();
    } else if matches!(first, '©' | '®' | '™') {
        return None;
    }
    if let Some(tone) = text[end..].chars().next().filter(|&c| is_skin_tone(c)) {
        end += tone.len_utf8();
    }
    let tags: usize = text[end..]
        .chars()
        .take_while(|c| matches!(c, '\u{E0020}'..='\u{E007F}'))
        .map(char::len_utf8)
        .sum();
    Some(end + tags)
}

fn is_regional(c: char) -> bool {
    matches!(c, '\u{1F1E6}'..='\u{1F1FF}')
}

fn is_skin_tone(c: char) -> bool {
    matches!(c, '\u{1F3FB}'..='\u{1F3FF}')
}

/// Whether Unicode calls it an extended pictograph. The segmenter knows: a joiner makes one grapheme of
/// two characters only if both are (UAX #29, GB11).
fn is_pictograph(c: char) -> bool {
    let may_be = matches!(c, '©' | '®' | '\u{203C}'..='\u{3299}' | '\u{1F000}'..='\u{1FFFD}');
    may_be && {
        let joined: String = [c, ZWJ, '😀'].into_iter().collect();
        joined.graphemes(true).count() == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_is_one() {
        for emoji in [
            "😀",
            "☺",
            "☺\u{FE0F}",
            "👨‍👩‍👧‍👦",
            "🙋🏽",
            "👨‍🎤",
            "1\u{20E3}",
            "#\u{FE0F}\u{20E3}",
            "🇩🇪",
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
            "©\u{FE0F}",
            "❤️‍🔥",
            "🏳️‍🌈",
            "🧕🏾",
        ] {
            assert_eq!(len(emoji), Some(emoji.len()), "{emoji}");
            assert_eq!(len(&format!("{emoji}x")), Some(emoji.len()), "{emoji}");
        }
    }

    #[test]
    fn two_are_not_one() {
        assert_eq!(len("😀😀"), Some(4));
        assert_eq!(len("🇩🇪🇫🇷"), Some(8));
    }

    #[test]
    fn text_is_none() {
        for text in [
            "",
            "a",
            "1",
            "#tag",
            "©",
            "™",
            "日",
            "→",
            "\u{200D}",
            "☺\u{FE0E}",
        ] {
            assert_eq!(len(text), None, "{text}");
        }
    }
}
