//! From pieces to a report.

use std::cmp::Reverse;

use model::{
    brief::{Brand, CampaignBrief},
    job::CampaignInput,
    platform::Platform,
    report::{AuditReport, Category, Finding, Severity, Span, Verdict},
};

use crate::{
    catalogue::{RULES, RULES_VERSION},
    limits::{MAX_FINDINGS, MAX_QUOTES_BYTES},
    piece::Piece,
    rule::{Brief, Hits},
};

/// The name under which a report says that it was cut.
const CUT: &str = "report.cut";

/// What a text that no run made is judged against.
#[derive(Debug, Clone, Copy)]
pub enum Basis<'a> {
    /// A whole brief.
    Brief(&'a CampaignBrief),
    /// A brand, and the BCP 47 tag of the language that the text is in. What only a brief can support is
    /// not judged (see [`Entry::needs_brief`](crate::Entry)).
    Brand(&'a Brand, &'a str),
}

/// Judges `pieces` against the brief they were made from. Findings come by step, then by place; what
/// concerns a piece as a whole comes first.
pub fn audit(input: &CampaignInput, pieces: &[Piece]) -> AuditReport {
    report(findings(input, pieces))
}

/// What the rules find.
pub(crate) fn findings(input: &CampaignInput, pieces: &[Piece]) -> Vec<Finding> {
    judge(&Brief::new(&input.brief, true), pieces)
}

/// Judges a text that no run made: Markdown, or a post when `platform` is given. Spans have an empty path:
/// their offsets are the text's own.
pub fn audit_text(basis: Basis<'_>, platform: Option<Platform>, text: &str) -> AuditReport {
    let pieces = [Piece::text(text, platform)];
    match basis {
        Basis::Brief(brief) => report(judge(&Brief::new(brief, true), &pieces)),
        Basis::Brand(brand, language) => {
            let brief = CampaignBrief {
                brand: brand.clone(),
                language: language.to_owned(),
                ..CampaignBrief::default()
            };
            report(judge(&Brief::new(&brief, false), &pieces))
        }
    }
}

fn judge(brief: &Brief<'_>, pieces: &[Piece]) -> Vec<Finding> {
    let rules: Vec<_> = RULES
        .iter()
        .filter(|rule| brief.is_for(rule.as_ref()))
        .collect();
    let mut findings = Vec::new();
    for piece in pieces {
        let mut of_piece = Vec::new();
        for rule in &rules {
            let mut hits = Hits::default();
            rule.check(brief, piece, &mut hits);
            of_piece.extend(hits.into_vec().into_iter().map(|hit| {
                let finding = Finding {
                    rule: rule.id().to_owned(),
                    category: rule.category(),
                    severity: rule.severity(),
                    step: piece.step.as_str().to_owned(),
                    artifact_version: piece.version.as_str().to_owned(),
                    span: hit.span,
                    quote: hit.quote,
                    rationale: format!("{} {}", hit.what, rule.rationale()),
                    suggestion: hit.suggestion,
                };
                (finding, rule.yields_to())
            }));
        }
        findings.extend(most_specific(of_piece));
    }
    findings
}

/// The report of these findings.
pub(crate) fn report(findings: Vec<Finding>) -> AuditReport {
    let verdict = verdict(&findings);
    let score = score(&findings);
    AuditReport {
        verdict,
        score,
        findings: cut(findings),
        rules_version: RULES_VERSION.to_owned(),
        auditor: crate::agent::RULES.to_owned(),
        notes: Vec::new(),
    }
}

/// Without those that a finding of a more specific category covers.
fn most_specific(findings: Vec<(Finding, Option<Category>)>) -> Vec<Finding> {
    let stronger: Vec<(Category, Span)> = findings
        .iter()
        .filter(|(_, yields_to)| yields_to.is_none())
        .filter_map(|(finding, _)| Some((finding.category, finding.span.clone()?)))
        .collect();
    let covers = |category: Category, span: &Span| {
        stronger.iter().any(|(have, other)| {
            *have == category
                && other.path == span.path
                && other.start < span.end
                && span.start < other.end
        })
    };
    findings
        .into_iter()
        .filter(|(finding, yields_to)| match (yields_to, &finding.span) {
            (Some(category), Some(span)) => !covers(*category, span),
            _ => true,
        })
        .map(|(finding, _)| finding)
        .collect()
}

fn verdict(findings: &[Finding]) -> Verdict {
    match findings.iter().map(|finding| finding.severity).max() {
        Some(Severity::Blocker | Severity::Violation) => Verdict::Fail,
        Some(Severity::Warning) => Verdict::PassWithWarnings,
        Some(Severity::Info) | None => Verdict::Pass,
    }
}

/// The product over all findings of what each leaves: 1 for an info, 0.95 for a warning, 0.75 for a
/// violation, 0.4 for a blocker; to four digits. So it is 1 without a warning, never below 0, and each
/// finding lowers it.
fn score(findings: &[Finding]) -> f64 {
    let product: f64 = findings
        .iter()
        .map(|finding| match finding.severity {
            Severity::Info => 1.0,
            Severity::Warning => 0.95,
            Severity::Violation => 0.75,
            Severity::Blocker => 0.4,
        })
        .product();
    (product * 10_000.0).round() / 10_000.0
}

/// The worst findings that fit, in order of place, and a note of how many did not.
fn cut(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| Reverse(finding.severity));
    let mut quoted = 0;
    let kept = findings
        .iter()
        .take(MAX_FINDINGS)
        .take_while(|finding| {
            quoted += finding.quote.len();
            quoted <= MAX_QUOTES_BYTES
        })
        .count();
    let left = findings.split_off(kept);
    findings.sort_by(|a, b| {
        (&a.step, &a.span, &a.rule, &a.rationale).cmp(&(&b.step, &b.span, &b.rule, &b.rationale))
    });
    if let Some(first) = left.first() {
        findings.push(note(left.len(), first.category, first));
    }
    findings
}

fn note(left: usize, category: Category, first: &Finding) -> Finding {
    Finding {
        rule: CUT.to_owned(),
        category,
        severity: Severity::Info,
        step: first.step.clone(),
        artifact_version: first.artifact_version.clone(),
        span: None,
        quote: String::new(),
        rationale: format!("{left} more findings, none worse than these, did not fit the report."),
        suggestion: "Mend these first and audit again.".to_owned(),
    }
}

#[cfg(test)]
mod tests;
