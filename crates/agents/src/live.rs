//! An answer as prose for those who watch it being written.

use std::sync::{Mutex, PoisonError};

use llm::{Sink, live::Reader};
use worker::Live;

/// The texts of an artifact that a viewer is shown: JSON pointers, `*` for any segment. Addresses, colours
/// and counts are none.
fn fields(kind: &str) -> &'static [&'static str] {
    match kind {
        "copy" => &[
            "/headline_options/*",
            "/subhead",
            "/body",
            "/key_benefits/*",
            "/seo/title",
            "/seo/description",
        ],
        "short_copy" => &["/platforms/*/*/text"],
        "visual_concept" => &[
            "/title",
            "/rationale",
            "/composition",
            "/image_prompt",
            "/alt_text",
        ],
        "text_only" => &["/post/text", "/post/call_to_action"],
        "text_image" => &[
            "/post/text",
            "/post/call_to_action",
            "/image_prompt",
            "/alt_text",
        ],
        "text_template" => &["/values/*", "/alt_text"],
        "carousel" => &[
            "/slides/*/title",
            "/slides/*/body",
            "/slides/*/alt_text",
            "/call_to_action",
        ],
        _ => &[],
    }
}

/// Reads one job's answers for its viewers.
pub(crate) struct Shown<'a> {
    kind: &'static str,
    live: &'a Live,
    reader: Mutex<Reader>,
}

impl<'a> Shown<'a> {
    pub(crate) fn new(kind: &'static str, live: &'a Live) -> Self {
        Self {
            kind,
            live,
            reader: Mutex::new(Reader::new(fields(kind))),
        }
    }
}

impl Sink for Shown<'_> {
    fn begin(&self) {
        *self.reader.lock().unwrap_or_else(PoisonError::into_inner) =
            Reader::new(fields(self.kind));
        self.live.begin();
    }

    fn text(&self, piece: &str) {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in reader.read(piece) {
            self.live.text(&piece.path, piece.at, &piece.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// A field that a schema does not have would be shown never.
    #[test]
    fn every_field_is_a_text_of_its_schema() {
        let campaign = crate::TASKS.map(|task| (task.kind(), task.schema()));
        let publications = crate::PUBLICATIONS.map(|task| (task.kind(), task.schema()));
        for (kind, schema) in campaign.into_iter().chain(publications) {
            let schema: Value = serde_json::from_str(schema).unwrap();
            assert!(!fields(kind).is_empty(), "{kind}");
            for field in fields(kind) {
                let end = field.split('/').skip(1).fold(&schema, |at, segment| {
                    let at = at["$ref"]
                        .as_str()
                        .and_then(|pointer| schema.pointer(pointer.strip_prefix('#')?))
                        .unwrap_or(at);
                    match (segment, at["properties"].as_object()) {
                        ("*", None) if at["items"].is_object() => &at["items"],
                        ("*", None) => &at["additionalProperties"],
                        ("*", Some(named)) => named.values().next().unwrap(),
                        (name, _) => &at["properties"][name],
                    }
                });
                assert_eq!(end["type"], "string", "{field}");
            }
        }
    }
}
