//! One trace for each run, as a real OTLP receiver gets it from real processes.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail, ensure};
use service::trace::attribute;
use system_tests::{
    brief,
    otlp::{Receiver, Span, tree},
    stack::{Clients, Layout, Role, Stack, until},
};
use tokio::net::TcpListener;
use tonic::Request;
use wire::{
    campaign::v1::RegenerateRequest,
    events::v1::{Event, SubscribeRequest, subscribe_response::What},
};

use crate::{root, workers_heard};

/// Set, the tree of the run is written to [`RECORD`].
const RECORDING: &str = "PRESSRUN_TEST_RECORD";
const RECORD: &str = "docs/records/trace.md";

const SUBMIT: &str = "pressrun.campaign.v1.CampaignService/Submit";
const SUBSCRIBE: &str = "pressrun.events.v1.EventService/Subscribe";
/// Only where the gateway has not heard the run's beginning itself.
const LIST_EVENTS: &str = "pressrun.run.v1.RunService/ListEvents";
const PUT_MEDIA: &str = "pressrun.artifact.v1.ArtifactService/PutMedia";
/// The caller's own span, which it keeps to itself.
const CALLER: &str = "00f067aa0ba902b7";

/// Whose child a span may be, and its kind.
const PARENTS: [(&str, &str, &[&str]); 9] = [
    (SUBMIT, "server", &[CALLER]),
    (SUBSCRIBE, "server", &[CALLER]),
    (LIST_EVENTS, "server", &[SUBSCRIBE]),
    ("commit", "internal", &[SUBMIT, "outcome"]),
    ("send jobs", "producer", &["commit"]),
    ("job", "consumer", &["send jobs"]),
    ("chat", "client", &["job"]),
    (PUT_MEDIA, "server", &["job"]),
    ("outcome", "consumer", &["job"]),
];

/// A run under a caller's trace context.
struct Traced {
    trace: String,
    run_id: String,
    events: Vec<Event>,
}

fn from<T>(message: T, trace: &str) -> anyhow::Result<Request<T>> {
    let mut request = Request::new(message);
    let traceparent = format!("00-{trace}-{CALLER}-01").parse()?;
    request.metadata_mut().insert("traceparent", traceparent);
    Ok(request)
}

/// Submits under a trace of its own and follows the run to its rest.
async fn run(clients: &Clients, name: &str) -> anyhow::Result<Traced> {
    let trace = uuid::Uuid::now_v7().simple().to_string();
    let request = from(brief::request(name, "parallel"), &trace)?;
    let run_id = clients.campaigns.clone().submit(request).await?;
    let run_id = run_id.into_inner().run_id;
    let wanted = SubscribeRequest {
        run_id: run_id.clone(),
        until_rest: true,
        ..SubscribeRequest::default()
    };
    let mut gateway = clients.events.clone().context("there is a gateway")?;
    let mut stream = gateway.subscribe(from(wanted, &trace)?).await?.into_inner();
    let mut events = Vec::new();
    while let Some(response) = stream.message().await? {
        if let Some(What::Event(event)) = response.what {
            events.push(event);
        }
    }
    Ok(Traced {
        trace,
        run_id,
        events,
    })
}

/// The jobs of a run, by its events.
fn jobs(events: &[Event]) -> BTreeMap<&str, &Event> {
    let started = events.iter().filter(|event| event.r#type == "step_started");
    started
        .map(|event| (event.metadata["job"].as_str(), event))
        .collect()
}

/// Waits until the whole trace has come: spans of all sorts, every parent, every job, and the last event's commit.
async fn whole(receiver: &Receiver, run: &Traced) -> anyhow::Result<Vec<Span>> {
    let last = run.events.last().context("there are events")?;
    let last = last.sequence.to_string();
    until("the whole trace", async || {
        let spans = receiver.trace(&run.trace);
        let is_last = |span: &Span| span.get(attribute::SEQUENCE.as_str()) == last;
        // Each process sends for itself: a parent may come after its child.
        let ids: BTreeSet<_> = spans.iter().map(|span| span.id.as_str()).collect();
        let closed = |span: &Span| span.parent == CALLER || ids.contains(span.parent.as_str());
        let jobs_in = spans
            .iter()
            .filter(|span| span.name.starts_with("job "))
            .count();
        let present = |name: &str| spans.iter().any(|span| sort(&span.name) == name);
        let done = spans.iter().any(is_last)
            && PARENTS
                .iter()
                .all(|(name, ..)| *name == LIST_EVENTS || present(name))
            && spans.iter().all(closed)
            && jobs_in >= jobs(&run.events).len();
        Ok(done.then_some(spans))
    })
    .await
}

/// The name without what it is about: `job copy` is a job.
fn sort(name: &str) -> &str {
    ["job", "chat"]
        .into_iter()
        .find(|sort| {
            name.strip_prefix(sort)
                .is_some_and(|rest| rest.starts_with(' '))
        })
        .unwrap_or(name)
}

fn parents_are_right(spans: &[Span]) -> anyhow::Result<()> {
    let names: BTreeMap<_, _> = spans
        .iter()
        .map(|span| (&span.id, sort(&span.name)))
        .collect();
    for span in spans {
        let name = sort(&span.name);
        let Some((_, kind, parents)) = PARENTS.iter().find(|(known, ..)| *known == name) else {
            bail!("an unexpected span: {span:?}");
        };
        let parent = names.get(&span.parent).copied().unwrap_or(&span.parent);
        ensure!(
            parents.contains(&parent) && span.kind == *kind,
            "a {} span `{}` hangs below `{parent}`",
            span.kind,
            span.name
        );
    }
    Ok(())
}

fn jobs_are_told(spans: &[Span], run: &Traced) -> anyhow::Result<()> {
    let told: Vec<_> = spans
        .iter()
        .filter(|span| sort(&span.name) == "job")
        .collect();
    let jobs = jobs(&run.events);
    assert_eq!(told.len(), jobs.len(), "one span for each job");
    for (job, event) in jobs {
        let span = told
            .iter()
            .find(|span| span.get("pressrun.job") == job)
            .with_context(|| format!("there is a span of job {job}"))?;
        let is = [
            ("pressrun.run", run.run_id.as_str()),
            ("pressrun.tenant", "local"),
            ("pressrun.step", &event.step),
            ("pressrun.attempt", &event.metadata["attempt"]),
            ("pressrun.revision", "1"),
            ("pressrun.result", "done"),
            ("gen_ai.operation.name", "invoke_agent"),
            ("gen_ai.agent.name", &event.agent),
        ];
        for (name, value) in is {
            assert_eq!(span.get(name), value, "{name} of {span:?}");
        }
        assert_eq!(span.name, format!("job {}", event.agent));
        let finished = run
            .events
            .iter()
            .find(|event| event.r#type == "step_finished" && event.metadata["job"] == job);
        let finished = finished.context("the job's step has finished")?;
        for (name, told) in [
            ("gen_ai.usage.input_tokens", "input_tokens"),
            ("gen_ai.usage.output_tokens", "output_tokens"),
            ("pressrun.cost_microusd", "cost_microusd"),
        ] {
            assert_eq!(
                span.get(name),
                finished.metadata[told],
                "{name} of {span:?}"
            );
        }
        assert!(!span.get("gen_ai.response.model").is_empty(), "{span:?}");

        let chats = spans
            .iter()
            .filter(|chat| sort(&chat.name) == "chat" && chat.parent == span.id);
        let mut tokens = 0;
        for chat in chats {
            for (name, value) in [
                ("gen_ai.operation.name", "chat"),
                ("gen_ai.provider.name", "openai"),
                ("gen_ai.request.model", system_tests::fake_model::MODEL),
                ("gen_ai.response.model", system_tests::fake_model::MODEL),
                ("gen_ai.response.finish_reasons", "stop"),
            ] {
                assert_eq!(chat.get(name), value, "{name} of {chat:?}");
            }
            tokens += chat.get("gen_ai.usage.output_tokens").parse::<u64>()?;
        }
        assert_eq!(tokens.to_string(), span.get("gen_ai.usage.output_tokens"));
    }
    Ok(())
}

/// Nothing of the brief is in anything that was exported.
fn no_content(spans: &[Span], name: &str) {
    let brief = brief::brief(name);
    let brand = brief.brand.clone().unwrap_or_default();
    let call = brief.call_to_action.clone().unwrap_or_default();
    let texts = [
        name.to_owned(),
        brief.objective,
        brief.audience,
        brief.offer,
        brand.name,
        call.label,
        call.url,
    ];
    let texts = texts.into_iter().chain(brief.key_messages);
    for text in texts.chain(brief.proof_points.into_iter().map(|point| point.claim)) {
        assert!(!text.is_empty());
        for span in spans {
            assert!(!span.whole.contains(&text), "`{text}` is in {span:?}");
        }
    }
}

#[tokio::test]
async fn a_run_is_one_trace_over_all_processes() -> anyhow::Result<()> {
    let receiver = Receiver::start().await?;
    let layout = Layout {
        orchestrators: 2,
        otlp: Some(receiver.url.clone()),
        ..Layout::default()
    };
    let stack = Stack::start(&layout).await?;
    workers_heard(&stack).await?;
    let clients = stack.clients()?;

    // Which replica takes a run's outcomes is drawn with its id: on until it is not the one that was asked.
    let mut number = 0;
    let (name, run, spans) = until("a run of two orchestrators", async || {
        number += 1;
        let name = format!("Traced campaign {number}");
        let run = run(&clients, &name).await?;
        let spans = whole(&receiver, &run).await?;
        let took: BTreeSet<_> = spans
            .iter()
            .filter(|span| span.service == "orchestrator")
            .map(|span| &span.instance)
            .collect();
        Ok((took.len() == 2).then_some((name, run, spans)))
    })
    .await?;

    let told = [
        "pressrun.commands",
        "pressrun.step",
        "pressrun.attempt",
        "pressrun.result",
        "pressrun.status",
        "gen_ai.response.model",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "pressrun.cost_microusd",
        "rpc.grpc.status_code",
    ];
    let tree = tree(&spans, &told);
    println!("{tree}");
    let services: BTreeSet<_> = spans.iter().map(|span| span.service.as_str()).collect();
    let all: BTreeSet<_> = Role::ALL.into_iter().map(Role::binary).collect();
    assert_eq!(services, all, "{tree}");
    parents_are_right(&spans)?;
    jobs_are_told(&spans, &run)?;
    no_content(&spans, &name);
    assert!(spans.iter().all(|span| !span.failed), "{tree}");
    if std::env::var_os(RECORDING).is_some() {
        std::fs::write(root().join(RECORD), record(&run, &spans, &tree))?;
    }
    later_commands_are_linked(&clients, &receiver, &run).await
}

/// A command by a call of another trace is in the run's, with a link to the call.
async fn later_commands_are_linked(
    clients: &Clients,
    receiver: &Receiver,
    run: &Traced,
) -> anyhow::Result<()> {
    let trace = uuid::Uuid::now_v7().simple().to_string();
    let request = RegenerateRequest {
        run_id: run.run_id.clone(),
        step: "copy".to_owned(),
        note: "Shorter sentences".to_owned(),
    };
    let request = from(request, &trace)?;
    clients.campaigns.clone().regenerate(request).await?;
    clients.at_rest(&run.run_id).await?;
    let commit = until("the commit of the command", async || {
        let commits = receiver.with("pressrun.commands", "regenerate");
        Ok(commits.into_iter().next())
    })
    .await?;
    let call = until("the call", async || {
        let spans = receiver.trace(&trace);
        Ok(spans
            .into_iter()
            .find(|span| span.name.ends_with("/Regenerate")))
    })
    .await?;
    let spans = receiver.trace(&run.trace);
    let submit = spans.iter().find(|span| span.name == SUBMIT);
    assert_eq!(commit.trace, run.trace);
    assert_eq!(commit.parent, submit.context("the submit")?.id);
    assert_eq!(commit.links, [(trace, call.id)]);
    no_content(&[commit], "Shorter sentences");
    Ok(())
}

fn record(run: &Traced, spans: &[Span], tree: &str) -> String {
    format!(
        "# The trace of one run\n\n\
         Written by `{RECORDING}=1 cargo test -p system-tests --test suite trace::` on real processes, Postgres and\n\
         NATS of one machine: two orchestrators, one of each other service, a fake model over HTTP. This is what an\n\
         OTLP receiver got of one campaign under a caller's `traceparent`: trace `{}`, {} spans of {} processes, all\n\
         parents there but the caller's own `{CALLER}`.\n\n\
         Columns: begin and length in milliseconds, process, kind, name, attributes without their prefix. The first\n\
         orchestrator was asked; the second took the outcomes.\n\n```text\n{tree}```\n",
        run.trace,
        spans.len(),
        spans
            .iter()
            .map(|span| &span.instance)
            .collect::<BTreeSet<_>>()
            .len(),
    )
}

#[tokio::test]
async fn a_receiver_that_never_answers_costs_spans_and_one_line() -> anyhow::Result<()> {
    // The system takes connections for it; nobody ever reads.
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let layout = Layout {
        otlp: Some(format!("http://{}", silent.local_addr()?)),
        ..Layout::default()
    };
    let mut stack = Stack::start(&layout).await?;
    workers_heard(&stack).await?;
    let clients = stack.clients()?;
    let run = run(&clients, "Nobody listens").await?;
    assert_eq!(clients.result(&run.run_id).await?.status, "success");
    until("the one line", async || {
        let lines = |service: &system_tests::stack::Service| {
            service.process.log().matches("spans do not reach").count()
        };
        let counts: Vec<_> = stack.services.iter().map(lines).collect();
        ensure!(
            counts.iter().all(|count| *count <= 1),
            "told again: {counts:?}"
        );
        Ok(counts.iter().all(|count| *count == 1).then_some(()))
    })
    .await?;
    for service in &mut stack.services {
        let code = service.process.terminate(service::limits::DRAIN).await?;
        assert_eq!(code, 0, "{}", service.role.binary());
    }
    drop(silent);
    Ok(())
}
