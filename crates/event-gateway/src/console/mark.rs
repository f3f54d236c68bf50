//! Findings at their exact place in a text.

use maud::{Markup, Render, html};
use wire::campaign::v1::Finding;

use super::text::{self, Foreign};
use crate::limits::MAX_MARKS;

/// A finding's place in one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// The finding's number on the page, from 1.
    pub(super) number: usize,
    pub(super) severity: String,
    /// Byte offsets.
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A piece of text that the same findings cover.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece<'t, 'm> {
    pub(super) text: &'t str,
    /// Where it begins, bytes.
    pub(super) start: usize,
    /// The outermost finding that covers it.
    pub(super) mark: Option<&'m Mark>,
}

/// The marks of `findings` in the text at `path`. A span that is no place in this text gives none.
pub(super) fn marks<'f>(
    findings: impl IntoIterator<Item = (usize, &'f Finding)>,
    path: &str,
    text: &str,
) -> Vec<Mark> {
    let mut marks: Vec<Mark> = findings
        .into_iter()
        .filter_map(|(number, finding)| {
            let span = finding.span.as_ref().filter(|span| span.path == path)?;
            let (start, end) = (span.start as usize, span.end as usize);
            let is_place = start < end && text.get(start..end).is_some();
            is_place.then(|| Mark {
                number,
                severity: finding.severity.clone(),
                start,
                end,
            })
        })
        .take(MAX_MARKS)
        .collect();
    marks.sort_by_key(|mark| (mark.start, usize::MAX - mark.end, mark.number));
    marks
}

/// The text between `from` and `to`, cut where a mark begins or ends.
pub(super) fn pieces<'t, 'm>(
    text: &'t str,
    from: usize,
    to: usize,
    marks: &'m [Mark],
) -> Vec<Piece<'t, 'm>> {
    let mut cuts: Vec<usize> = marks
        .iter()
        .flat_map(|mark| [mark.start, mark.end])
        .filter(|cut| (from..to).contains(cut))
        .chain([from, to])
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2)
        .filter_map(|pair| {
            Some(Piece {
                text: text.get(pair[0]..pair[1])?,
                start: pair[0],
                mark: marks
                    .iter()
                    .find(|mark| mark.start <= pair[0] && pair[1] <= mark.end),
            })
        })
        .collect()
}

/// A text with its marks.
pub(super) fn marked(text: &str, marks: &[Mark]) -> Markup {
    html! { @for piece in pieces(text, 0, text.len(), marks) { (piece) } }
}

impl Render for Piece<'_, '_> {
    fn render_to(&self, buffer: &mut String) {
        let Some(mark) = self.mark else {
            return Foreign(self.text).render_to(buffer);
        };
        // The first piece of a finding is what its note leads to.
        let first = mark.start == self.start;
        let class = text::class(&mark.severity);
        html! {
            mark.{ "sev-" (class) } id=[first.then(|| format!("place-{}", mark.number))] {
                a href={ "#finding-" (mark.number) } data-finding=(mark.number)
                    aria-label=[first.then(|| format!("{} (finding {})", self.text, mark.number))] { (Foreign(self.text)) }
            }
        }
        .render_to(buffer);
    }
}

#[cfg(test)]
mod tests {
    use wire::campaign::v1::Span;

    use super::*;

    fn finding(path: &str, start: u32, end: u32) -> Finding {
        Finding {
            severity: "warning".to_owned(),
            span: Some(Span {
                path: path.to_owned(),
                start,
                end,
            }),
            ..Finding::default()
        }
    }

    #[test]
    fn exactly_the_bytes_of_a_span_are_marked() {
        let text = "Größe <b> zählt";
        let start = text.find("<b>").expect("there") as u32;
        let findings = [finding("/body", start, start + 3)];
        let marks = marks(findings.iter().enumerate(), "/body", text);
        let pieces: Vec<_> = pieces(text, 0, text.len(), &marks)
            .iter()
            .map(|piece| (piece.text, piece.mark.is_some()))
            .collect();
        assert_eq!(
            pieces,
            [("Größe ", false), ("<b>", true), (" zählt", false)]
        );
        let shown = marked(text, &marks).into_string();
        assert!(shown.contains(">&lt;b&gt;</a></mark> zählt"), "{shown}");
    }

    #[test]
    fn a_span_that_is_no_place_is_not_marked() {
        let text = "ßx";
        for (path, start, end) in [
            ("/a", 0, 1),
            ("/a", 0, 9),
            ("/a", 2, 2),
            ("/b", 0, 2),
            ("/a", 3, 2),
        ] {
            let findings = [finding(path, start, end)];
            assert_eq!(
                marks(findings.iter().enumerate(), "/a", text),
                [],
                "{path} {start}..{end}"
            );
        }
    }

    #[test]
    fn spans_that_overlap_lose_no_text() {
        let text = "abcdef";
        let findings = [
            finding("/a", 1, 4),
            finding("/a", 3, 6),
            finding("/a", 0, 6),
        ];
        let marks = marks(findings.iter().enumerate(), "/a", text);
        let whole: String = pieces(text, 0, 6, &marks)
            .iter()
            .map(|piece| piece.text)
            .collect();
        assert_eq!(whole, text);
    }
}
