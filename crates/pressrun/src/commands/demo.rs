//! `pressrun demo`: the main job on parts inside this process.

use std::path::Path;

use model::RunId;
use wire::{
    campaign::v1::{Options, SubmitRequest},
    run::v1::ListRequest,
};

use super::{poster, run};
use crate::{
    Failure,
    args::{Demo, Output},
    brief,
    client::Client,
    live::{self, Wanted},
    output,
    stack::{self, Listen, Stack},
};

/// Under the data directory: a directory for each run.
const POSTERS: &str = "posters";
/// The key that makes `--once` one run for a data directory.
const ONCE: &str = "demo-once";

pub(super) async fn demo(options: Demo, format: Output) -> Result<(), Failure> {
    let brief = match &options.brief {
        Some(path) => brief::read(path)?,
        None => brief::parse("the sample brief", brief::SAMPLE)?,
    };
    let dir = options
        .data_dir
        .clone()
        .unwrap_or_else(|| stack::default_dir("demo"));
    output::talk("starting orchestrator, workers, auditor and event gateway in this process …")?;
    let stack = Stack::start(&dir, &options.settings, Listen::local(0, 0)).await?;
    let shown = tokio::select! {
        biased;
        shown = campaign(&stack.client, &options, brief, (&dir, format)) => shown,
        _ = tokio::signal::ctrl_c() => Err(Failure::NotCompleted(
            "interrupted; the same command goes on where this run stands".to_owned(),
        )),
    };
    stack.stop().await?;
    shown?;
    next(&dir, format)
}

async fn campaign(
    client: &Client,
    options: &Demo,
    brief: model::brief::CampaignBrief,
    (dir, format): (&Path, Output),
) -> Result<(), Failure> {
    let unfinished = if options.fresh {
        None
    } else {
        unfinished(client).await?
    };
    let id = match unfinished {
        Some(id) => {
            output::talk(&format!(
                "going on with run {id}, which was interrupted (--fresh starts anew)"
            ))?;
            id
        }
        None => {
            output::talk(&format!("submitting “{}”", brief.name))?;
            let options = Options {
                mode: options.mode.as_str().to_owned(),
                idempotency_key: if options.once {
                    ONCE.to_owned()
                } else {
                    String::new()
                },
                ..Options::default()
            };
            let request = SubmitRequest {
                brief: Some(brief.into()),
                options: Some(options),
                ..SubmitRequest::default()
            };
            let answer = client.campaigns().submit(request).await?.into_inner();
            if answer.existing {
                output::talk(
                    "this data directory has its run already; here it is (without --once there is a new one)",
                )?;
            }
            answer.run_id
        }
    };
    let wanted = Wanted {
        after: 0,
        live: options.live,
    };
    live::watch(client, &id, wanted, Output::Text).await?;
    let result = run::result(client, &id).await?;
    run::print(&result, format)?;
    let id = RunId::new(id).map_err(anyhow::Error::from)?;
    poster::save(client, &result, &dir.join(POSTERS).join(id.as_str())).await?;
    run::completed(&result)
}

/// The newest run that is still under way.
async fn unfinished(client: &Client) -> Result<Option<String>, Failure> {
    let request = ListRequest {
        status: "running".to_owned(),
        page_size: 1,
        ..ListRequest::default()
    };
    let page = client.runs().list(request).await?.into_inner();
    Ok(page.runs.into_iter().next().map(|run| run.id))
}

fn next(dir: &Path, format: Output) -> Result<(), Failure> {
    if format == Output::Json {
        return Ok(());
    }
    output::talk(&format!(
        "What next:\n  pressrun demo --brief your-brief.yaml     your own campaign; `pressrun validate` checks a brief\n  \
         pressrun demo --mode sequential           each agent sees what was written and found before\n  \
         pressrun demo --model-url URL --model M   a real model behind an OpenAI-compatible address\n  \
         README.md                                 the services on Postgres and NATS\n\
         Kept in {}",
        dir.display()
    ))
}
