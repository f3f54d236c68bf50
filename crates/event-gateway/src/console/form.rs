//! The form that submits a brief. A refused one comes back as it was filled in, each fault at its field.

use std::sync::Arc;

use axum::{
    extract::Extension,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use model::{platform::Platform, validate::Problem};
use serde::Deserialize;
use tonic::Code;
use wire::{
    campaign::v1::{Brand, CallToAction, CampaignBrief, Options, ProofPoint, SubmitRequest, Voice},
    problem,
};

use super::{
    door::{Asked, Sent, Visit},
    page::{self, Look, token},
    post,
    samples::SAMPLES,
    session,
    text::{self, Foreign, encoded},
};

/// Which sample to begin with.
#[derive(Deserialize)]
pub(super) struct Begin {
    #[serde(default)]
    sample: Option<String>,
}

/// What the form holds.
pub(super) struct Filled {
    brief: CampaignBrief,
    mode: String,
    /// Two clicks are one run.
    key: String,
    problems: Vec<Problem>,
    /// What is wrong with the whole.
    message: String,
}

/// `GET /runs/new`.
pub(super) async fn show(
    Extension(visit): Extension<Arc<Visit>>,
    Asked(begin): Asked<Begin>,
) -> Response {
    let sample = match begin.sample.as_deref() {
        None => SAMPLES.first(),
        Some(name) => SAMPLES.iter().find(|(known, _)| *known == name),
    };
    let filled = Filled {
        brief: sample
            .map(|(_, brief)| brief.clone().into())
            .unwrap_or_default(),
        mode: "parallel".to_owned(),
        key: session::nonce().unwrap_or_default(),
        problems: Vec::new(),
        message: String::new(),
    };
    let body = render(&visit, &filled, sample.map(|(name, _)| *name));
    page::page(&visit, &Look::titled("New run").narrow(), &body)
}

/// `POST /runs`.
pub(super) async fn submit(Extension(visit): Extension<Arc<Visit>>, sent: Sent) -> Response {
    let request = request(&sent);
    match visit
        .calls
        .campaigns()
        .submit(visit.calls.on(request.clone()))
        .await
    {
        Ok(answer) => {
            let answer = answer.into_inner();
            let done = if answer.existing {
                "existing"
            } else {
                "submitted"
            };
            Redirect::to(&format!("/runs/{}?done={done}", encoded(&answer.run_id))).into_response()
        }
        Err(status)
            if matches!(
                status.code(),
                Code::InvalidArgument | Code::FailedPrecondition
            ) =>
        {
            // The form's fields are named without the message that holds them.
            let problems: Vec<Problem> = problem::problems_of(&status)
                .into_iter()
                .map(|problem| Problem {
                    path: problem
                        .path
                        .strip_prefix("brief.")
                        .unwrap_or(&problem.path)
                        .to_owned(),
                    ..problem
                })
                .collect();
            let filled = Filled {
                brief: request.brief.unwrap_or_default(),
                mode: sent.get("mode").to_owned(),
                key: sent.get("key").to_owned(),
                message: match problems.len() {
                    0 => status.message().to_owned(),
                    1 => "One field is to be mended.".to_owned(),
                    several => format!("{several} fields are to be mended."),
                },
                problems,
            };
            let body = render(&visit, &filled, None);
            let mut response = page::page(&visit, &Look::titled("New run").narrow(), &body);
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            response
        }
        Err(status) => page::failed(&visit, &status),
    }
}

/// The request that the fields say. What is wrong with it, the orchestrator tells.
fn request(sent: &Sent) -> SubmitRequest {
    let text = |name: &str| sent.get(name).trim().replace("\r\n", "\n");
    let lines = |name: &str| -> Vec<String> {
        let lines = sent.get(name).lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let words = |name: &str| -> Vec<String> {
        let words = sent.get(name).split(',').map(str::trim);
        words
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    // A claim and, after a bar, where it is from.
    let proof_points = lines("proof_points")
        .into_iter()
        .map(|line| match line.split_once('|') {
            Some((claim, source)) => ProofPoint {
                claim: claim.trim().to_owned(),
                source: Some(source.trim().to_owned()).filter(|source| !source.is_empty()),
            },
            None => ProofPoint {
                claim: line,
                source: None,
            },
        });
    let brief = CampaignBrief {
        name: text("name"),
        objective: text("objective"),
        audience: text("audience"),
        offer: text("offer"),
        brand: Some(Brand {
            name: text("brand.name"),
            voice: Some(Voice {
                adjectives: words("brand.voice.adjectives"),
                r#do: lines("brand.voice.do"),
                dont: lines("brand.voice.dont"),
            }),
            palette: words("brand.palette"),
            fonts: words("brand.fonts"),
            banned_terms: words("brand.banned_terms"),
            required_disclosures: lines("brand.required_disclosures"),
            inclusive_language: sent.get("brand.inclusive_language") == "yes",
            time_zone: text("brand.time_zone"),
            post_at: text("brand.post_at"),
        }),
        key_messages: lines("key_messages"),
        proof_points: proof_points.collect(),
        call_to_action: Some(CallToAction {
            label: text("call_to_action.label"),
            url: text("call_to_action.url"),
        }),
        platforms: sent.all("platforms").map(str::to_owned).collect(),
        language: text("language"),
        must_include: words("must_include"),
        must_avoid: words("must_avoid"),
        disclaimers: lines("disclaimers"),
        ..CampaignBrief::default()
    };
    SubmitRequest {
        brief: Some(brief),
        options: Some(Options {
            mode: text("mode"),
            idempotency_key: text("key"),
            ..Options::default()
        }),
        ..SubmitRequest::default()
    }
}

fn render(visit: &Visit, filled: &Filled, sample: Option<&str>) -> Markup {
    let brief = &filled.brief;
    let brand = brief.brand.clone().unwrap_or_default();
    let voice = brand.voice.clone().unwrap_or_default();
    let action = brief.call_to_action.clone().unwrap_or_default();
    let proofs: Vec<String> = brief
        .proof_points
        .iter()
        .map(|proof| match &proof.source {
            Some(source) => format!("{} | {source}", proof.claim),
            None => proof.claim.clone(),
        })
        .collect();
    let form = Form {
        problems: &filled.problems,
    };
    html! {
        div.title { h1 { "New run" } }
        p.muted { "Begin with a sample: "
            @for (name, brief) in SAMPLES.iter() {
                a.chip href={ "/runs/new?sample=" (name) } aria-current=[(sample == Some(*name)).then_some("true")] { (brief.brand.name) } " "
            }
            a.chip href="/runs/new?sample=none" aria-current=[(sample.is_none()).then_some("true")] { "Empty" }
        }
        @if !filled.message.is_empty() {
            div.fault role="alert" tabindex="-1" data-focus {
                p { strong { (Foreign(&filled.message)) } }
                @if !filled.problems.is_empty() {
                    ul {
                        @for problem in &filled.problems {
                            li { a href={ "#" (field(&problem.path)) } { (text::words(&problem.path.replace('.', " "))) } " " (Foreign(&problem.message)) }
                        }
                    }
                }
            }
        }
        form.brief method="post" action="/runs" {
            (token(visit))
            input type="hidden" name="key" value=(filled.key);
            fieldset {
                legend { "Campaign" }
                (form.line("name", "Name", &brief.name, ""))
                (form.area("objective", "Objective", &brief.objective, "What shall it achieve?", 2))
                (form.area("audience", "Audience", &brief.audience, "Whom does it speak to?", 2))
                (form.area("offer", "Offer", &brief.offer, "", 2))
                (form.area("key_messages", "Key messages", &brief.key_messages.join("\n"), "One a line, at most 12.", 3))
                (form.area("proof_points", "Proof points", &proofs.join("\n"), "One a line: a claim, then | and its source. Copy may assert no other facts.", 3))
                div.pair {
                    (form.line("call_to_action.label", "Call to action", &action.label, ""))
                    (form.line("call_to_action.url", "Its address", &action.url, ""))
                }
            }
            fieldset {
                legend { "Where and how" }
                div.field #platforms role="group" aria-labelledby="platforms-label" tabindex="-1" {
                    span.label #platforms-label { "Platforms" }
                    div.checks {
                        @for platform in Platform::ALL {
                            @let checked = brief.platforms.iter().any(|name| Platform::parse(name) == Some(platform));
                            label { input type="checkbox" name="platforms" value=(platform.as_str()) checked[checked]; (post::name_of(platform.as_str())) }
                        }
                    }
                    (form.fault("platforms"))
                }
                div.pair {
                    (form.line("language", "Language", &brief.language, "A tag such as en or de."))
                    div.field {
                        label for="mode" { "Mode" }
                        select #mode name="mode" aria-describedby="mode-hint" {
                            option value="parallel" selected[filled.mode != "sequential"] { "Parallel: fastest" }
                            option value="sequential" selected[filled.mode == "sequential"] { "Sequential: most consistent" }
                        }
                        p.hint #mode-hint { "Sequential agents see what was written and found before." }
                    }
                }
            }
            fieldset {
                legend { "Brand" }
                div.pair {
                    (form.line("brand.name", "Brand", &brand.name, ""))
                    (form.line("brand.voice.adjectives", "Voice", &voice.adjectives.join(", "), "Adjectives, by comma."))
                }
                div.pair {
                    (form.line("brand.palette", "Colours", &brand.palette.join(", "), "As #rrggbb, by comma."))
                    (form.line("brand.fonts", "Faces", &brand.fonts.join(", "), "The headline's first."))
                }
                details open[form.has_fault_below("brand.")] {
                    summary { "Rules of the brand" }
                    (form.area("brand.voice.do", "It speaks like this", &voice.r#do.join("\n"), "One a line.", 2))
                    (form.area("brand.voice.dont", "Never like this", &voice.dont.join("\n"), "One a line.", 2))
                    (form.line("brand.banned_terms", "Banned words", &brand.banned_terms.join(", "), "By comma."))
                    (form.area("brand.required_disclosures", "Disclosures that every piece carries", &brand.required_disclosures.join("\n"), "One a line.", 2))
                    label.check { input type="checkbox" name="brand.inclusive_language" value="yes" checked[brand.inclusive_language]; "Check for inclusive language" }
                    div.pair {
                        (form.line("brand.time_zone", "Time zone", &brand.time_zone, "Such as Europe/Berlin."))
                        (form.line("brand.post_at", "Posts at", &brand.post_at, "HH:MM"))
                    }
                }
                details open[form.has_fault_below("must_")] {
                    summary { "Words that must or must not appear" }
                    (form.line("must_include", "Must include", &brief.must_include.join(", "), "By comma."))
                    (form.line("must_avoid", "Must avoid", &brief.must_avoid.join(", "), "By comma."))
                    (form.area("disclaimers", "Disclaimers", &brief.disclaimers.join("\n"), "One a line.", 2))
                }
            }
            p.submit { button.primary type="submit" { "Start the run" } }
        }
    }
}

/// The field of a fault: `key_messages[3]` is told at `key_messages`.
fn field(path: &str) -> &str {
    path.split('[').next().unwrap_or(path)
}

/// Fields with their faults.
struct Form<'a> {
    problems: &'a [Problem],
}

impl Form<'_> {
    /// The faults of a field and of its entries: `key_messages[3]` belongs to `key_messages`.
    fn faults(&self, path: &str) -> Vec<&Problem> {
        let of = |problem: &&Problem| {
            let rest = problem.path.strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
        };
        self.problems.iter().filter(of).collect()
    }

    fn has_fault_below(&self, prefix: &str) -> bool {
        self.problems
            .iter()
            .any(|problem| problem.path.starts_with(prefix))
    }

    fn fault(&self, path: &str) -> Markup {
        html! {
            @for problem in self.faults(path) {
                p.fault id={ (path) "-fault" } { (text::capital(problem.message.clone())) }
            }
        }
    }

    fn described(&self, path: &str, hint: &str) -> Option<String> {
        let mut ids = Vec::new();
        if !hint.is_empty() {
            ids.push(format!("{path}-hint"));
        }
        if !self.faults(path).is_empty() {
            ids.push(format!("{path}-fault"));
        }
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    fn line(&self, path: &str, label: &str, value: &str, hint: &str) -> Markup {
        let wrong = (!self.faults(path).is_empty()).then_some("true");
        html! {
            div.field {
                label for=(path) { (label) }
                input id=(path) name=(path) value=(value) aria-invalid=[wrong] aria-describedby=[self.described(path, hint)];
                @if !hint.is_empty() { p.hint id={ (path) "-hint" } { (hint) } }
                (self.fault(path))
            }
        }
    }

    fn area(&self, path: &str, label: &str, value: &str, hint: &str, rows: u32) -> Markup {
        let wrong = (!self.faults(path).is_empty()).then_some("true");
        html! {
            div.field {
                label for=(path) { (label) }
                textarea id=(path) name=(path) rows=(rows) aria-invalid=[wrong] aria-describedby=[self.described(path, hint)] { (value) }
                @if !hint.is_empty() { p.hint id={ (path) "-hint" } { (hint) } }
                (self.fault(path))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_sample_survives_the_form() {
        for (name, sample) in SAMPLES.iter() {
            let brief: CampaignBrief = sample.clone().into();
            let brand = brief.brand.clone().expect("a brand");
            let voice = brand.voice.clone().expect("a voice");
            let action = brief.call_to_action.clone().expect("an action");
            let proofs: Vec<String> = brief
                .proof_points
                .iter()
                .map(|proof| {
                    format!(
                        "{} | {}",
                        proof.claim,
                        proof.source.as_deref().unwrap_or_default()
                    )
                })
                .collect();
            let mut fields = vec![
                ("name", brief.name.clone()),
                ("objective", brief.objective.clone()),
                ("audience", brief.audience.clone()),
                ("offer", brief.offer.clone()),
                ("key_messages", brief.key_messages.join("\r\n")),
                ("proof_points", proofs.join("\r\n")),
                ("call_to_action.label", action.label),
                ("call_to_action.url", action.url),
                ("language", brief.language.clone()),
                ("must_include", brief.must_include.join(", ")),
                ("must_avoid", brief.must_avoid.join(", ")),
                ("disclaimers", brief.disclaimers.join("\n")),
                ("brand.name", brand.name),
                ("brand.voice.adjectives", voice.adjectives.join(", ")),
                ("brand.voice.do", voice.r#do.join("\n")),
                ("brand.voice.dont", voice.dont.join("\n")),
                ("brand.palette", brand.palette.join(", ")),
                ("brand.fonts", brand.fonts.join(", ")),
                ("brand.banned_terms", brand.banned_terms.join(", ")),
                (
                    "brand.required_disclosures",
                    brand.required_disclosures.join("\n"),
                ),
                ("brand.inclusive_language", "yes".to_owned()),
                ("brand.time_zone", brand.time_zone),
                ("brand.post_at", brand.post_at),
            ];
            fields.extend(
                brief
                    .platforms
                    .iter()
                    .map(|platform| ("platforms", platform.clone())),
            );
            let sent = Sent(
                fields
                    .into_iter()
                    .map(|(name, text)| (name.to_owned(), text))
                    .collect(),
            );
            assert_eq!(request(&sent).brief, Some(brief), "{name}");
        }
    }

    #[test]
    fn a_fault_stands_at_its_field() {
        let problems = [
            Problem {
                path: "key_messages[2]".to_owned(),
                message: "is too long".to_owned(),
            },
            Problem {
                path: "name".to_owned(),
                message: "is <b>empty</b>".to_owned(),
            },
        ];
        let form = Form {
            problems: &problems,
        };
        assert_eq!(form.faults("key_messages").len(), 1);
        assert_eq!(form.faults("key").len(), 0);
        let shown = form.line("name", "Name", "\"><script>", "").into_string();
        assert!(
            shown.contains("aria-invalid=\"true\" aria-describedby=\"name-fault\""),
            "{shown}"
        );
        assert!(
            !shown.contains("<script") && !shown.contains("<b>"),
            "{shown}"
        );
    }
}
