//! The catalogue as the page `docs/reference/audit-rules.md`.

use std::fmt::Write;

use model::report::{Category, Severity};

use crate::catalogue::{Entry, RULES_VERSION, catalogue};

const OPENING: &str = "\
# Audit rules

<!-- Written by `UPDATE_GOLDEN=1 cargo test -p audit reference`; a test compares it with the code. -->

What the auditor looks for. Each finding carries its rule's id, the words in question with their exact place
(UTF-8 byte offsets), why, and what to do. A rule that is limited to some languages says nothing about texts in
others: they are **not covered** by it, and a report without findings does not mean that they keep to it.

A **blocker** must never be published, a **violation** breaks a rule: both make the verdict `fail`. A **warning**
makes it `pass_with_warnings`, an **info** changes nothing. The score is the product of 0.4 for each blocker, 0.75 for
each violation and 0.95 for each warning.

The rules point to laws and guides as their reason. They are no legal advice, and no finding is no clearance.
";

/// The page.
pub(crate) fn page() -> String {
    let mut out = OPENING.to_owned();
    match write_page(&mut out, &catalogue()) {
        // Writing to a String cannot fail.
        Ok(()) | Err(std::fmt::Error) => out,
    }
}

fn write_page(out: &mut String, all: &[Entry]) -> std::fmt::Result {
    writeln!(
        out,
        "\nVersion of the rules: `{RULES_VERSION}`, {} rules.",
        all.len()
    )?;
    let mut category = None;
    for entry in all {
        if category != Some(entry.category) {
            category = Some(entry.category);
            writeln!(out, "\n## {}", title(entry.category))?;
        }
        writeln!(out, "\n### `{}`\n", entry.id)?;
        let languages = match entry.languages.as_slice() {
            [] => "every language".to_owned(),
            some => format!("only {}", some.join(", ")),
        };
        let basis = if entry.needs_brief {
            "; needs a whole brief"
        } else {
            ""
        };
        writeln!(out, "{} · {languages}{basis}\n", severity(entry.severity))?;
        writeln!(out, "{}", entry.rationale)?;
        if !entry.source.is_empty() {
            writeln!(out, "Source: {}.", entry.source.trim_end_matches('.'))?;
        }
    }
    Ok(())
}

fn title(category: Category) -> &'static str {
    match category {
        Category::BrandVoice => "Brand voice",
        Category::Terms => "Banned and required terms",
        Category::UnsupportedClaims => "Unsupported claims",
        Category::RegulatedClaims => "Regulated claims",
        Category::Disclosures => "Disclosures",
        Category::PlatformRules => "Platform rules",
        Category::InclusiveLanguage => "Inclusive language",
        Category::PersonalData => "Personal data",
        Category::Accessibility => "Accessibility",
        Category::Readability => "Readability",
        Category::Links => "Links",
        Category::Language => "Language",
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Violation => "violation",
        Severity::Blocker => "**blocker**",
    }
}

#[test]
fn the_reference_is_what_the_rules_say() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/reference/audit-rules.md"
    );
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, page()).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == page(),
        "docs/reference/audit-rules.md is not what the rules say; run UPDATE_GOLDEN=1 cargo test -p audit reference"
    );
}
