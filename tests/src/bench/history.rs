//! A database with a million runs of before: does a campaign notice? The runs are loaded by COPY, with a row
//! for each of their transitions, without the events in them and without contents. The product beside it
//! starts on an empty database of the same server; both are measured in turn.

use std::{fmt::Write as _, io::Write};

use anyhow::Context;
use rig::{Nats, Postgres};
use sqlx::{Connection, Executor, PgConnection};

use super::{
    Binaries, Samples,
    product::{Layout, Product},
    results::{Results, Rounds},
    scale::pace,
};

/// Transitions of a campaign: its submit, three artifacts, the report.
const TRANSITIONS: usize = 5;
/// Events of a campaign; its last transition ends with the last of them.
const EVENTS: usize = 15;
/// Runs in one message of the copy.
const CHUNK: usize = 10_000;
/// When the first of them was, Unix milliseconds, and the time between two.
const FIRST: i64 = 1_700_000_000_000;
const EVERY: i64 = 1_000;

/// `history.*`.
pub(super) async fn measure(
    samples: Samples,
    binaries: &Binaries,
    results: &mut Results,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let postgres = Postgres::own().await?;
    let (empty, full) = (postgres.database().await?, postgres.database().await?);
    store::postgres::migrate(&full).await?;
    load(&full, samples.history).await?;
    writeln!(out, "  {} runs of before are loaded", samples.history)?;

    let (one, other) = (Nats::own().await?, Nats::own().await?);
    let layout = Layout::default();
    let mut sides = [
        (
            "history.per_s_empty",
            Product::start_as(layout, binaries, &empty, &one).await?,
        ),
        (
            "history.per_s_1M",
            Product::start_as(layout, binaries, &full, &other).await?,
        ),
    ];
    for (_, product) in &sides {
        product.check().await?;
    }
    let mut rounds = Rounds::default();
    for _ in 0..samples.rounds {
        for (key, product) in &sides {
            rounds.add(key, pace(samples, &product.client()).await?);
        }
        sides.reverse();
        writeln!(out, "  {}", rounds.latest())?;
    }
    rounds.into_results(results);
    Ok(())
}

/// Loads runs that are at rest, then lets the server tidy up, as it would have done long ago.
async fn load(database: &str, runs: usize) -> anyhow::Result<()> {
    let mut on = PgConnection::connect(database).await?;
    copy(
        &mut on,
        "runs (tenant, run, version, status, state, updated, percent, submitted, priority, \
         workflow_version, workflow, mode, plan, input, campaign, title, correlation_id, traceparent)",
        runs,
        |text, number| {
            let at = FIRST + number as i64 * EVERY;
            let hash = format!("{number:064x}");
            writeln!(
                text,
                "default\t{}\t{EVENTS}\tcompleted\tcompleted\t{at}\t100\t{at}\t3\t1\tcampaign\tparallel\t\
                 {hash}\t{hash}\tcampaign-{number}\tof before\t{number}\t",
                id(number)
            )
        },
    )
    .await?;
    copy(
        &mut on,
        "run_events (tenant, run, last_seq, first_seq, at, body)",
        runs,
        |text, number| {
            let at = FIRST + number as i64 * EVERY;
            let each = EVENTS / TRANSITIONS;
            (0..TRANSITIONS).try_for_each(|transition| {
                let first = transition * each + 1;
                let last = first + each - 1;
                writeln!(text, "default\t{}\t{last}\t{first}\t{at}\t", id(number))
            })
        },
    )
    .await?;
    copy(
        &mut on,
        "campaigns (tenant, campaign, run, workflow, title, status, submitted, updated)",
        runs,
        |text, number| {
            let at = FIRST + number as i64 * EVERY;
            writeln!(
                text,
                "default\tcampaign-{number}\t{}\tcampaign\tof before\tcompleted\t{at}\t{at}",
                id(number)
            )
        },
    )
    .await?;
    for tidy in ["vacuum (analyze)", "checkpoint"] {
        on.execute(tidy).await.context(tidy)?;
    }
    on.close().await?;
    Ok(())
}

/// Ids sort by birth, as those of real runs do.
fn id(number: usize) -> String {
    format!(
        "018b0000-{:04x}-7000-8000-{number:012x}",
        number >> 16 & 0xffff
    )
}

/// Copies what `row` writes for each run.
async fn copy(
    on: &mut PgConnection,
    into: &str,
    runs: usize,
    row: impl Fn(&mut String, usize) -> std::fmt::Result,
) -> anyhow::Result<()> {
    let mut copy = on
        .copy_in_raw(&format!("copy {into} from stdin"))
        .await
        .context(into.to_owned())?;
    let mut text = String::new();
    for first in (0..runs).step_by(CHUNK) {
        text.clear();
        for number in first..(first + CHUNK).min(runs) {
            row(&mut text, number)?;
        }
        copy.send(text.as_bytes()).await?;
    }
    copy.finish().await?;
    Ok(())
}
