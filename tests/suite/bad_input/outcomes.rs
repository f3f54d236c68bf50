//! Outcomes that do not count. The test itself plays the agent worker.

use bus::{Bus, Envelope, Subject};
use model::{AgentKind, ContentHash, JobId, RunId};
use system_tests::{
    brief,
    stack::{Layout, Stack, until},
};
use wire::job::v1::{HandBack, Job, Outcome, Product, Usage, outcome};

use super::assert_unharmed;

const CONTENT: [&str; 2] = [r#"{"made":"too late"}"#, r#"{"made":"in time"}"#];

fn outcome(job: &Job, result: outcome::Result) -> Outcome {
    Outcome {
        job_id: job.id.clone(),
        token: job.token,
        tenant: job.tenant.clone(),
        run_id: job.run_id.clone(),
        worker: "the-test".to_owned(),
        result: Some(result),
        usage: Some(Usage {
            input_tokens: 10,
            output_tokens: 7,
            cost_microusd: 3,
        }),
        duration_ms: 1,
    }
}

fn product(content: &str) -> outcome::Result {
    outcome::Result::Product(Product {
        content_json: content.to_owned(),
        hash: ContentHash::of(content.as_bytes()).to_string(),
        facts_json: r#"{"words":3.0}"#.to_owned(),
        agent: "copy".to_owned(),
        model: "the-test".to_owned(),
        prompt_version: "1".to_owned(),
    })
}

/// Publishes a body as an outcome of the job, and waits until the orchestrator has dealt with it.
async fn send(bus: &impl Bus, job: &Job, id: &str, body: Vec<u8>) -> anyhow::Result<()> {
    let run = RunId::new(job.run_id.as_str())?;
    let subject = Subject::outcome(Subject::partition(&run), &JobId::new(job.id.as_str())?);
    let message = Envelope {
        subject: subject.clone(),
        id: id.to_owned(),
        kind: "pressrun.job.v1.Outcome".to_owned(),
        traceparent: String::new(),
        signature: String::new(),
        body: body.into(),
    };
    for taken in bus.publish(vec![message]).await {
        taken?;
    }
    until("the end of an outcome", async || {
        Ok((!bus.holds(&subject).await?).then_some(()))
    })
    .await
}

/// Takes the next job of agent `copy` off its queue.
async fn take(bus: &impl Bus) -> anyhow::Result<Job> {
    let mut queue = bus
        .pull(&Subject::jobs_of(&AgentKind::new("copy")?))
        .await?;
    let taken = queue.next(1).await?;
    let delivery = taken.first().expect("a job");
    let job = wire::json::from_json(&delivery.envelope().body, bus::limits::MAX_MESSAGE_BYTES)?;
    delivery.ack().await?;
    Ok(job)
}

#[tokio::test]
async fn only_the_current_lease_counts_and_what_is_late_is_recorded() -> anyhow::Result<()> {
    let layout = Layout {
        agent_workers: 0,
        audit_workers: 0,
        gateways: 0,
        ..Layout::default()
    };
    let stack = Stack::start(&layout).await?;
    let clients = stack.clients()?;
    let bus = stack.bus().await?;
    let mut request = brief::request("two leases", "parallel");
    request.options.get_or_insert_default().wait_for_workers = true;
    let run_id = clients.submit(&request).await?.run_id;
    let kinds = async || {
        let events = clients.stored_events(&run_id).await?;
        anyhow::Ok(
            events
                .into_iter()
                .map(|event| event.r#type)
                .collect::<Vec<_>>(),
        )
    };

    // The first lease is given back, so that its outcome, which comes all the same, is late.
    let first = take(&bus).await?;
    let back = outcome(&first, outcome::Result::HandBack(HandBack {}));
    send(&bus, &first, "back", wire::json::to_json(&back)?.into()).await?;
    let second = take(&bus).await?;
    assert_eq!(second.id, first.id);
    assert!(second.token > first.token);

    let late = wire::json::to_json(&outcome(&first, product(CONTENT[0])))?;
    send(&bus, &first, "late", late.clone().into()).await?;
    assert_eq!(
        kinds().await?.last().map(String::as_str),
        Some("outcome_late")
    );
    assert!(clients.versions(&run_id).await?.is_empty());
    let paid = clients.result(&run_id).await?.metrics.unwrap_or_default();
    assert_eq!((paid.output_tokens, paid.cost_microusd), (7, 3));

    // Once is recorded once; what nobody ever leased, and what is no outcome, changes nothing.
    let before = kinds().await?;
    send(&bus, &first, "late again", late.into()).await?;
    let never = Outcome {
        token: 99,
        ..outcome(&second, product(CONTENT[0]))
    };
    send(
        &bus,
        &second,
        "never leased",
        wire::json::to_json(&never)?.into(),
    )
    .await?;
    let foreign = Outcome {
        run_id: "another-run".to_owned(),
        ..outcome(&second, product(CONTENT[0]))
    };
    send(
        &bus,
        &second,
        "another run",
        wire::json::to_json(&foreign)?.into(),
    )
    .await?;
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    for (id, body) in [
        ("nothing", Vec::new()),
        ("no JSON", b"{\"job_id\":".to_vec()),
        ("deep", deep.into_bytes()),
        ("NUL", b"{\"worker\":\"\0\"}".to_vec()),
        ("no UTF-8", vec![b'"', 0xff, b'"']),
    ] {
        send(&bus, &second, id, body).await?;
    }
    assert_eq!(kinds().await?, before);

    let good = wire::json::to_json(&outcome(&second, product(CONTENT[1])))?;
    send(&bus, &second, "good", good.clone().into()).await?;
    let versions = clients.versions(&run_id).await?;
    assert_eq!(versions.len(), 1);
    assert_eq!(
        versions[0].hash,
        ContentHash::of(CONTENT[1].as_bytes()).to_string()
    );
    let before = kinds().await?;
    assert_eq!(before.last().map(String::as_str), Some("step_finished"));
    send(&bus, &second, "good again", good.into()).await?;
    assert_eq!(kinds().await?, before);
    assert_unharmed(&stack);
    Ok(())
}
