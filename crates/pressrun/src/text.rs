//! A result for people.

use std::fmt::Write;

use wire::campaign::v1::{
    AuditReport, CopyArtifact, Metrics, OrchestrationResult, ShortCopyArtifact,
    VisualConceptArtifact,
};

/// The whole result.
pub(crate) fn result(result: &OrchestrationResult) -> String {
    let mut text = String::new();
    match write_result(&mut text, result) {
        // Writing to a String cannot fail.
        Ok(()) | Err(std::fmt::Error) => text,
    }
}

fn write_result(out: &mut String, result: &OrchestrationResult) -> std::fmt::Result {
    if let Some(artifacts) = &result.artifacts {
        if let Some(copy) = &artifacts.copy {
            heading(out, "Copy", version(result, "copy"))?;
            write_copy(out, copy)?;
        }
        if let Some(short) = &artifacts.short_copy {
            heading(out, "Short copy", version(result, "short_copy"))?;
            write_short(out, short)?;
        }
        if let Some(concept) = &artifacts.visual_concept {
            heading(out, "Visual concept", version(result, "visual_concept"))?;
            write_concept(out, concept)?;
        }
    }
    if let Some(report) = &result.audit_report {
        heading(out, "Audit", report.rules_version.clone())?;
        write_report(out, report)?;
    }
    for error in &result.errors {
        writeln!(
            out,
            "\nfailed: {} ({}): {}",
            error.step, error.code, error.message
        )?;
    }
    writeln!(out, "\nrun {}: {}", result.run_id, result.status)?;
    if let Some(metrics) = &result.metrics {
        write_metrics(out, metrics)?;
    }
    Ok(())
}

fn version(result: &OrchestrationResult, step: &str) -> String {
    let version = result
        .artifacts
        .as_ref()
        .and_then(|artifacts| artifacts.versions.get(step));
    version.map_or_else(String::new, |version| match version.model.as_str() {
        "offline" => format!(
            "version {}, by the offline writer: no model was asked",
            version.number
        ),
        model => format!("version {}, by {model}", version.number),
    })
}

fn heading(out: &mut String, title: &str, about: String) -> std::fmt::Result {
    let line = if about.is_empty() {
        title.to_owned()
    } else {
        format!("{title} ({about})")
    };
    writeln!(out, "\n{line}\n{}", "─".repeat(line.chars().count()))
}

fn write_copy(out: &mut String, copy: &CopyArtifact) -> std::fmt::Result {
    for headline in &copy.headline_options {
        writeln!(out, "▸ {headline}")?;
    }
    writeln!(out, "\n{}\n\n{}", copy.subhead, copy.body.trim_end())?;
    if let Some(call) = &copy.call_to_action {
        writeln!(out, "\n[{}]({})", call.label, call.url)?;
    }
    for claim in &copy.claims {
        writeln!(
            out,
            "claim: {} (source: {})",
            claim.text,
            claim.source.as_deref().unwrap_or("the brief")
        )?;
    }
    Ok(())
}

fn write_short(out: &mut String, short: &ShortCopyArtifact) -> std::fmt::Result {
    for (platform, variants) in &short.platforms {
        for (number, variant) in variants.variants.iter().enumerate() {
            writeln!(
                out,
                "\n{platform} {} ({} characters)",
                number + 1,
                variant.character_count
            )?;
            writeln!(out, "{}", variant.text)?;
            if !variant.hashtags.is_empty() {
                let tags: Vec<_> = variant
                    .hashtags
                    .iter()
                    .map(|tag| format!("#{tag}"))
                    .collect();
                writeln!(out, "{}", tags.join(" "))?;
            }
            if let Some(link) = &variant.link {
                writeln!(out, "{link}")?;
            }
        }
    }
    Ok(())
}

fn write_concept(out: &mut String, concept: &VisualConceptArtifact) -> std::fmt::Result {
    writeln!(
        out,
        "{}\n{}\n\n{}",
        concept.title, concept.rationale, concept.composition
    )?;
    for swatch in &concept.palette {
        writeln!(out, "  {}  {}", swatch.hex, swatch.role)?;
    }
    writeln!(
        out,
        "image prompt: {}\nalt text: {}",
        concept.image_prompt, concept.alt_text
    )?;
    if let Some(png) = concept
        .poster
        .as_ref()
        .and_then(|poster| poster.png.as_ref())
    {
        writeln!(
            out,
            "poster: {}×{}, {} bytes; `pressrun show RUN --save DIR` writes it",
            png.width, png.height, png.bytes
        )?;
    }
    if let Some(refusal) = &concept.poster_refusal {
        writeln!(out, "no poster: {}", refusal.message)?;
    }
    Ok(())
}

fn write_report(out: &mut String, report: &AuditReport) -> std::fmt::Result {
    writeln!(
        out,
        "{}, score {:.2}, {} findings",
        report.verdict.replace('_', " "),
        report.score,
        report.findings.len()
    )?;
    for note in &report.notes {
        writeln!(out, "  note: {note}")?;
    }
    for finding in &report.findings {
        writeln!(
            out,
            "  {:<9} {} in {}: {}",
            finding.severity, finding.rule, finding.step, finding.rationale
        )?;
        if !finding.quote.is_empty() {
            writeln!(out, "            “{}”", finding.quote)?;
        }
        writeln!(out, "            {}", finding.suggestion)?;
    }
    Ok(())
}

fn write_metrics(out: &mut String, metrics: &Metrics) -> std::fmt::Result {
    let first = metrics
        .first_artifact_ms
        .map(|ms| format!(", first artifact after {ms} ms"))
        .unwrap_or_default();
    writeln!(
        out,
        "{} ms{first}, {} events, {} tokens, {:.4} USD",
        metrics.total_ms,
        metrics.events,
        metrics.input_tokens + metrics.output_tokens,
        metrics.cost_microusd as f64 / 1_000_000.0
    )
}
