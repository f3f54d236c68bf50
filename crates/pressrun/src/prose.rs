//! Live text as lines for a terminal.

use std::collections::BTreeMap;

use wire::events::v1::Delta;

/// A line longer than this is ended at the next space.
const LINE_BYTES: usize = 100;
/// Texts whose length is remembered; more begin anew.
const MAX_TEXTS: usize = 1_024;

/// Puts pieces of text together.
#[derive(Default)]
pub(crate) struct Prose {
    /// Bytes that came of each text, by job, draft and path, so that a hole shows.
    came: BTreeMap<(String, u32, String), u64>,
    /// The text that is being shown, and its line so far.
    at: (String, String),
    line: String,
}

impl Prose {
    /// The lines that are complete with this.
    pub(crate) fn take(&mut self, delta: &Delta) -> Vec<String> {
        let mut lines = Vec::new();
        for piece in &delta.pieces {
            let at = (delta.step.clone(), piece.path.clone());
            if at != self.at {
                lines.extend(self.end());
                self.at = at;
            }
            if self.came.len() > MAX_TEXTS {
                self.came.clear();
            }
            let text = (delta.job_id.clone(), delta.draft, piece.path.clone());
            let came = self.came.entry(text).or_default();
            if piece.at == 0 && delta.draft > 1 && self.line.is_empty() {
                self.line.push_str("(anew) ");
            }
            if piece.at != *came {
                self.line.push_str(" … ");
            }
            *came = piece.at.saturating_add(piece.text.len() as u64);
            for c in piece.text.chars() {
                let full = self.line.len() >= LINE_BYTES && c == ' ';
                if c == '\n' || full {
                    lines.extend(self.end());
                } else if !c.is_control() {
                    // What moves a terminal's cursor is not for the text to do.
                    self.line.push(c);
                }
            }
        }
        lines
    }

    /// The line that was begun, if there is one.
    pub(crate) fn end(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let (step, path) = &self.at;
        (!line.trim().is_empty()).then(|| format!("      {step}{path}  {line}"))
    }
}

#[cfg(test)]
mod tests {
    use wire::events::v1::Piece;

    use super::*;

    fn delta(draft: u32, pieces: &[(&str, u64, &str)]) -> Delta {
        Delta {
            step: "copy".to_owned(),
            job_id: "j".to_owned(),
            draft,
            pieces: pieces
                .iter()
                .map(|(path, at, text)| Piece {
                    path: (*path).to_owned(),
                    at: *at,
                    text: (*text).to_owned(),
                })
                .collect(),
            ..Delta::default()
        }
    }

    #[test]
    fn pieces_become_lines_and_holes_show() {
        let mut prose = Prose::default();
        assert!(prose.take(&delta(1, &[("/body", 0, "Good ")])).is_empty());
        let lines = prose.take(&delta(
            1,
            &[("/body", 5, "day.\nNext\u{1b}[2J"), ("/title", 3, "x")],
        ));
        assert_eq!(
            lines,
            ["      copy/body  Good day.", "      copy/body  Next[2J"]
        );
        assert_eq!(prose.end().as_deref(), Some("      copy/title   … x"));
        assert_eq!(prose.end(), None);
        prose.take(&delta(2, &[("/title", 0, "y")]));
        assert_eq!(prose.end().as_deref(), Some("      copy/title  (anew) y"));
    }

    #[test]
    fn a_long_line_ends_at_a_space() {
        let mut prose = Prose::default();
        let text = "word ".repeat(50);
        let lines = prose.take(&delta(1, &[("/body", 0, &text)]));
        assert_eq!(lines.len(), 2);
        assert!(lines[0].ends_with("word"));
    }
}
