//! The texts of an artifact as fields of a form, and what was typed put back in their places.

use std::fmt::Write as _;

use maud::{Markup, html};
use model::{artifact::ShortCopyVariant, platform::Platform, publication::Post};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    compare::{PICTURES, label},
    door::Sent,
    text,
};
use crate::limits::{EDITED_ROWS, EDITED_TEXTS};

/// Characters of a row, roughly.
const ROW_CHARS: usize = 64;
/// The count that a post carries of itself.
const COUNT: &str = "character_count";

/// One field: a text, or a list of short ones, one a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Where it stands in the artifact.
    pointer: String,
    text: String,
    is_list: bool,
}

impl Field {
    /// What it is called in the form.
    fn name(&self) -> String {
        format!("at:{}", self.pointer)
    }

    /// What was typed, when it is another text than was there: a browser ends lines in its own way.
    fn typed<'a>(&self, sent: &'a Sent) -> Option<Typed<'a>> {
        let name = self.name();
        let raw = sent.0.iter().find(|(field, _)| *field == name)?.1.as_str();
        let now = unix(raw);
        (now != unix(&self.text)).then_some(Typed { raw, now })
    }
}

struct Typed<'a> {
    raw: &'a str,
    now: String,
}

fn unix(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// The fields of an artifact; none when it has more than a form may send.
pub(super) fn fields(content: &Value) -> Option<Vec<Field>> {
    let mut found = Vec::new();
    walk(content, &mut String::new(), &mut found);
    (found.len() <= EDITED_TEXTS).then_some(found)
}

fn walk(value: &Value, at: &mut String, found: &mut Vec<Field>) {
    let length = at.len();
    match value {
        // A picture is named by its hash, which nobody types.
        Value::Object(_) if PICTURES.contains(&at.as_str()) => {}
        Value::String(text) => found.push(Field {
            pointer: at.clone(),
            text: text.clone(),
            is_list: false,
        }),
        Value::Array(items) => {
            if let Some(lines) = lines(items) {
                found.push(Field {
                    pointer: at.clone(),
                    text: lines,
                    is_list: true,
                });
                return;
            }
            for (i, item) in items.iter().enumerate() {
                // Writing to a text cannot fail.
                let _ok = write!(at, "/{i}");
                walk(item, at, found);
                at.truncate(length);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                at.push('/');
                at.push_str(&name.replace('~', "~0").replace('/', "~1"));
                walk(field, at, found);
                at.truncate(length);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A list of short texts, each on its line.
fn lines(items: &[Value]) -> Option<String> {
    let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
    let texts = texts.filter(|texts| !texts.is_empty())?;
    let is_line = |text: &&str| !text.trim().is_empty() && !text.contains(['\n', '\r']);
    texts.iter().all(is_line).then(|| texts.join("\n"))
}

/// The artifact with what was typed in place of what was there; none when it is the same.
pub(super) fn applied(content: &Value, sent: &Sent) -> Option<Value> {
    let mut edited = content.clone();
    for field in fields(content)? {
        let (Some(typed), Some(place)) = (field.typed(sent), edited.pointer_mut(&field.pointer))
        else {
            continue;
        };
        *place = if field.is_list {
            let lines = typed.now.lines().map(str::trim);
            lines.filter(|line| !line.is_empty()).collect()
        } else {
            Value::String(typed.now)
        };
    }
    if edited == *content {
        return None;
    }
    recount(&mut edited, None);
    Some(edited)
}

/// A post says how long it is: it is to stay true.
fn recount(value: &mut Value, platform: Option<Platform>) {
    if value.get(COUNT).is_some() {
        let count = as_typed::<Post>(value)
            .map(|post| post.platform.count(&post.whole()))
            .or_else(|| {
                let variant = as_typed::<ShortCopyVariant>(value)?;
                Some(platform?.count(&variant.post_text()))
            });
        if let Some(count) = count {
            value[COUNT] = json!(count);
        }
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| recount(item, platform)),
        Value::Object(fields) => {
            for (name, field) in fields {
                recount(field, Platform::parse(name).or(platform));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn as_typed<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}

/// The fields as a person fills them; `sent` is what they had typed before.
pub(super) fn inputs(fields: &[Field], sent: Option<&Sent>, language: Option<&str>) -> Markup {
    html! {
        @for (i, field) in fields.iter().enumerate() {
            @let typed = sent.and_then(|sent| field.typed(sent));
            @let shown = typed.as_ref().map_or(field.text.as_str(), |typed| typed.raw);
            div.field {
                label for={ "text-" (i) } { (name(field)) }
                // The first line break of a field is no part of its text.
                textarea id={ "text-" (i) } name=(field.name()) rows=(rows(shown)) dir="auto" lang=[language]
                    aria-describedby=[hint(field).map(|_| format!("hint-{i}"))] { "\n" (shown) }
                @if let Some(hint) = hint(field) { p.hint id={ "hint-" (i) } { (hint) } }
            }
        }
    }
}

fn name(field: &Field) -> String {
    match label(&field.pointer).as_str() {
        "" => "Text".to_owned(),
        label => label.to_owned(),
    }
}

fn hint(field: &Field) -> Option<&'static str> {
    match (field.is_list, text::has_hidden(&field.text)) {
        (true, false) => Some("One a line."),
        (true, true) => Some("One a line. It holds invisible characters."),
        (false, true) => Some("It holds invisible characters."),
        (false, false) => None,
    }
}

fn rows(text: &str) -> usize {
    let of_line = |line: &str| line.chars().count() / ROW_CHARS + 1;
    let rows: usize = text.lines().map(of_line).sum();
    rows.clamp(1, EDITED_ROWS)
}

/// What was typed, for who must type it again into another version.
pub(super) fn kept(sent: &Sent) -> Vec<(String, &str)> {
    let texts = sent.0.iter().filter_map(|(name, text)| {
        let pointer = name.strip_prefix("at:")?;
        Some((label(pointer), text.as_str()))
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(pairs: &[(&str, &str)]) -> Sent {
        let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        Sent(pairs.iter().map(own).collect())
    }

    #[test]
    fn only_texts_that_were_typed_anew_change_and_only_where_there_was_one() {
        let content = json!({
            "body": "one\r\ntwo", "n": 3, "a/b": {"~": "x"}, "list": ["a", "b"], "none": [],
            "parts": [{"text": "p"}], "poster": {"png": {"hash": "h"}, "layout": "wide"},
        });
        let pointers: Vec<_> = fields(&content)
            .expect("few")
            .into_iter()
            .map(|field| (field.pointer, field.is_list))
            .collect();
        let own = |pointer: &str, is_list| (pointer.to_owned(), is_list);
        assert_eq!(
            pointers,
            [
                own("/a~1b/~0", false),
                own("/body", false),
                own("/list", true),
                own("/parts/0/text", false),
                own("/poster/layout", false),
            ]
        );
        // As a browser sends a form in which one field was changed.
        let form = sent(&[
            ("at:/body", "one\r\ntwo"),
            ("at:/list", "a\r\n\r\n c \r\nd"),
            ("at:/a~1b/~0", "x"),
            ("at:/n", "4"),
            ("at:/poster/png/hash", "other"),
            ("at:/new", "z"),
        ]);
        let mut wanted = content.clone();
        wanted["list"] = json!(["a", "c", "d"]);
        assert_eq!(applied(&content, &form), Some(wanted));
        assert_eq!(applied(&content, &sent(&[("at:/body", "one\ntwo")])), None);
    }

    #[test]
    fn a_post_that_was_changed_counts_itself_anew() {
        let short = json!({"platforms": {"bluesky": [
            {"text": "a", "hashtags": ["t"], "link": null, "character_count": 5},
        ]}});
        let edited = applied(&short, &sent(&[("at:/platforms/bluesky/0/text", "añb")]));
        // Three letters, an empty line, a tag.
        assert_eq!(
            edited.expect("changed")["platforms"]["bluesky"][0][COUNT],
            7
        );

        let post = json!({"post": {
            "platform": "x", "text": "a", "hashtags": ["t"], "call_to_action": "Go", "link": null, "character_count": 9,
        }});
        let edited = applied(&post, &sent(&[("at:/post/text", "ab")])).expect("changed");
        assert_eq!(edited["post"][COUNT], "ab\n\nGo\n\n#t".len());
    }

    #[test]
    fn a_text_can_leave_its_field_in_no_way() {
        let content = json!({"\"><script>": "</textarea><script>alert(1)</script>\u{202e}"});
        let shown = inputs(&fields(&content).expect("few"), None, None).into_string();
        assert!(!shown.contains("<script"), "{shown}");
        assert_eq!(shown.matches("</textarea>").count(), 1, "{shown}");
        assert!(shown.contains("invisible characters"), "{shown}");
    }

    #[test]
    fn an_artifact_with_more_texts_than_a_form_takes_has_no_form() {
        let many = |n: usize| Value::Array((0..n).map(|i| json!({"t": i.to_string()})).collect());
        assert!(fields(&many(EDITED_TEXTS)).is_some());
        assert_eq!(fields(&many(EDITED_TEXTS + 1)), None);
    }
}
