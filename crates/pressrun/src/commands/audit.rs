//! `pressrun audit`: any text by the auditor's rules, in this process.

use std::{fmt::Write, path::Path};

use audit::{Basis, audit_text};
use model::{
    brief::Brand,
    library::Reference,
    report::{AuditReport, Finding, Severity, Verdict},
};

use super::keep;
use crate::{
    Failure,
    args::{Audit, Output},
    brief,
    client::Client,
    output,
};

/// Longest text that is judged, bytes.
const MAX_TEXT_BYTES: usize = 256 * 1024;
/// Most characters of a line that are shown around a finding.
const MAX_LINE_CHARS: usize = 100;

pub(super) async fn audit(
    client: impl Fn() -> Result<Client, Failure>,
    options: &Audit,
    format: Output,
) -> Result<(), Failure> {
    let stdin = std::path::Path::new("-");
    let named = [
        Some(&options.file),
        options.brand.as_ref(),
        options.brief.as_ref(),
    ];
    if named
        .into_iter()
        .flatten()
        .filter(|path| *path == stdin)
        .count()
        > 1
    {
        let message = "standard input can be read once: give the other as a file".to_owned();
        return Err(brief::invalid("-", "the file", message));
    }
    let text = brief::read_text(&options.file, MAX_TEXT_BYTES)?;
    let report = match &options.brief {
        Some(path) => {
            let mut brief = brief::read(path)?;
            if let Some(language) = &options.language {
                brief.language.clone_from(language);
            }
            audit_text(Basis::Brief(&brief), options.platform, &text)
        }
        None => {
            let brand = match &options.brand {
                Some(path) => match stored(path) {
                    Some(reference) => keep::brand(&client()?, reference).await?,
                    None => brief::read_brand(path)?,
                },
                None => Brand::default(),
            };
            let language = options.language.as_deref().unwrap_or("en");
            audit_text(Basis::Brand(&brand, language), options.platform, &text)
        }
    };
    let name = options.file.display().to_string();
    let (verdict, count) = (report.verdict, report.findings.len());
    match format {
        Output::Json => output::json(&wire::campaign::v1::AuditReport::from(report))?,
        Output::Text => output::line(render(&name, &text, &report).trim_end())?,
    }
    match verdict {
        Verdict::Fail => Err(Failure::NotPassed(format!(
            "{name} fails the audit: {}",
            findings(count)
        ))),
        Verdict::Pass | Verdict::PassWithWarnings => Ok(()),
    }
}

/// The stored brand that is meant where there is no such file.
fn stored(path: &Path) -> Option<Reference> {
    let name = path.to_str().filter(|_| !path.exists())?;
    name.parse().ok().filter(|_| name != "-")
}

fn findings(count: usize) -> String {
    match count {
        1 => "1 finding".to_owned(),
        _ => format!("{count} findings"),
    }
}

/// The report for people, each finding with its place and the line it stands in.
fn render(name: &str, text: &str, report: &AuditReport) -> String {
    let mut out = String::new();
    let written = report
        .findings
        .iter()
        .try_for_each(|finding| write_finding(&mut out, name, text, finding))
        .and_then(|()| {
            writeln!(
                out,
                "{name}: {}, score {:.2}, {} (rules {})",
                report.verdict.as_str().replace('_', " "),
                report.score,
                findings(report.findings.len()),
                report.rules_version
            )
        });
    match written {
        // Writing to a String cannot fail.
        Ok(()) | Err(std::fmt::Error) => out,
    }
}

fn write_finding(out: &mut String, name: &str, text: &str, finding: &Finding) -> std::fmt::Result {
    let severity = severity(finding.severity);
    let place = finding.span.as_ref().and_then(|span| {
        let (start, end) = (span.start as usize, span.end as usize);
        (start <= end && end <= text.len()).then(|| Place::of(text, start, end))
    });
    match place {
        Some(place) => {
            writeln!(
                out,
                "{name}:{}:{} {severity} {}",
                place.line, place.column, finding.rule
            )?;
            writeln!(out, "  | {}", place.shown)?;
            writeln!(
                out,
                "  | {}{}",
                " ".repeat(place.before),
                "^".repeat(place.marked)
            )?;
        }
        None => writeln!(out, "{name} {severity} {}", finding.rule)?,
    }
    writeln!(out, "  {}", visible(&finding.rationale))?;
    writeln!(out, "  {}\n", visible(&finding.suggestion))
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Violation => "violation",
        Severity::Blocker => "blocker",
    }
}

/// Where a finding stands, and its line as a terminal shows it.
struct Place {
    /// From 1.
    line: usize,
    /// From 1, in characters.
    column: usize,
    shown: String,
    /// Characters of `shown` before the finding.
    before: usize,
    /// Characters of `shown` that are the finding's, at least one.
    marked: usize,
}

impl Place {
    fn of(text: &str, start: usize, end: usize) -> Self {
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let column = text[line_start..start].chars().count();
        let length = text[start..end.min(line_end)].chars().count();
        // A long line is shown from shortly before the finding.
        let skipped = (column + length).saturating_sub(MAX_LINE_CHARS).min(column);
        let line = &text[line_start..line_end];
        let shown: String = line.chars().skip(skipped).take(MAX_LINE_CHARS).collect();
        let before = column - skipped;
        let left = shown.chars().count().saturating_sub(before);
        Self {
            line: text[..start].matches('\n').count() + 1,
            column: column + 1,
            shown: visible(&shown),
            before,
            marked: length.min(left).max(1),
        }
    }
}

/// Without what would steer a terminal; each such character becomes one that is seen.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => ' ',
            c if c.is_control()
                || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}') =>
            {
                '·'
            }
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../samples/post.md");

    fn report(text: &str) -> AuditReport {
        let brand = brief::parse_brand("sample", include_str!("../../samples/brand.yaml")).unwrap();
        audit_text(Basis::Brand(&brand, "en"), None, text)
    }

    #[test]
    fn the_sample_shows_findings_of_many_kinds_by_line_and_column() {
        let shown = render("post.md", SAMPLE, &report(SAMPLE));
        for expect in [
            "post.md violation disclosures.required",
            "post.md:3:1 warning inclusive.term",
            "post.md:3:25 violation terms.banned",
            "  | Hey guys, the Tern 2 is revolutionary!!! It cures headaches, and our lawyers\n  |                         ^^^^^^^^^^^^^\n",
            "post.md:3:38 warning voice.exclamation",
            "post.md:6:8 warning accessibility.link_text",
            "warning links.shortener",
            "violation personal_data.email",
            "post.md: fail, score ",
        ] {
            assert!(shown.contains(expect), "{expect}\n\n{shown}");
        }
    }

    #[test]
    fn long_lines_are_shown_around_the_finding() {
        let text = format!("{}\u{1b}[31m revolutionary\n", "é ".repeat(200));
        let at = text.find("revolutionary").unwrap();
        let place = Place::of(&text, at, at + 13);
        assert_eq!((place.line, place.column), (1, 407));
        assert!(place.shown.chars().count() <= MAX_LINE_CHARS && !place.shown.contains('\u{1b}'));
        let marked: String = place
            .shown
            .chars()
            .skip(place.before)
            .take(place.marked)
            .collect();
        assert_eq!(marked, "revolutionary");
    }

    #[test]
    fn a_clean_text_passes() {
        let shown = render(
            "-",
            "Dry feet on wet trails.",
            &report("Dry feet on wet trails. Prices include VAT."),
        );
        assert!(
            shown.starts_with("-: pass, score 1.00, 0 findings"),
            "{shown}"
        );
    }
}
