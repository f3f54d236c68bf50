//! Lists: of runs and of workers.

use wire::{
    agent::v1::{ListWorkersRequest, Worker},
    run::v1::{ListRequest, Run},
};

use crate::{
    Failure,
    args::{Output, Runs},
    client::Client,
    output,
};

/// `pressrun runs`: page after page, up to the limit.
pub(super) async fn runs(client: &Client, options: Runs, format: Output) -> Result<(), Failure> {
    let Runs {
        workflow,
        status,
        campaign,
        limit,
        mut cursor,
    } = options;
    let mut left = limit;
    if format == Output::Text {
        output::line(&row([
            "RUN",
            "STATUS",
            "STATE",
            "DONE",
            "SUBMITTED",
            "TITLE",
        ]))?;
    }
    loop {
        let request = ListRequest {
            workflow: workflow.clone(),
            status: status.clone(),
            campaign_id: campaign.clone(),
            page_size: left,
            cursor,
        };
        let mut page = client.runs().list(request).await?.into_inner();
        left = left.saturating_sub(u32::try_from(page.runs.len()).unwrap_or(u32::MAX));
        match format {
            Output::Json => output::json(&page)?,
            Output::Text => page
                .runs
                .iter()
                .try_for_each(|run| output::line(&run_row(run)))?,
        }
        cursor = std::mem::take(&mut page.next_cursor);
        if cursor.is_empty() {
            return Ok(());
        }
        if left == 0 {
            return output::talk(&format!("there are more: --cursor {cursor}"));
        }
    }
}

fn run_row(run: &Run) -> String {
    let submitted = run
        .submitted
        .and_then(|time| serde_json::to_value(time).ok())
        .and_then(|time| Some(time.as_str()?.get(..19)?.replace('T', " ")));
    row([
        &run.id,
        &run.status,
        &run.state,
        &format!("{} %", run.percent),
        submitted.as_deref().unwrap_or("-"),
        // A title is a user's text: on one line, whatever it holds.
        &run.title.replace(char::is_control, " "),
    ])
}

fn row([id, status, state, done, submitted, title]: [&str; 6]) -> String {
    let line = format!("{id:<36}  {status:<19}  {state:<22}  {done:>5}  {submitted:<19}  {title}");
    line.trim_end().to_owned()
}

/// `pressrun workers`.
pub(super) async fn workers(client: &Client, format: Output) -> Result<(), Failure> {
    let answer = client.agents().list_workers(ListWorkersRequest {}).await?;
    let answer = answer.into_inner();
    if format == Output::Json {
        return output::json(&answer);
    }
    if answer.workers.is_empty() {
        return output::talk("no worker is alive");
    }
    answer
        .workers
        .iter()
        .flat_map(worker_lines)
        .try_for_each(|line| output::line(&line))
}

fn worker_lines(worker: &Worker) -> Vec<String> {
    let state = if worker.draining { "stopping" } else { "alive" };
    let head = format!(
        "{}: {state}, {} under way, heard {} ms ago",
        worker.name,
        match worker.jobs {
            1 => "1 job".to_owned(),
            jobs => format!("{jobs} jobs"),
        },
        worker.silent_ms
    );
    let agents = worker.agents.iter().map(|agent| {
        let line = format!(
            "  {:<20} {:>3} slots  {:<10} {}",
            agent.kind, agent.slots, agent.version, agent.model
        );
        line.trim_end().to_owned()
    });
    [head].into_iter().chain(agents).collect()
}

#[cfg(test)]
mod tests {
    use wire::agent::v1::WorkerAgent;

    use super::*;

    #[test]
    fn a_run_is_one_line_whatever_its_title_holds() {
        let run = Run {
            id: "0199c3f2-7d1e-7cc0-9d0e-6a3c6f1b2a55".into(),
            status: "running".into(),
            state: "auditing".into(),
            percent: 75,
            submitted: Some(model::Timestamp(1_795_239_000_250).into()),
            title: "one\n\u{1b}[2Jtwo".into(),
            ..Run::default()
        };
        assert_eq!(
            run_row(&run),
            "0199c3f2-7d1e-7cc0-9d0e-6a3c6f1b2a55  running              auditing                 \
             75 %  2026-11-21 05:30:00  one  [2Jtwo"
        );
    }

    #[test]
    fn a_worker_shows_its_agents() {
        let worker = Worker {
            name: "agents-1".into(),
            jobs: 1,
            silent_ms: 120,
            agents: vec![WorkerAgent {
                kind: "copy".into(),
                slots: 4,
                model: "offline".into(),
                version: "1".into(),
                ..WorkerAgent::default()
            }],
            draining: true,
            ..Worker::default()
        };
        assert_eq!(
            worker_lines(&worker),
            [
                "agents-1: stopping, 1 job under way, heard 120 ms ago",
                "  copy                   4 slots  1          offline",
            ]
        );
    }
}
