//! Prose out of JSON that is still being written, so that a viewer reads text and no syntax.
//!
//! It only looks: what becomes of an answer is decided on the whole of it, checked. So whatever is no JSON
//! here ends the showing, and nothing else.

use model::limits::MAX_JSON_DEPTH;

use crate::{limits::MAX_PATH_BYTES, structured::is_hidden};

/// A piece of one text of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// JSON pointer to the string.
    pub path: String,
    /// Bytes of that string that came before, so that a hole shows.
    pub at: u64,
    /// What follows them.
    pub text: String,
}

/// Reads an answer piece by piece.
#[derive(Debug)]
pub struct Reader {
    /// Paths whose strings are shown; `*` stands for any name or place.
    fields: &'static [&'static str],
    /// Where we are, outermost first.
    stack: Vec<Level>,
    string: Option<Text>,
    /// Nothing more is shown: the document is over, or none.
    over: bool,
}

#[derive(Debug)]
enum Level {
    Object {
        /// The last name.
        key: String,
        /// Whether a string here is a name.
        at_key: bool,
    },
    Array(usize),
}

/// The string that is being read.
#[derive(Debug)]
struct Text {
    what: What,
    escape: Escape,
    /// First half of a character that is written as two `\u`.
    half: Option<u32>,
}

#[derive(Debug)]
enum What {
    Key,
    /// Its path and how much of it is out.
    Shown(String, u64),
    Skipped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    None,
    Begun,
    /// Of `\u`: how many digits, and their number.
    Code(u32, u32),
}

impl Reader {
    /// A reader that shows the strings at `fields`: JSON pointers with `*` for any segment.
    pub fn new(fields: &'static [&'static str]) -> Self {
        Self {
            fields,
            stack: Vec::new(),
            string: None,
            over: false,
        }
    }

    /// Reads on; what can be shown now.
    pub fn read(&mut self, json: &str) -> Vec<Piece> {
        let mut out = Vec::new();
        // A string that goes on from the last piece begins a piece of its own.
        let mut fresh = true;
        for c in json.chars() {
            if self.over {
                break;
            }
            match self.string.take() {
                Some(text) => self.in_string(text, c, &mut fresh, &mut out),
                None => self.between(c, &mut fresh),
            }
        }
        out
    }

    fn between(&mut self, c: char, fresh: &mut bool) {
        match c {
            '{' => self.push(Level::Object {
                key: String::new(),
                at_key: true,
            }),
            '[' => self.push(Level::Array(0)),
            '}' | ']' if !self.stack.is_empty() => {
                self.stack.pop();
                self.over = self.stack.is_empty();
            }
            // Before the document: a fence, or talk.
            _ if self.stack.is_empty() => {}
            ',' => match self.stack.last_mut() {
                Some(Level::Array(index)) => *index += 1,
                Some(Level::Object { at_key, .. }) => *at_key = true,
                None => {}
            },
            ':' => {
                if let Some(Level::Object { at_key, .. }) = self.stack.last_mut() {
                    *at_key = false;
                }
            }
            '"' => {
                *fresh = true;
                let what = self.what();
                self.string = Some(Text {
                    what,
                    escape: Escape::None,
                    half: None,
                });
            }
            _ => {}
        }
    }

    fn push(&mut self, level: Level) {
        self.stack.push(level);
        self.over = self.stack.len() > MAX_JSON_DEPTH;
    }

    /// What the string is that begins here.
    fn what(&mut self) -> What {
        if let Some(Level::Object { key, at_key: true }) = self.stack.last_mut() {
            key.clear();
            return What::Key;
        }
        let segments: Vec<String> = self
            .stack
            .iter()
            .map(|level| match level {
                Level::Object { key, .. } => key.replace('~', "~0").replace('/', "~1"),
                Level::Array(index) => index.to_string(),
            })
            .collect();
        let shown = self.fields.iter().any(|field| {
            let wanted: Vec<&str> = field.split('/').skip(1).collect();
            wanted.len() == segments.len()
                && wanted
                    .iter()
                    .zip(&segments)
                    .all(|(wanted, is)| *wanted == "*" || wanted == is)
        });
        if shown {
            What::Shown(format!("/{}", segments.join("/")), 0)
        } else {
            What::Skipped
        }
    }

    fn in_string(&mut self, mut text: Text, c: char, fresh: &mut bool, out: &mut Vec<Piece>) {
        let read = match text.escape {
            Escape::None if c == '"' => return,
            Escape::None if c == '\\' => {
                text.escape = Escape::Begun;
                None
            }
            Escape::None => {
                text.half = None;
                Some(c)
            }
            Escape::Begun if c == 'u' => {
                text.escape = Escape::Code(0, 0);
                None
            }
            Escape::Begun => {
                text.escape = Escape::None;
                Some(match c {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    other => other,
                })
            }
            Escape::Code(digits, code) => {
                let Some(digit) = c.to_digit(16) else {
                    self.over = true;
                    return;
                };
                let code = code * 16 + digit;
                if digits < 3 {
                    text.escape = Escape::Code(digits + 1, code);
                    None
                } else {
                    text.escape = Escape::None;
                    character(code, &mut text.half)
                }
            }
        };
        if let Some(c) = read.filter(|c| !is_hidden(*c)) {
            self.take(&mut text.what, c, fresh, out);
        }
        self.string = Some(text);
    }

    fn take(&mut self, what: &mut What, c: char, fresh: &mut bool, out: &mut Vec<Piece>) {
        match what {
            What::Key => {
                if let Some(Level::Object { key, .. }) = self.stack.last_mut() {
                    key.push(c);
                    self.over = key.len() > MAX_PATH_BYTES;
                }
            }
            What::Shown(path, at) => {
                if std::mem::take(fresh) {
                    out.push(Piece {
                        path: path.clone(),
                        at: *at,
                        text: String::new(),
                    });
                }
                if let Some(piece) = out.last_mut() {
                    piece.text.push(c);
                    *at += c.len_utf8() as u64;
                }
            }
            What::Skipped => {}
        }
    }
}

/// The character of a `\u` code; the first half of a pair waits for the second.
fn character(code: u32, half: &mut Option<u32>) -> Option<char> {
    match (half.take(), code) {
        (Some(high), 0xDC00..=0xDFFF) => {
            char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (code - 0xDC00))
        }
        (_, 0xD800..=0xDBFF) => {
            *half = Some(code);
            None
        }
        _ => char::from_u32(code),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// What a viewer has in the end; every piece must follow on the one before.
    fn shown(fields: &'static [&'static str], pieces: &[&str]) -> BTreeMap<String, String> {
        let mut reader = Reader::new(fields);
        let mut all: BTreeMap<String, String> = BTreeMap::new();
        for piece in pieces.iter().flat_map(|piece| reader.read(piece)) {
            let text = all.entry(piece.path).or_default();
            assert_eq!(text.len() as u64, piece.at);
            assert!(!piece.text.is_empty());
            text.push_str(&piece.text);
        }
        all
    }

    const FIELDS: &[&str] = &["/title", "/list/*", "/by/*/*/text", "/a~1b"];

    #[test]
    fn strings_of_the_wanted_fields_however_they_are_cut() {
        let json = json!({
            "title": "A \"quoted\" ä\n\u{1F600} title, {not} [syntax]: \\",
            "other": "no", "n": 1.5e3, "t": true, "z": null,
            "list": ["one", "two"], "a/b": "slash",
            "by": {"x": [{"text": "first", "link": "no"}, {"text": "second"}]},
            "deep": {"title": "no"},
        })
        .to_string()
        .replace('😀', "\\ud83d\\ude00");
        let whole = format!("Here it is:\n```json\n{json}\n```\n{{\"title\":\"after\"}}");
        let wanted: BTreeMap<String, String> = [
            ("/title", "A \"quoted\" ä\n😀 title, {not} [syntax]: \\"),
            ("/list/0", "one"),
            ("/list/1", "two"),
            ("/a~1b", "slash"),
            ("/by/x/0/text", "first"),
            ("/by/x/1/text", "second"),
        ]
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .into();
        assert_eq!(shown(FIELDS, &[&whole]), wanted);
        let letters: Vec<String> = whole.chars().map(String::from).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        assert_eq!(shown(FIELDS, &letters), wanted);
    }

    #[test]
    fn what_is_hidden_is_not_shown_and_what_is_no_json_ends() {
        let got = shown(FIELDS, &["{\"title\":\"a\\u202eb\\u0000c\\ud800d\"}"]);
        assert_eq!(got["/title"], "abcd");
        assert!(shown(FIELDS, &["{\"title\":\"\\uzz\", \"list\":[\"x\"]}"]).is_empty());
        let deep = "[".repeat(10_000);
        assert!(shown(FIELDS, &[&deep, "\"x\""]).is_empty());
        let key = format!(
            "{{\"{}\":0,\"title\":\"x\"}}",
            "k".repeat(MAX_PATH_BYTES + 1)
        );
        assert!(shown(FIELDS, &[&key]).is_empty());
    }

    proptest! {
        #[test]
        fn any_text_comes_out_as_it_went_in(title in any::<String>(), cut in 0_usize..200) {
            let json = json!({"title": title}).to_string();
            let cut = json.floor_char_boundary(cut.min(json.len()));
            let (first, second) = json.split_at(cut);
            let got = shown(FIELDS, &[first, second]);
            let visible = crate::structured::visible(&title);
            prop_assert_eq!(got.get("/title").map_or("", String::as_str), visible);
        }

        #[test]
        fn nothing_panics(pieces in proptest::collection::vec("[\\[\\]{}\",:\\\\u0-9a-fx ]{0,20}", 0..6)) {
            let mut reader = Reader::new(FIELDS);
            for piece in &pieces {
                reader.read(piece);
            }
        }
    }
}
