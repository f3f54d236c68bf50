//! Both modes, from the brief to the rows.

use anyhow::Context;
use model::ContentHash;
use system_tests::{
    brief,
    follow::{Follower, Habit},
    stack::Stack,
};
use wire::{
    artifact::v1::{GetMediaRequest, GetVersionRequest},
    campaign::v1::OrchestrationResult,
    convert::result,
};

use super::{AGENTS, MODES, artifacts, jobs_left};
use crate::shared;

#[tokio::test]
async fn both_modes_end_with_rows_equal_to_the_answer() -> anyhow::Result<()> {
    let stack = shared().await?;
    let clients = stack.clients()?;
    for (mode, reports) in MODES.into_iter().zip([1, 3]) {
        let request = brief::request(&format!("whole {mode}"), mode);
        let result = clients.campaigns.clone().run(request).await?.into_inner();
        assert_eq!(
            (result.status.as_str(), result.state.as_str()),
            ("success", "completed")
        );
        assert_eq!(artifacts(&result), AGENTS);
        assert!(result.errors.is_empty(), "{:?}", result.errors);
        let metrics = result.metrics.as_ref().context("metrics")?;
        assert_eq!(
            (metrics.input_tokens, metrics.output_tokens),
            (3_000, 1_500)
        );
        assert_eq!(clients.result(&result.run_id).await?, result);
        assert_rows(stack, &result, reports).await?;
        assert_contents(stack, &result).await?;
    }
    Ok(())
}

/// Campaign, artifacts, reports, the run's summary and its last event: written by one transaction.
async fn assert_rows(
    stack: &Stack,
    result: &OrchestrationResult,
    reports: usize,
) -> anyhow::Result<()> {
    let run = &result.run_id;
    let campaign = stack
        .query(&format!(
            "select campaign, status from campaigns where run = '{run}'"
        ))
        .await?;
    assert_eq!(campaign, format!("{}|completed", result.campaign_id));

    let versions = &result.artifacts.as_ref().context("artifacts")?.versions;
    let wanted: Vec<_> = versions
        .iter()
        .map(|(step, version)| format!("{step}|{}|{}", version.number, version.hash))
        .collect();
    let active = stack
        .query(&format!(
            "select step, version, hash from artifacts where run = '{run}' order by step"
        ))
        .await?;
    assert_eq!(active, wanted.join("\n"));
    let exact = stack
        .query(&format!(
            "select step, version, encode(sha256(convert_to(content, 'UTF8')), 'hex') \
             from artifact_versions where run = '{run}' and not report order by step"
        ))
        .await?;
    assert_eq!(exact, wanted.join("\n"));

    let report = result.audit_report.as_ref().context("report")?;
    let stored = stack
        .query(&format!(
            "select count(*), min(score), bool_or(verdict = '{}') from audit_reports where run = '{run}'",
            report.verdict
        ))
        .await?;
    assert_eq!(stored, format!("{reports}|{}|t", report.score));

    let transactions = stack
        .query(&format!(
            "select count(distinct written) from ( \
               select xmin::text as written from campaigns where run = '{run}' \
               union all select xmin::text from artifacts where run = '{run}' \
               union all select xmin::text from audit_reports where run = '{run}' \
               union all select xmin::text from runs where run = '{run}' \
               union all (select xmin::text from run_events where run = '{run}' \
                          order by last_seq desc limit 1)) as rows"
        ))
        .await?;
    assert_eq!(transactions, "1", "the end of the run is one transaction");
    assert_eq!(jobs_left(stack, run).await?, "0");
    Ok(())
}

/// Each stored content, read as its artifact, is what the answer holds.
async fn assert_contents(stack: &Stack, answer: &OrchestrationResult) -> anyhow::Result<()> {
    let clients = stack.clients()?;
    let mut read = OrchestrationResult::default();
    for step in AGENTS {
        let request = GetVersionRequest {
            run_id: answer.run_id.clone(),
            step: step.to_owned(),
            version: 0,
        };
        let version = clients
            .artifacts
            .clone()
            .get_version(request)
            .await?
            .into_inner();
        assert!(version.active);
        assert_eq!(
            (version.agent.as_str(), version.model.as_str()),
            (step, "fake-1")
        );
        assert_eq!(version.worker, "agent-worker-0");
        result::put(&mut read, step, &version.content_json)?;
    }
    let (read, wanted) = (
        read.artifacts.context("read")?,
        answer.artifacts.clone().context("answer")?,
    );
    assert_eq!(
        (read.copy, read.short_copy, read.visual_concept),
        (
            wanted.copy,
            wanted.short_copy,
            wanted.visual_concept.clone()
        )
    );
    let concept = wanted.visual_concept.context("concept")?;
    let poster = concept.poster.context("poster")?;
    for named in [poster.png, poster.svg].into_iter().flatten() {
        let request = GetMediaRequest {
            hash: named.hash.clone(),
        };
        let picture = clients.artifacts.clone().get_media(request).await?;
        let picture = picture.into_inner();
        assert_eq!(picture.media_type, named.media_type);
        assert_eq!(picture.content.len() as u64, named.bytes);
        assert_eq!(ContentHash::of(&picture.content).as_str(), named.hash);
    }
    Ok(())
}

#[tokio::test]
async fn every_transition_is_an_event_and_a_stream_has_them_all() -> anyhow::Result<()> {
    let stack = shared().await?;
    let clients = stack.clients()?;
    let mut request = tonic::Request::new(brief::request("streamed", "parallel"));
    request
        .metadata_mut()
        .insert("x-correlation-id", "order-66".parse()?);
    let run_id = clients
        .campaigns
        .clone()
        .submit(request)
        .await?
        .into_inner()
        .run_id;
    let events = clients.events.clone().context("a gateway")?;
    let mut follower = Follower::new(events, &run_id, Habit::Stays);
    follower.to_rest().await?;
    assert_eq!(follower.returns, 0);

    let events = &follower.events;
    assert_eq!(*events, clients.stored_events(&run_id).await?);
    for event in events {
        assert_eq!(event.id, format!("{run_id}.{}", event.sequence));
        assert_eq!(event.correlation_id, "order-66");
        assert_eq!(
            (event.workflow.as_str(), event.tenant.as_str()),
            ("campaign", "local")
        );
    }
    let kinds: Vec<_> = events.iter().map(|event| event.r#type.as_str()).collect();
    let count = |kind: &str| kinds.iter().filter(|found| **found == kind).count();
    assert_eq!(kinds.first(), Some(&"submitted"));
    assert_eq!(kinds.last(), Some(&"ended"));
    assert_eq!(
        (
            count("step_started"),
            count("step_finished"),
            count("milestone_reached")
        ),
        (4, 4, 1)
    );
    let states: Vec<_> = events.iter().map(|event| event.state.as_str()).collect();
    for state in [
        "queued",
        "generating_copy",
        "generating_short_copy",
        "generating_visual",
        "generation_complete",
        "auditing",
        "completed",
    ] {
        assert!(states.contains(&state), "{state} is missing in {states:?}");
    }
    Ok(())
}
