//! `pressrun review` and `pressrun edit`: what people decide and change.

use std::fmt::Write;

use model::limits::MAX_ARTIFACT_BYTES;
use wire::{
    artifact::v1::EditRequest,
    review::v1::{self as proto, DecideRequest, GetRequest, ListRequest},
    time::Timestamp,
};

use super::run::goes_on;
use crate::{
    Failure,
    args::{Edit, Output, Review},
    brief,
    client::Client,
    output,
};

/// `pressrun review`.
pub(super) async fn review(client: &Client, what: Review, format: Output) -> Result<(), Failure> {
    let (decision, verdict, to) = match what {
        Review::List { limit, cursor } => return list(client, limit, cursor, format).await,
        Review::Show { run, step } => return show(client, run, step, format).await,
        Review::Approve(decision) => (decision, "approve", String::new()),
        Review::Reject(decision) => (decision, "reject", String::new()),
        Review::SendBack { decision, to } => (decision, "send_back", to),
    };
    let request = DecideRequest {
        run_id: decision.run.clone(),
        step: decision.step,
        subject: decision.subject,
        verdict: verdict.to_owned(),
        to,
        note: decision.note,
    };
    let answer = client.reviews().decide(request).await?.into_inner();
    match format {
        Output::Json => output::json(&answer),
        Output::Text => output::line(&goes_on(&decision.run, answer.sequence)),
    }
}

/// `pressrun edit`.
pub(super) async fn edit(client: &Client, options: Edit, format: Output) -> Result<(), Failure> {
    let request = EditRequest {
        run_id: options.run,
        step: options.step,
        version: options.version,
        content_json: brief::read_text(&options.file, MAX_ARTIFACT_BYTES)?,
    };
    let answer = client.artifacts().edit(request).await?.into_inner();
    match format {
        Output::Json => output::json(&answer),
        Output::Text => output::line(&format!("kept as version {}", answer.version)),
    }
}

async fn list(
    client: &Client,
    limit: u32,
    mut cursor: String,
    format: Output,
) -> Result<(), Failure> {
    let mut left = limit;
    let mut any = false;
    loop {
        let request = ListRequest {
            page_size: left,
            cursor,
        };
        let page = client.reviews().list(request).await?.into_inner();
        left = left.saturating_sub(u32::try_from(page.reviews.len()).unwrap_or(u32::MAX));
        match format {
            Output::Json => output::json(&page)?,
            Output::Text => {
                if !any && !page.reviews.is_empty() {
                    output::line(&row("RUN", "STEP", "ROLE", "SINCE", "TITLE"))?;
                }
                for waiting in &page.reviews {
                    output::line(&row(
                        &waiting.run_id,
                        &waiting.step,
                        &waiting.role,
                        &minute(waiting.since),
                        &plain(&waiting.title),
                    ))?;
                }
            }
        }
        any |= !page.reviews.is_empty();
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
        if left == 0 {
            return output::talk(&format!("there are more: --cursor {cursor}"));
        }
    }
    match format {
        Output::Text if !any => output::line("nothing waits for people"),
        _ => Ok(()),
    }
}

fn row(run: &str, step: &str, role: &str, since: &str, title: &str) -> String {
    format!("{run:<36}  {step:<20}  {role:<10}  {since:<16}  {title}")
}

async fn show(client: &Client, run: String, step: String, format: Output) -> Result<(), Failure> {
    let request = GetRequest { run_id: run, step };
    let review = client.reviews().get(request).await?.into_inner();
    match format {
        Output::Json => output::json(&review),
        Output::Text => output::line(&drawn(&review)),
    }
}

fn drawn(review: &proto::Review) -> String {
    let proto::Review {
        run_id,
        step,
        title,
        subject,
        state,
        role,
        from,
        approvals,
        approved,
        deadline,
        of,
        decisions,
        submitted_by,
        back,
        ..
    } = review;
    // Writing to a String cannot fail.
    let mut text = format!("{}: {step}, {state}\n", plain(title));
    let who = match from.as_slice() {
        [] => format!("people with the role {role}"),
        names => names.join(", "),
    };
    let _ok = writeln!(
        text,
        "  {approved} of {approvals} approved; it is left to {who}"
    );
    if !submitted_by.is_empty() {
        let by = plain(submitted_by);
        let _ok = writeln!(text, "  submitted by {by}, who may not decide");
    }
    if deadline.is_some() {
        let _ok = writeln!(text, "  until {}", minute(*deadline));
    }
    for asked in of {
        let (step, version) = (&asked.step, asked.version);
        let _ok = writeln!(text, "  asks about {step}, version {version}");
    }
    for one in decisions {
        let verdict = one.verdict.replace('_', " ");
        let _ok = writeln!(text, "  {}: {verdict} {}", plain(&one.by), plain(&one.note));
    }
    if state == "open" {
        let decide = format!("{run_id} {step} --subject {subject}");
        let _ok = writeln!(text, "\n  pressrun review approve {decide}");
        let _ok = writeln!(text, "  pressrun review reject {decide}");
        if let Some(to) = back.last() {
            let _ok = writeln!(
                text,
                "  pressrun review send-back {decide} --to {to} --note …"
            );
        }
    }
    text.trim_end().to_owned()
}

fn minute(time: Option<Timestamp>) -> String {
    let text = time.and_then(|time| serde_json::to_value(time).ok());
    let text = text.and_then(|text| Some(text.as_str()?.get(..16)?.replace('T', " ")));
    text.unwrap_or_else(|| "-".to_owned())
}

/// A user's text on one line, whatever it holds.
fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}
