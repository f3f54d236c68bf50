//! Room 8: what is alive, what it can take, and runs to which nothing happens.

use std::sync::Arc;

use ::service::clock;
use axum::{extract::Extension, response::Response};
use futures::future::try_join_all;
use maud::{Markup, html};
use model::Timestamp;
use tonic::Status;
use wire::{
    agent::v1::{Agent, ListRequest as ListAgentsRequest, ListWorkersRequest, Worker},
    run::v1::{ExplainRequest, ListRequest, Run, Waiting},
};

use super::{
    door::Visit,
    page::{self, Look},
    text::{self, Foreign},
};
use crate::limits::{STILL, STILL_AMONG, STILL_SHOWN};

/// All that the page is made from.
struct Material {
    agents: Vec<Agent>,
    workers: Vec<Worker>,
    running: Vec<Run>,
    /// Whether there are more running runs than were read.
    more: bool,
    /// Runs to which nothing happened for a while, longest first, with what they wait for.
    still: Vec<(Run, Vec<Waiting>)>,
}

/// `GET /system`.
pub(super) async fn show(Extension(visit): Extension<Arc<Visit>>) -> Response {
    match material(&visit, clock::now()).await {
        Ok(material) => {
            let look = Look::titled("System").live(String::new()).repeated_if(true);
            page::page(&visit, &look, &render(&material))
        }
        Err(status) => page::failed(&visit, &status),
    }
}

async fn material(visit: &Visit, now: Timestamp) -> Result<Material, Status> {
    let calls = &visit.calls;
    let (mut agents, mut workers, mut runs) = (calls.agents(), calls.agents(), calls.runs());
    let (agents, workers, running) = tokio::try_join!(
        agents.list(calls.on(ListAgentsRequest {})),
        workers.list_workers(calls.on(ListWorkersRequest {})),
        runs.list(calls.on(ListRequest {
            status: "running".to_owned(),
            page_size: STILL_AMONG,
            ..ListRequest::default()
        })),
    )?;
    let running = running.into_inner();
    let still = still(&running.runs, now);
    let explained = try_join_all(still.into_iter().map(|run| async {
        let request = calls.on(ExplainRequest {
            run_id: run.id.clone(),
        });
        let answer = calls.runs().explain(request).await?.into_inner();
        Ok::<_, Status>((run, answer.waiting))
    }))
    .await?;
    let mut agents = agents.into_inner().agents;
    agents.sort_by(|a, b| a.kind.cmp(&b.kind));
    let mut workers = workers.into_inner().workers;
    workers.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Material {
        agents,
        workers,
        more: !running.next_cursor.is_empty(),
        running: running.runs,
        still: explained,
    })
}

/// Those to which nothing happened for a while, longest first.
fn still(runs: &[Run], now: Timestamp) -> Vec<Run> {
    let since = |run: &Run| run.updated.map(Timestamp::from);
    let mut still: Vec<_> = runs
        .iter()
        .filter(|run| since(run).is_some_and(|at| now.since(at) >= STILL))
        .cloned()
        .collect();
    still.sort_by_key(|run| since(run));
    still.truncate(STILL_SHOWN);
    still
}

fn render(material: &Material) -> Markup {
    let Material {
        agents,
        workers,
        running,
        more,
        ..
    } = material;
    let jobs: u32 = workers.iter().map(|worker| worker.jobs).sum();
    let alive = workers.iter().filter(|worker| !worker.draining).count();
    let slots: u32 = agents.iter().map(|agent| agent.slots).sum();
    html! {
        div.title { h1 { "System" } }
        div.system id="system" data-live="system" {
            dl.tiles {
                div { dt { "Workers alive" } dd { (alive) } }
                div { dt { "Agents" } dd { (agents.len()) } }
                div { dt { "Places for jobs" } dd { (slots) } }
                div { dt { "Jobs taken" } dd { (jobs) } }
                div { dt { "Runs under way" } dd { (running.len()) @if *more { "+" } } }
            }
            (waiting(material))
            section aria-labelledby="agents" { h2 #agents { "Agents" } (agent_table(agents)) }
            section aria-labelledby="workers" { h2 #workers { "Workers" } (worker_table(workers)) }
        }
    }
}

fn waiting(material: &Material) -> Markup {
    html! {
        section aria-labelledby="still" {
            h2 #still { "Runs that stand still" }
            @if material.still.is_empty() {
                p.muted { "Something has happened to each run under way within the last " (text::distance(STILL)) "." }
            } @else {
                ul.still {
                    @for (run, waiting) in &material.still {
                        li {
                            p {
                                a href={ "/runs/" (run.id) } { (Foreign(&run.title)) }
                                span.muted { " · " (text::words(&run.state)) " · nothing new since " (text::ago(run.updated.map(Into::into))) }
                            }
                            @for waiting in waiting.iter().filter(|waiting| waiting.what != "steps") {
                                p.why-still { strong { (text::words(&waiting.step)) } " " (Foreign(&waiting.message)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn agent_table(agents: &[Agent]) -> Markup {
    html! {
        @if agents.is_empty() {
            section.empty {
                h3 { "No agent is alive" }
                p { "Runs wait until one is. Start a worker: " code { "agent-worker" } ", " code { "audit-worker" } "." }
            }
        } @else {
            div.scroll tabindex="0" role="group" aria-label="Agents" {
                table {
                    thead { tr {
                        th scope="col" { "Agent" } th scope="col" { "Model" } th scope="col" { "Version" }
                        th.num scope="col" { "Workers" } th.num scope="col" { "Places" }
                    } }
                    tbody {
                        @for agent in agents {
                            tr {
                                th scope="row" { (text::words(&agent.kind)) }
                                td { (Foreign(or_dash(&agent.model))) }
                                td { (Foreign(or_dash(&agent.version))) }
                                td.num { (agent.workers.len()) }
                                td.num { (agent.slots) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn worker_table(workers: &[Worker]) -> Markup {
    html! {
        @if workers.is_empty() {
            p.muted { "None was heard of late." }
        } @else {
            div.scroll tabindex="0" role="group" aria-label="Workers" {
                table {
                    thead { tr {
                        th scope="col" { "Worker" } th scope="col" { "State" } th scope="col" { "Agents" }
                        th.num scope="col" { "Jobs taken" } th.num scope="col" { "Heard" }
                    } }
                    tbody {
                        @for worker in workers {
                            tr {
                                th scope="row" { (Foreign(&worker.name)) }
                                td {
                                    @if worker.draining { span.phase.p-backoff { "Stopping" } }
                                    @else { span.phase.p-done { "Alive" } }
                                }
                                td {
                                    @for (i, agent) in worker.agents.iter().enumerate() {
                                        @if i > 0 { ", " }
                                        (text::words(&agent.kind)) " × " (agent.slots)
                                    }
                                }
                                td.num { (worker.jobs) }
                                td.num { (text::span(worker.silent_ms)) " ago" }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "–" } else { text }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn run(id: &str, updated: i64) -> Run {
        Run {
            id: id.to_owned(),
            title: format!("<b>{id}</b>"),
            updated: Some(Timestamp(updated).into()),
            ..Run::default()
        }
    }

    #[test]
    fn the_longest_still_come_first_and_those_that_move_not_at_all() {
        let now = Timestamp(1_000_000).after(STILL);
        let runs = [run("moves", now.0 - 1), run("b", 900_000), run("a", 5)];
        let still: Vec<_> = still(&runs, now).into_iter().map(|run| run.id).collect();
        assert_eq!(still, ["a", "b"]);
        let early = Timestamp(900_000).after(STILL - Duration::from_millis(1));
        assert_eq!(super::still(&runs[1..2], early), []);
    }

    #[test]
    fn what_others_named_is_text() {
        let material = Material {
            agents: vec![Agent {
                kind: "<b>copy".to_owned(),
                slots: 8,
                ..Agent::default()
            }],
            workers: vec![Worker {
                name: "<b>w".to_owned(),
                draining: true,
                ..Worker::default()
            }],
            running: vec![run("a", 5)],
            more: true,
            still: vec![(
                run("a", 5),
                vec![Waiting {
                    step: "copy".to_owned(),
                    what: "worker".to_owned(),
                    message: "waits <b>".to_owned(),
                    ..Waiting::default()
                }],
            )],
        };
        let shown = render(&material).into_string();
        assert!(!shown.contains("<b>"), "{shown}");
        for told in [
            "Stopping",
            "1+",
            "waits &lt;b&gt;",
            "<dd>8</dd>",
            "<dd>0</dd>",
        ] {
            assert!(shown.contains(told), "{told}: {shown}");
        }
    }
}
