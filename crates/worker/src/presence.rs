//! Saying what this worker hosts and what it works on.
//!
//! A job is acked as soon as it is listed in memory, and a message that names it follows within
//! [`ANNOUNCE_WITHIN`]; a job that has ended by then needs none, its outcome speaks for it. So the number
//! of messages does not grow with the number of jobs. Nothing is lost by it: when the worker dies between
//! the ack and that message, the orchestrator finds the job in no list and on no queue, and drives it again
//! after the same 12 s of silence as if the worker had died just after the message.

use std::convert::Infallible;

use bus::Subject;
use bytes::Bytes;
use service::build_info;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;
use wire::job::v1 as pb;

use crate::{
    agent::AgentCard,
    limits::{ANNOUNCE_WITHIN, BROADCAST_LIMIT},
    shared::Shared,
};

/// Announces at start, at every interval, and soon after a job was listed.
pub(crate) async fn announce(shared: &Shared) -> Infallible {
    loop {
        send(shared).await;
        let regular = Instant::now() + shared.options.presence;
        tokio::select! {
            biased;
            () = news(shared) => {}
            () = sleep_until(regular) => {}
        }
    }
}

/// Returns when a job has been on the list for a moment without being announced.
async fn news(shared: &Shared) {
    loop {
        shared.listed.notified().await;
        tokio::time::sleep(ANNOUNCE_WITHIN).await;
        if shared.roster().has_news() {
            return;
        }
    }
}

/// Announces once. A message that is lost is made up for by the next one.
pub(crate) async fn send(shared: &Shared) {
    let now = Instant::now();
    let lines = shared.roster().lines(now);
    let presence = pb::WorkerPresence {
        worker: shared.options.name.clone(),
        uptime_ms: millis(now.saturating_duration_since(shared.started)),
        agents: shared
            .agents
            .iter()
            .map(|agent| describe(shared, agent.card(), now))
            .collect(),
        jobs: lines
            .iter()
            .map(|line| pb::ListedJob {
                job_id: line.job.to_string(),
                token: line.token,
                running_ms: millis(line.running),
                timeout_ms: millis(line.timeout),
            })
            .collect(),
        draining: shared.stop.is_cancelled(),
        version: build_info::VERSION.to_owned(),
    };
    let body = match wire::json::to_json(&presence) {
        Ok(body) => Bytes::from(body),
        Err(error) => {
            tracing::error!(%error, "presence cannot be written");
            return;
        }
    };
    let subject = Subject::worker_presence();
    match timeout(BROADCAST_LIMIT, shared.bus.broadcast(&subject, body)).await {
        Ok(Ok(())) => shared.roster().announced(&lines),
        Ok(Err(error)) => debug!(%error, "presence was not sent"),
        Err(_) => debug!("presence was not sent in time"),
    }
}

fn describe(shared: &Shared, card: &AgentCard, now: Instant) -> pb::Agent {
    let ends = shared.ends(&card.kind);
    let since = |at: Instant| millis(now.saturating_duration_since(at));
    pb::Agent {
        kind: card.kind.to_string(),
        model: card.model.clone(),
        version: card.version.clone(),
        slots: shared.options.slots,
        output_schema_json: card.output_schema.to_string(),
        facts_json: serde_json::to_string(&card.facts).unwrap_or_default(),
        max_output_bytes: u64::try_from(card.max_output_bytes).unwrap_or(u64::MAX),
        input_price_microusd: card.input_price_microusd,
        output_price_microusd: card.output_price_microusd,
        done_ms: ends.done.map(since),
        failure: ends
            .failed
            .map_or_else(String::new, |(_, class)| class.to_string()),
        failed_ms: ends.failed.map(|(at, _)| since(at)),
    }
}

pub(crate) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
