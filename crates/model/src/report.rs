//! What an auditor says of artifacts.

use serde::{Deserialize, Serialize};

/// The outcome of an audit, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing to mend.
    Pass,
    /// Can go out; look at the findings.
    PassWithWarnings,
    /// Must not go out as it is.
    Fail,
}

impl Verdict {
    /// The name used in records and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::PassWithWarnings => "pass_with_warnings",
            Self::Fail => "fail",
        }
    }
}

/// How bad a finding is, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Should be looked at.
    Warning,
    /// Breaks a rule.
    Violation,
    /// Must never be published.
    Blocker,
}

/// What a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// The brand's voice.
    BrandVoice,
    /// Words that must or must not be there.
    Terms,
    /// Claims that the brief does not support.
    UnsupportedClaims,
    /// Claims that the law regulates.
    RegulatedClaims,
    /// Disclosures and disclaimers.
    Disclosures,
    /// A platform's limits and customs.
    PlatformRules,
    /// Inclusive language.
    InclusiveLanguage,
    /// Personal data.
    PersonalData,
    /// Accessibility.
    Accessibility,
    /// Readability.
    Readability,
    /// Addresses.
    Links,
    /// The language that was asked for.
    Language,
}

/// Where a finding is: UTF-8 byte offsets into the string at `path` of the artifact's JSON.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// JSON pointer (RFC 6901) to the string.
    pub path: String,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// One thing that an auditor found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's id (`terms.banned`).
    pub rule: String,
    /// What the rule is about.
    pub category: Category,
    /// How bad.
    pub severity: Severity,
    /// The step whose artifact it is about.
    pub step: String,
    /// Hash of the artifact version that was read.
    pub artifact_version: String,
    /// Where; absent when something is missing as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// The text in question, as it stands there.
    pub quote: String,
    /// Why it is a finding.
    pub rationale: String,
    /// What to do.
    pub suggestion: String,
}

/// An auditor's whole answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditReport {
    /// The outcome.
    pub verdict: Verdict,
    /// 0 to 1.
    pub score: f64,
    /// What was found, by step, then by place.
    pub findings: Vec<Finding>,
    /// The rules' version.
    pub rules_version: String,
    /// Who judged: `rules`, or `rules+model:<name>`.
    pub auditor: String,
    /// What a reader should know of how the report came about, such as a model that did not answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl AuditReport {
    /// One report out of several: the worst verdict, the lowest score, the findings joined in the order
    /// given (`spec/campaign.md`, sequential). `None` for none.
    pub fn join(reports: impl IntoIterator<Item = Self>) -> Option<Self> {
        reports.into_iter().reduce(|mut all, next| {
            all.verdict = all.verdict.max(next.verdict);
            all.score = all.score.min(next.score);
            all.findings.extend(next.findings);
            for note in next.notes {
                if !all.notes.contains(&note) {
                    all.notes.push(note);
                }
            }
            for (whole, part) in [
                (&mut all.rules_version, next.rules_version),
                (&mut all.auditor, next.auditor),
            ] {
                if *whole != part && !whole.split('+').any(|have| have == part) {
                    whole.push('+');
                    whole.push_str(&part);
                }
            }
            all
        })
    }
}
