//! From pieces to a report.

use std::cmp::Reverse;

use model::{
    job::CampaignInput,
    report::{AuditReport, Category, Finding, Severity, Verdict},
};

use crate::{
    catalogue::{RULES, RULES_VERSION},
    claims::Support,
    limits::{MAX_FINDINGS, MAX_QUOTES_BYTES},
    piece::Piece,
    rule::{Brief, Hits},
};

/// The name under which a report says that it was cut.
const CUT: &str = "report.cut";

/// Judges `pieces` against the brief they were made from. Findings come by step, then by place; what
/// concerns a piece as a whole comes first.
pub fn audit(input: &CampaignInput, pieces: &[Piece]) -> AuditReport {
    report(findings(input, pieces))
}

/// What the rules find.
pub(crate) fn findings(input: &CampaignInput, pieces: &[Piece]) -> Vec<Finding> {
    let brief = Brief {
        brief: &input.brief,
        support: Support::of(&input.brief),
    };
    let mut findings = Vec::new();
    for piece in pieces {
        for rule in RULES {
            let mut hits = Hits::default();
            rule.check(&brief, piece, &mut hits);
            findings.extend(hits.into_vec().into_iter().map(|hit| Finding {
                rule: rule.id().to_owned(),
                category: rule.category(),
                severity: rule.severity(),
                step: piece.step.as_str().to_owned(),
                artifact_version: piece.version.as_str().to_owned(),
                span: hit.span,
                quote: hit.quote,
                rationale: format!("{} {}", hit.what, rule.rationale()),
                suggestion: hit.suggestion,
            }));
        }
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
