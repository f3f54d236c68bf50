//! What a run makes, a card for each piece: its text while it is written, then its begin and the way to it.

use maud::{Markup, html};
use wire::{
    campaign::v1::{Artifacts, OrchestrationResult},
    run::v1::{Run, Step},
};

use super::{
    artifact::READ,
    post, poster,
    text::{self, Foreign},
};
use crate::limits::{CARD_CHARS, CARDS};

/// The cards; nothing for a run that makes nothing to read.
pub(super) fn cards(run: &Run, result: Option<&OrchestrationResult>) -> Markup {
    let steps: Vec<&Step> = run
        .steps
        .iter()
        .filter(|step| is_read(step))
        .take(CARDS)
        .collect();
    html! {
        @if !steps.is_empty() {
            section aria-labelledby="pieces" {
                h2 #pieces { "What it makes" }
                div.cards { @for step in steps { (card(run, step, result)) } }
            }
        }
    }
}

/// Whether people read what the step makes. What only audits is in the notes of what it audited.
fn is_read(step: &Step) -> bool {
    READ.contains(&step.name.as_str()) || step.version > 0 && !step.name.starts_with("audit")
}

fn card(run: &Run, step: &Step, result: Option<&OrchestrationResult>) -> Markup {
    let name = text::words(&step.name);
    let id = format!("card-{}", text::class(&step.name));
    let page = format!("/runs/{}/artifacts/{}", run.id, step.name);
    let artifacts = result.and_then(|result| result.artifacts.as_ref());
    let at_work = run.status == "running" && step.phase == "running";
    html! {
        article.card id=(id) data-live=(id) {
            header {
                h3 { @if step.version > 0 { a href=(page) { (name) } } @else { (name) } }
                span.phase.{ "p-" (text::class(&step.phase)) } { (text::words(&step.phase)) }
            }
            @if at_work {
                (writing(step))
            } @else if step.version > 0 {
                div.excerpt { (excerpt(artifacts, step)) }
                @if step.version > 1 { p.muted { "Version " (step.version) } }
            } @else {
                p.muted { (without(run, step)) }
            }
        }
    }
}

/// Where the script puts what the agent writes; whole and true without it.
pub(super) fn writing(step: &Step) -> Markup {
    html! {
        div.writing data-writing=(step.name) tabindex="0" role="group"
            aria-label={ (text::words(&step.name)) ", as it is written" } {
            p.muted { "Its text shows here as it is written." }
        }
    }
}

fn without(run: &Run, step: &Step) -> &'static str {
    match (step.phase.as_str(), run.status.as_str()) {
        ("failed", _) => "Not made: the step failed.",
        ("skipped", _) => "Not asked for.",
        ("backoff", _) => "It failed and is tried again soon.",
        (_, "running") => "Not begun yet.",
        _ => "Not made.",
    }
}

/// The begin of a piece; empty where it is of another workflow.
fn excerpt(artifacts: Option<&Artifacts>, step: &Step) -> Markup {
    let Some(artifacts) = artifacts else {
        return html! {};
    };
    match step.name.as_str() {
        "copy" => {
            let Some(copy) = &artifacts.copy else {
                return html! {};
            };
            html! {
                @if let Some(headline) = copy.headline_options.first() { p.card-headline { (Foreign(headline)) } }
                p { (begin(&copy.subhead)) }
            }
        }
        "short_copy" => {
            let Some(copy) = &artifacts.short_copy else {
                return html! {};
            };
            let posts: usize = copy
                .platforms
                .values()
                .map(|posts| posts.variants.len())
                .sum();
            let names: std::collections::BTreeMap<_, _> = copy.platforms.iter().collect();
            html! {
                p.card-headline { (posts) " posts" }
                ul.networks { @for (name, posts) in names { li { (post::name_of(name)) " " span.muted { (posts.variants.len()) } } } }
            }
        }
        poster::STEP => {
            let Some(concept) = &artifacts.visual_concept else {
                return html! {};
            };
            html! {
                @if let Some((picture, alt)) = poster::of(artifacts) { (picture.img(&alt, "thumb")) }
                div {
                    p.card-headline { (Foreign(&concept.title)) }
                    @if concept.poster.is_none() { p { (begin(&concept.rationale)) } }
                }
            }
        }
        _ => html! {},
    }
}

fn begin(text: &str) -> Markup {
    let mut chars = text.chars();
    let begin: String = chars.by_ref().take(CARD_CHARS).collect();
    html! { (Foreign(&begin)) @if chars.next().is_some() { "…" } }
}

#[cfg(test)]
mod tests {
    use wire::campaign::v1::CopyArtifact;

    use super::*;

    fn run(status: &str, phase: &str, version: u32) -> Run {
        Run {
            id: "r".to_owned(),
            status: status.to_owned(),
            steps: vec![Step {
                name: "copy".to_owned(),
                phase: phase.to_owned(),
                version,
                ..Step::default()
            }],
            ..Run::default()
        }
    }

    #[test]
    fn a_piece_is_shown_as_far_as_it_is() {
        let result = OrchestrationResult {
            artifacts: Some(Artifacts {
                copy: Some(CopyArtifact {
                    headline_options: vec!["<b>Ride</b>".to_owned()],
                    subhead: "é".repeat(CARD_CHARS + 1),
                    ..CopyArtifact::default()
                }),
                ..Artifacts::default()
            }),
            ..OrchestrationResult::default()
        };
        for (run, told) in [
            (run("running", "waiting", 0), "Not begun yet."),
            (run("running", "running", 0), "data-writing=\"copy\""),
            // A new version is on its way: the old one is not what is looked at.
            (run("running", "running", 1), "data-writing=\"copy\""),
            (run("completed", "done", 1), "&lt;b&gt;Ride&lt;/b&gt;"),
            (run("completed", "done", 2), "Version 2"),
            (run("cancelled", "running", 0), "Not made."),
            (run("failed", "failed", 0), "the step failed"),
        ] {
            let shown = cards(&run, Some(&result)).into_string();
            assert!(shown.contains(told), "{told}: {shown}");
            assert!(!shown.contains("<b>"), "{shown}");
        }
        let done = cards(&run("completed", "done", 1), Some(&result)).into_string();
        assert!(
            done.contains(&format!("{}…", "é".repeat(CARD_CHARS))),
            "{done}"
        );
        assert!(!done.contains("data-writing"), "{done}");
    }

    #[test]
    fn a_run_of_another_workflow_has_cards_for_what_it_made() {
        let mut other = run("completed", "done", 1);
        other.steps[0].name = "outline".to_owned();
        let shown = cards(&other, None).into_string();
        assert!(shown.contains("/runs/r/artifacts/outline"), "{shown}");
        other.steps[0].version = 0;
        assert_eq!(cards(&other, None).into_string(), "");
    }
}
