//! What this machine gives: commits, messages, a flush of the disk.

use std::{
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use async_nats::jetstream::{
    self,
    consumer::pull,
    context::{PublishAckFuture, PublishError},
    stream,
};
use bytes::Bytes;
use futures::{StreamExt, future::try_join_all};
use rig::Postgres;
use sqlx::{Connection, PgConnection};

use super::{
    load::{Latencies, text},
    results::Results,
};

/// Messages laid down for the pulls.
const MESSAGES: usize = 20_000;
const HOPS: usize = 500;
const FLUSHES: usize = 200;
/// A page of Postgres's log.
const PAGE: usize = 8 * 1024;

/// Measures the floor into `floor.*`.
pub(super) async fn measure(
    postgres: &Postgres,
    nats: &str,
    time: Duration,
    results: &mut Results,
) -> anyhow::Result<()> {
    let database = postgres.database().await?;
    for clients in [1, 16] {
        let (per_s, latencies) = commits(&database, clients, time).await?;
        results.set(&format!("floor.commits_per_s_{clients}"), per_s);
        results.set(&format!("floor.commit_ms_{clients}"), latencies.within(0.5));
        results.set(
            &format!("floor.commit_p99_ms_{clients}"),
            latencies.within(0.99),
        );
    }
    let data = PathBuf::from(postgres.query("show data_directory").await?);
    let latencies = tokio::task::spawn_blocking(move || flushes(&data)).await??;
    results.set("floor.flush_ms", latencies.within(0.5));

    let js = jetstream::new(async_nats::connect(nats).await?);
    let stream = js
        .create_stream(stream::Config {
            name: "FLOOR".to_owned(),
            subjects: vec!["floor.>".to_owned()],
            retention: stream::RetentionPolicy::WorkQueue,
            ..stream::Config::default()
        })
        .await?;
    for places in [1, 64] {
        let published = publishes(&js, places, time).await?;
        results.set(&format!("floor.publish_ack_per_s_{places}"), published);
        stream.purge().await?;
        let pulled = pulls(&js, &stream, places).await?;
        results.set(&format!("floor.pull_ack_per_s_{places}"), pulled);
    }
    let hops = hops(&js, &stream).await?;
    results.set("floor.hop_ms", hops.within(0.5));
    results.set("floor.hop_p99_ms", hops.within(0.99));
    js.delete_stream("FLOOR").await?;
    Ok(())
}

async fn commits(
    database: &str,
    clients: usize,
    time: Duration,
) -> anyhow::Result<(f64, Latencies)> {
    let mut connection = PgConnection::connect(database).await?;
    sqlx::query("create table if not exists floor (id bigserial primary key, body text not null)")
        .execute(&mut connection)
        .await?;
    let start = Instant::now();
    let one = async || -> anyhow::Result<Vec<Duration>> {
        let mut connection = PgConnection::connect(database).await?;
        let body = text();
        let mut taken = Vec::new();
        while start.elapsed() < time {
            let begun = Instant::now();
            sqlx::query("insert into floor (body) values ($1)")
                .bind(&body)
                .execute(&mut connection)
                .await?;
            taken.push(begun.elapsed());
        }
        Ok(taken)
    };
    let taken = try_join_all((0..clients).map(|_| one())).await?.concat();
    let per_s = taken.len() as f64 / start.elapsed().as_secs_f64();
    Ok((per_s, Latencies::new(taken)))
}

/// Writes of one page, each made durable, in a file that has its size already, as a log segment has.
fn flushes(data: &Path) -> anyhow::Result<Latencies> {
    let volume = data.parent().context("the data folder has no parent")?;
    let mut file = tempfile::tempfile_in(volume).context("a file beside the data of Postgres")?;
    file.write_all(&vec![0; PAGE * FLUSHES])?;
    file.sync_all()?;
    file.seek(SeekFrom::Start(0))?;
    let mut taken = Vec::with_capacity(FLUSHES);
    for _ in 0..FLUSHES {
        let begun = Instant::now();
        file.write_all(&[1; PAGE])?;
        file.sync_data()?;
        taken.push(begun.elapsed());
    }
    Ok(Latencies::new(taken))
}

async fn publishes(js: &jetstream::Context, places: usize, time: Duration) -> anyhow::Result<f64> {
    let body = Bytes::from(text());
    let start = Instant::now();
    let one = async || -> anyhow::Result<usize> {
        let mut count = 0;
        while start.elapsed() < time {
            publish(js, &body).await?.await?;
            count += 1;
        }
        Ok(count)
    };
    let counts = try_join_all((0..places).map(|_| one())).await?;
    Ok(counts.iter().sum::<usize>() as f64 / start.elapsed().as_secs_f64())
}

async fn publish(js: &jetstream::Context, body: &Bytes) -> Result<PublishAckFuture, PublishError> {
    js.publish("floor.message", body.clone()).await
}

async fn pulls(
    js: &jetstream::Context,
    stream: &stream::Stream,
    places: usize,
) -> anyhow::Result<f64> {
    let body = Bytes::from(text());
    futures::stream::iter(0..MESSAGES)
        .map(|_| async { anyhow::Ok(publish(js, &body).await?.await?) })
        .buffer_unordered(256)
        .collect::<Vec<_>>()
        .await
        .into_iter()
        .collect::<anyhow::Result<Vec<_>>>()?;
    let consumer = consumer(stream).await?;
    let mut messages = consumer
        .stream()
        .max_messages_per_batch(places)
        .messages()
        .await?;
    let start = Instant::now();
    let count = if places == 1 { MESSAGES / 10 } else { MESSAGES };
    for _ in 0..count {
        let message = messages.next().await.context("the messages ended")??;
        message.ack().await.map_err(anyhow::Error::from_boxed)?;
    }
    let per_s = count as f64 / start.elapsed().as_secs_f64();
    stream.delete_consumer("floor").await?;
    stream.purge().await?;
    Ok(per_s)
}

/// From a publish to the puller that waits for it.
async fn hops(js: &jetstream::Context, stream: &stream::Stream) -> anyhow::Result<Latencies> {
    let consumer = consumer(stream).await?;
    let mut messages = consumer.messages().await?;
    let body = Bytes::from(text());
    let mut taken = Vec::with_capacity(HOPS);
    for _ in 0..HOPS {
        let begun = Instant::now();
        let stored = publish(js, &body).await?;
        let message = messages.next().await.context("the messages ended")??;
        taken.push(begun.elapsed());
        message.ack().await.map_err(anyhow::Error::from_boxed)?;
        stored.await?;
    }
    Ok(Latencies::new(taken))
}

async fn consumer(
    stream: &stream::Stream,
) -> anyhow::Result<jetstream::consumer::Consumer<pull::Config>> {
    let config = pull::Config {
        durable_name: Some("floor".to_owned()),
        max_ack_pending: 8_192,
        ..pull::Config::default()
    };
    Ok(stream.create_consumer(config).await?)
}
