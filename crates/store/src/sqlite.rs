//! SQLite, for one process: every write goes through one writer, which commits together whatever is
//! queued; readers have connections of their own.

mod batch;
mod claim;
mod library;
mod writer;

mod reads {
    crate::reads::reads!(sqlx::SqliteConnection);
}

use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use futures::future::BoxFuture;
use model::{ContentHash, RunId, StepName, TenantId, Timestamp};
use sqlx::{
    Connection, SqliteConnection, SqlitePool,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{
    check, limits,
    port::{
        Blob, Changed, CommitError, CommitPath, Due, EventPage, KeyOwner, OpenReview, Queries,
        RunFilter, RunRow, SentJob, StoreError, StoredRun, Transition, VersionRow,
    },
    ready::{Claim, Kept, Lane, ReadyJob},
    row::{self, read_failed},
    sql,
};
use writer::Write;

const BLOBS: &str = "select hash, content from blobs \
     where tenant = $1 and hash in (select value from json_each($2))";
const RESULTS: &str = "select v.step, v.version, v.content from json_each($3) as w \
     cross join artifact_versions v on v.tenant = $1 and v.run = $2 \
         and v.step = w.value ->> 0 and v.version = w.value ->> 1";

const GONE: &str = "the writer of the store has ended";

/// A store in one SQLite file.
#[derive(Debug)]
pub struct Sqlite {
    queue: mpsc::Sender<Write>,
    readers: SqlitePool,
    writer: JoinHandle<()>,
}

impl Sqlite {
    /// Opens the file, makes it and its folder when they are not there (for their owner alone), and
    /// brings its tables up to date. Call it within a tokio runtime.
    ///
    /// # Errors
    /// When the file cannot be made, opened or brought up to date.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        make_private(path).map_err(|error| {
            StoreError::Unavailable(format!("{} cannot be made: {error}", path.display()))
        })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(limits::SQLITE_BUSY)
            .foreign_keys(true);
        let unusable = |error: &dyn std::fmt::Display| {
            StoreError::Unavailable(format!("{} cannot be opened: {error}", path.display()))
        };
        let mut connection = SqliteConnection::connect_with(&options)
            .await
            .map_err(|error| unusable(&error))?;
        migrations()
            .run_direct(None, &mut connection, false)
            .await
            .map_err(|error| match error {
                MigrateError::VersionMismatch(_) | MigrateError::VersionMissing(_) => unusable(
                    &"it was made by another build, with another schema; move it away, or name another folder \
                      with --data-dir",
                ),
                other => unusable(&other),
            })?;
        let readers = SqlitePoolOptions::new()
            .max_connections(limits::SQLITE_READERS)
            .acquire_timeout(limits::ACQUIRE)
            .connect_with(options.pragma("query_only", "on"))
            .await
            .map_err(|error| unusable(&error))?;
        let (queue, writes) = mpsc::channel(limits::WRITER_QUEUE);
        let writer = tokio::spawn(writer::run(connection, writes));
        Ok(Self {
            queue,
            readers,
            writer,
        })
    }

    /// Ends what is queued and closes the file.
    pub async fn close(self) {
        let Self {
            queue,
            readers,
            writer,
        } = self;
        drop(queue);
        if let Err(error) = writer.await {
            tracing::error!(%error, "the writer of the store broke off");
        }
        readers.close().await;
    }

    /// One statement over JSON rows. A caller that goes away after the writer took it changes nothing.
    async fn keep(&self, statement: &'static str, rows: String) -> Result<(), StoreError> {
        let (done, answer) = oneshot::channel();
        let gone = || StoreError::Unavailable(GONE.to_owned());
        let write = Write::Keep {
            statement,
            rows,
            done,
        };
        self.queue.send(write).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Reads within one transaction, in a task of its own, so that a caller who goes away leaves no
    /// transaction open.
    async fn read<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>>
        + Send
        + 'static,
    ) -> Result<T, StoreError> {
        let readers = self.readers.clone();
        let task = tokio::spawn(async move {
            let mut transaction = readers.begin().await.map_err(|error| read_failed(&error))?;
            let found = work(&mut transaction).await?;
            transaction
                .commit()
                .await
                .map_err(|error| read_failed(&error))?;
            Ok(found)
        });
        task.await
            .unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string())))
    }
}

fn migrations() -> Migrator {
    let files = [
        (
            "tables",
            include_str!("../migrations/sqlite/0001_tables.sql"),
        ),
        (
            "library",
            include_str!("../migrations/sqlite/0002_library.sql"),
        ),
    ];
    let numbered = (1..).zip(files).map(|(number, (name, text))| {
        let text = sqlx::SqlSafeStr::into_sql_str(text);
        Migration::new(number, name.into(), MigrationType::Simple, text, false)
    });
    Migrator::with_migrations(numbered.collect())
}

#[cfg(unix)]
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)?;
    Ok(())
}

#[cfg(not(unix))]
fn make_private(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)?;
    Ok(())
}

fn system_now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[async_trait]
impl CommitPath for Sqlite {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(system_now())
    }

    async fn save_plan(
        &self,
        tenant: &TenantId,
        hash: &ContentHash,
        plan: &str,
    ) -> Result<(), StoreError> {
        check::kept("the plan", plan)?;
        self.keep(writer::PLAN, batch::json(&[(tenant, hash, plan)]))
            .await
    }

    async fn plan(
        &self,
        tenant: &TenantId,
        hash: &ContentHash,
    ) -> Result<Option<String>, StoreError> {
        let (tenant, hash) = (tenant.clone(), hash.clone());
        self.read(move |on| Box::pin(async move { reads::plan(on, &tenant, &hash).await }))
            .await
    }

    async fn commit(&self, batch: Vec<Transition>) -> Vec<Result<(), CommitError>> {
        let count = batch.len();
        let (done, answer) = oneshot::channel();
        let gone = GONE.to_owned();
        if self
            .queue
            .send(Write::Commit { batch, done })
            .await
            .is_err()
        {
            return vec![Err(CommitError::Unavailable(gone)); count];
        }
        let unknown = || vec![Err(CommitError::Unknown(gone)); count];
        answer.await.unwrap_or_else(|_| unknown())
    }

    async fn load(&self, tenant: &TenantId, run: &RunId) -> Result<Option<StoredRun>, StoreError> {
        let (tenant, run) = (tenant.clone(), run.clone());
        self.read(move |on| Box::pin(async move { reads::load(on, &tenant, &run).await }))
            .await
    }

    async fn find_key(
        &self,
        tenant: &TenantId,
        key: &str,
    ) -> Result<Option<(RunId, ContentHash)>, StoreError> {
        let (tenant, key) = (tenant.clone(), key.to_owned());
        self.read(move |on| Box::pin(async move { reads::find_key(on, &tenant, &key).await }))
            .await
    }

    async fn results(
        &self,
        tenant: &TenantId,
        run: &RunId,
        wanted: &[(StepName, u32)],
    ) -> Result<Vec<(StepName, u32, String)>, StoreError> {
        let rows: Vec<(String, i64, String)> = sqlx::query_as(RESULTS)
            .bind(tenant.as_str())
            .bind(run.as_str())
            .bind(batch::json(wanted))
            .fetch_all(&self.readers)
            .await
            .map_err(|error| read_failed(&error))?;
        rows.into_iter().map(row::result).collect()
    }

    async fn blobs(
        &self,
        tenant: &TenantId,
        hashes: &[ContentHash],
    ) -> Result<Vec<Blob>, StoreError> {
        let rows: Vec<(String, String)> = sqlx::query_as(BLOBS)
            .bind(tenant.as_str())
            .bind(batch::json(hashes))
            .fetch_all(&self.readers)
            .await
            .map_err(|error| read_failed(&error))?;
        rows.into_iter().map(row::blob).collect()
    }

    async fn save_blobs(&self, tenant: &TenantId, blobs: Vec<Blob>) -> Result<(), StoreError> {
        for blob in &blobs {
            check::kept("a blob", &blob.content)?;
        }
        let rows: Vec<_> = blobs
            .iter()
            .map(|blob| (tenant, &blob.hash, &blob.content))
            .collect();
        self.keep(writer::BLOBS, batch::json(&rows)).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Due, StoreError> {
        self.read(move |on| Box::pin(reads::due(on, now, limit)))
            .await
    }

    async fn sent_before(
        &self,
        before: Timestamp,
        after: Option<&SentJob>,
        limit: usize,
    ) -> Result<Vec<SentJob>, StoreError> {
        let after = after.cloned();
        self.read(move |on| {
            Box::pin(async move { reads::sent_before(on, before, after.as_ref(), limit).await })
        })
        .await
    }

    async fn ready(
        &self,
        after: Option<&Lane>,
        lanes: usize,
        rows: usize,
    ) -> Result<Vec<ReadyJob>, StoreError> {
        let after = after.cloned();
        self.read(move |on| {
            Box::pin(async move {
                let found: Vec<row::LaneRow> = sqlx::query_as(sql::LANES)
                    .bind(after.as_ref().map_or("", |lane| lane.agent.as_str()))
                    .bind(after.as_ref().map_or("", |lane| lane.gate.as_str()))
                    .bind(after.as_ref().map_or("", |lane| lane.tenant.as_str()))
                    .bind(row::page(lanes.min(limits::MAX_LANES)))
                    .fetch_all(&mut *on)
                    .await
                    .map_err(|error| read_failed(&error))?;
                let mut jobs = Vec::new();
                for lane in found {
                    let lane = lane.into_lane()?;
                    let found: Vec<row::Ready> = sqlx::query_as(sql::OF_LANE)
                        .bind(lane.agent.as_str())
                        .bind(lane.gate.as_str())
                        .bind(lane.tenant.as_str())
                        .bind(row::page(rows.min(limits::MAX_LANE_JOBS)))
                        .fetch_all(&mut *on)
                        .await
                        .map_err(|error| read_failed(&error))?;
                    for job in found {
                        jobs.push(job.into_job()?);
                    }
                }
                Ok(jobs)
            })
        })
        .await
    }

    async fn claim(&self, now: Timestamp, jobs: &[ReadyJob]) -> Result<Vec<Claim>, StoreError> {
        let (done, answer) = oneshot::channel();
        let gone = || StoreError::Unavailable(GONE.to_owned());
        let wanted = claim::Wanted {
            now,
            jobs: jobs.to_vec(),
        };
        let write = Write::Claim { wanted, done };
        self.queue.send(write).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    async fn changed_since(
        &self,
        of: Option<&TenantId>,
        since: Timestamp,
        after: Option<&(Timestamp, RunId)>,
        limit: usize,
    ) -> Result<Vec<Changed>, StoreError> {
        let (of, after) = (of.cloned(), after.cloned());
        self.read(move |on| {
            Box::pin(async move {
                reads::changed_since(on, of.as_ref(), since, after.as_ref(), limit).await
            })
        })
        .await
    }

    async fn last_change(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(move |on| Box::pin(reads::last_change(on))).await
    }

    async fn events(
        &self,
        tenant: &TenantId,
        run: &RunId,
        after: u64,
        limit: usize,
    ) -> Result<Option<EventPage>, StoreError> {
        let (tenant, run) = (tenant.clone(), run.clone());
        self.read(move |on| {
            Box::pin(async move { reads::events(on, &tenant, &run, after, limit).await })
        })
        .await
    }
}

#[async_trait]
impl Queries for Sqlite {
    async fn runs(&self, tenant: &TenantId, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        let (tenant, filter) = (tenant.clone(), filter.clone());
        self.read(move |on| Box::pin(async move { reads::runs(on, &tenant, &filter).await }))
            .await
    }

    async fn run(&self, tenant: &TenantId, run: &RunId) -> Result<Option<RunRow>, StoreError> {
        let (tenant, run) = (tenant.clone(), run.clone());
        self.read(move |on| Box::pin(async move { reads::run(on, &tenant, &run).await }))
            .await
    }

    async fn versions(
        &self,
        tenant: &TenantId,
        run: &RunId,
        step: Option<&StepName>,
    ) -> Result<Vec<VersionRow>, StoreError> {
        let (tenant, run, step) = (tenant.clone(), run.clone(), step.cloned());
        self.read(move |on| {
            Box::pin(async move { reads::versions(on, &tenant, &run, step.as_ref()).await })
        })
        .await
    }

    async fn kept(
        &self,
        tenant: &TenantId,
        run: &RunId,
        now: Timestamp,
    ) -> Result<Vec<Kept>, StoreError> {
        let (tenant, run) = (tenant.clone(), run.clone());
        self.read(move |on| Box::pin(async move { reads::kept(on, &tenant, &run, now).await }))
            .await
    }

    async fn reviews(
        &self,
        tenant: &TenantId,
        after: Option<&(Timestamp, RunId, StepName)>,
        limit: usize,
    ) -> Result<Vec<OpenReview>, StoreError> {
        let (tenant, after) = (tenant.clone(), after.cloned());
        self.read(move |on| {
            Box::pin(async move { reads::reviews(on, &tenant, after.as_ref(), limit).await })
        })
        .await
    }

    async fn api_key(&self, key_hash: &ContentHash) -> Result<Option<KeyOwner>, StoreError> {
        let key_hash = key_hash.clone();
        self.read(move |on| Box::pin(async move { reads::api_key(on, &key_hash).await }))
            .await
    }

    async fn save_api_key(
        &self,
        tenant: &TenantId,
        key_hash: &ContentHash,
        role: &str,
        label: &str,
    ) -> Result<(), StoreError> {
        check::kept("the role", role)?;
        check::kept("the label", label)?;
        let row = (tenant, key_hash, role, label, system_now().0);
        self.keep(writer::API_KEY, batch::json(&[row])).await
    }
}
