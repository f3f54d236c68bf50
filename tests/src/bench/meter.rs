//! What runs cost: CPU by the system's count, flushes by Postgres's, messages by the streams'.

use std::time::Duration;

use anyhow::Context;
use async_nats::jetstream;
use rig::{Nats, Postgres};
use sqlx::PgPool;

/// How long a Postgres session that fell idle may keep its counts to itself: 10 s, and a moment.
pub(super) const STATISTICS_LAG: Duration = Duration::from_secs(11);
/// Linux counts CPU time in hundredths of a second towards programs, whatever the kernel's own tick.
const TICKS_PER_SECOND: f64 = 100.0;
/// Before it, flushes of the log are in `pg_stat_wal`.
const FLUSHES_MOVED: i32 = 180_000;

/// Reads the counters of the servers.
pub(super) struct Meter {
    admin: PgPool,
    flushes: &'static str,
    postmaster: u32,
    nats: u32,
    stream: jetstream::Context,
}

/// Where the counters stood, or how far they went.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts {
    pub(super) flushes: u64,
    pub(super) wal_bytes: u64,
    pub(super) transactions: u64,
    /// Jobs and outcomes.
    pub(super) messages: u64,
    pub(super) events: u64,
}

impl Counts {
    pub(super) fn since(&self, before: &Self) -> Self {
        Self {
            flushes: self.flushes - before.flushes,
            wal_bytes: self.wal_bytes - before.wal_bytes,
            transactions: self.transactions - before.transactions,
            messages: self.messages - before.messages,
            events: self.events - before.events,
        }
    }
}

impl Meter {
    pub(super) async fn new(postgres: &Postgres, nats: &Nats) -> anyhow::Result<Self> {
        let admin = PgPool::connect(postgres.admin_url()).await?;
        let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int")
            .fetch_one(&admin)
            .await?;
        let flushes = if version < FLUSHES_MOVED {
            "select wal_sync::bigint, wal_bytes::bigint from pg_stat_wal"
        } else {
            "select (select sum(fsyncs)::bigint from pg_stat_io where object = 'wal'), wal_bytes::bigint \
             from pg_stat_wal"
        };
        let client = async_nats::connect(nats.url()).await?;
        Ok(Self {
            admin,
            flushes,
            postmaster: postgres.pid().context("the cluster is not ours")?,
            nats: nats.pid().context("the NATS server is not ours")?,
            stream: jetstream::new(client),
        })
    }

    /// Lets Postgres tidy by itself, or not: it counts its own transactions among those of its clients.
    pub(super) async fn autovacuum(&self, on: bool) -> anyhow::Result<()> {
        let setting = if on {
            "alter system reset autovacuum"
        } else {
            "alter system set autovacuum = off"
        };
        for statement in [setting, "select pg_reload_conf()"] {
            sqlx::raw_sql(statement).execute(&self.admin).await?;
        }
        Ok(())
    }

    /// CPU time so far of Postgres (`pg`), of `nats`, of this process (`client`), and of the others.
    pub(super) fn cpu(
        &self,
        others: &[(&'static str, Option<u32>)],
    ) -> anyhow::Result<Vec<(&'static str, Duration)>> {
        let mut spent = vec![
            ("pg", cluster_cpu(self.postmaster)?),
            ("nats", cpu(self.nats)?.own),
            ("client", cpu(std::process::id())?.own),
        ];
        for (name, pid) in others {
            spent.push((name, cpu(pid.context("a process has ended")?)?.own));
        }
        Ok(spent)
    }

    pub(super) async fn counts(&self) -> anyhow::Result<Counts> {
        let (flushes, wal_bytes): (i64, i64) =
            sqlx::query_as(self.flushes).fetch_one(&self.admin).await?;
        let transactions: i64 = sqlx::query_scalar(
            "select sum(xact_commit)::bigint from pg_stat_database where datname <> current_database()",
        )
        .fetch_one(&self.admin)
        .await?;
        let last = async |name: &str| -> anyhow::Result<u64> {
            let mut stream = self.stream.get_stream(name).await?;
            Ok(stream.info().await?.state.last_sequence)
        };
        Ok(Counts {
            flushes: u64::try_from(flushes)?,
            wal_bytes: u64::try_from(wal_bytes)?,
            transactions: u64::try_from(transactions)?,
            messages: last("JOBS").await? + last("OUTCOMES").await?,
            events: last("EVENTS").await?,
        })
    }
}

/// What a process holds of the machine's memory, MB.
pub(super) fn memory_mb(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kb = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kb: f64 = kb.context("/proc/<pid>/status tells no VmRSS")?.parse()?;
    Ok(kb / 1_024.0)
}

struct Cpu {
    parent: u32,
    own: Duration,
    /// Of children that have ended and were waited for.
    children: Duration,
}

/// Of the postmaster and all its processes, those that have ended too.
fn cluster_cpu(postmaster: u32) -> anyhow::Result<Duration> {
    let main = cpu(postmaster)?;
    let mut sum = main.own + main.children;
    for entry in
        std::fs::read_dir("/proc").context("/proc cannot be read: CPU is counted on Linux")?
    {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // A process that has ended meanwhile counts with its parent from now on.
        if let Ok(found) = cpu(pid)
            && found.parent == postmaster
        {
            sum += found.own;
        }
    }
    Ok(sum)
}

/// `/proc/<pid>/stat`; the program's name may hold anything, so it is read from behind it.
fn cpu(pid: u32) -> anyhow::Result<Cpu> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = text.rsplit_once(") ").context("/proc/<pid>/stat")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks = |at: usize| -> anyhow::Result<f64> {
        let field = fields.get(at).context("/proc/<pid>/stat is too short")?;
        Ok(field.parse::<f64>()?)
    };
    let time = |ticks: f64| Duration::from_secs_f64(ticks / TICKS_PER_SECOND);
    Ok(Cpu {
        parent: ticks(1)? as u32,
        own: time(ticks(11)? + ticks(12)?),
        children: time(ticks(13)? + ticks(14)?),
    })
}
