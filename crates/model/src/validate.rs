//! Collecting every fault of an input at once, each at its field path.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Most problems reported for one input.
pub const MAX_PROBLEMS: usize = 100;

/// One fault of an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where, as a field path (`proof_points[2].claim`).
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Faults in the making; keeps the first [`MAX_PROBLEMS`].
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Notes a fault.
    pub fn push(&mut self, path: impl Into<String>, message: impl Into<String>) {
        if self.0.len() < MAX_PROBLEMS {
            self.0.push(Problem {
                path: path.into(),
                message: message.into(),
            });
        }
    }

    /// Notes a fault unless `ok`.
    pub fn check(&mut self, path: impl Into<String>, ok: bool, message: impl Into<String>) {
        if !ok {
            self.push(path, message);
        }
    }

    /// A required text: not blank, at most `max` characters, no control characters but tab and line ends.
    pub fn text(&mut self, path: &str, text: &str, max: usize) {
        if text.trim().is_empty() {
            self.push(path, "must not be empty");
        } else if text.len() > max && text.chars().count() > max {
            self.push(
                path,
                format!(
                    "must be at most {max} characters, has {}",
                    text.chars().count()
                ),
            );
        } else if let Some(bad) = text
            .chars()
            .find(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
        {
            self.push(
                path,
                format!(
                    "must not contain the control character U+{:04X}",
                    u32::from(bad)
                ),
            );
        }
    }

    /// A list of required texts.
    pub fn texts(&mut self, path: &str, list: &[String], max_len: usize, max_chars: usize) {
        self.at_most(path, list.len(), max_len);
        for (i, text) in list.iter().enumerate().take(max_len) {
            self.text(&format!("{path}[{i}]"), text, max_chars);
        }
    }

    /// A bound on a list's length.
    pub fn at_most(&mut self, path: &str, len: usize, max: usize) {
        self.check(
            path,
            len <= max,
            format!("must hold at most {max} entries, holds {len}"),
        );
    }

    /// An absolute http(s) address with a host and without credentials.
    pub fn web_address(&mut self, path: &str, text: &str) {
        let ok = text.len() <= 2_000
            && url::Url::parse(text).is_ok_and(|url| {
                matches!(url.scheme(), "http" | "https")
                    && url.has_host()
                    && url.username().is_empty()
                    && url.password().is_none()
            });
        self.check(
            path,
            ok,
            "must be an http(s) address such as https://example.com/offer",
        );
    }

    /// All faults, in the order found.
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}
