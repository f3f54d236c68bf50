//! Postgres, for any number of processes.
//!
//! Writes are one function call each: one round trip, one transaction, one flush. They have sessions of
//! their own, which never hold a transaction open; reads have others. Every session works as
//! `pressrun_app`, which is neither owner nor superuser, so row-level security holds; a scan over all
//! tenants works as `pressrun_scan` for its transaction, and sees named columns only.

mod claim;
mod clock;
mod commit;
mod connect;
mod contact;
mod library;
mod login;
mod migrate;
mod writers;

mod reads {
    crate::reads::reads!(sqlx::PgConnection);
}

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use model::{ContentHash, RunId, StepName, TenantId, Timestamp};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, query, query_as};

use crate::{
    check,
    limits::{MAX_LANE_JOBS, MAX_LANES},
    port::{
        Blob, Changed, CommitError, CommitPath, Due, EventPage, KeyOwner, OpenReview, Queries,
        RunFilter, RunRow, Schema, SentJob, StoreError, StoredRun, Transition, VersionRow,
    },
    ready::{Claim, Kept, Lane, ReadyJob},
    row::{self, read_failed},
    sql,
};
use clock::Clock;
use commit::Broken;
pub use connect::Options;
use contact::Contact;
pub use login::ensure_login;
pub use migrate::migrate;
use writers::Writers;

const BLOBS: &str = "select hash, content from blobs where tenant = $1 and hash = any($2)";
const RESULTS: &str = "select v.step, v.version, v.content from artifact_versions v \
     where tenant = $1 and run = $2 and (step, version) in (select * from unnest($3, $4))";

/// All lanes with their first jobs in one statement; `$1` to `$4` as in [`sql::LANES`].
fn ready_jobs() -> String {
    let of_lane = sql::OF_LANE
        .replace("$4", "$5")
        .replace("$1", "l.agent")
        .replace("$2", "l.gate")
        .replace("$3", "l.tenant");
    format!(
        "select j.* from ({}) as l cross join lateral ({of_lane}) as j",
        sql::LANES
    )
}

const SCHEMA: &str = "select max(version) from _sqlx_migrations where success";

/// A store in a Postgres database.
#[derive(Debug, Clone)]
pub struct Postgres {
    writers: Arc<Writers>,
    readers: PgPool,
    clock: Arc<Clock>,
    contact: Arc<Contact>,
    #[cfg(feature = "planted-bugs")]
    drop_begin: bool,
}

/// Whose rows a read sees.
enum Scope {
    Tenant(TenantId),
    /// The named columns of all tenants.
    Scan,
}

impl Scope {
    /// Tenant ids are tokens of letters, digits, `_` and `-`, so they need no quoting.
    fn begin(&self) -> String {
        let scope = match self {
            Self::Tenant(tenant) => format!("SET LOCAL app.tenants = '{{{tenant}}}'"),
            Self::Scan => "SET LOCAL ROLE pressrun_scan".to_owned(),
        };
        format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {scope}")
    }
}

impl Postgres {
    /// Connects, and checks that the tables are there.
    ///
    /// # Errors
    /// When the database cannot be reached, the login may not act as `pressrun_app`, or [`migrate`] has
    /// not been run.
    pub async fn connect(options: &Options) -> Result<Self, StoreError> {
        let (writers, readers) = connect::sessions(options)?;
        let clock = Clock::measure(&readers).await?;
        let there: bool = sqlx::query_scalar(
            "select to_regproc('commit_v1') is not null \
             and to_regproc('put_library_v1') is not null",
        )
        .fetch_one(&readers)
        .await
        .map_err(|error| read_failed(&error))?;
        if !there {
            return Err(StoreError::Unavailable(
                "the database has no tables of this version: run `pressrun migrate`".to_owned(),
            ));
        }
        Ok(Self {
            contact: writers.contact().clone(),
            writers: Arc::new(writers),
            readers,
            clock: Arc::new(clock),
            #[cfg(feature = "planted-bugs")]
            drop_begin: options.drop_begin,
        })
    }

    /// Closes the connections once they are free.
    pub async fn close(&self) {
        self.writers.close().await;
        self.readers.close().await;
    }

    /// Reads within one transaction, in a task of its own: sqlx 0.9 leaves the session in a transaction
    /// when the future of a `begin` is dropped, so no caller holds one.
    async fn read<T: Send + 'static>(
        &self,
        scope: Scope,
        work: impl for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, StoreError>>
        + Send
        + 'static,
    ) -> Result<T, StoreError> {
        let transaction = transaction(self.readers.clone(), self.contact.clone(), scope, work);
        #[cfg(feature = "planted-bugs")]
        if self.drop_begin {
            return transaction.await;
        }
        own_task(transaction).await?
    }

    /// One statement that writes, each a transaction of its own.
    async fn write(&self, statement: Statement) -> Result<(), StoreError> {
        let writers = self.writers.clone();
        let written = own_task(async move {
            let mut session = writers.acquire().await?;
            match statement.execute(&mut session.connection).await {
                Ok(_) => {
                    writers.give_back(session);
                    Ok(())
                }
                Err(error) => Err(writers.broken(session, &error)),
            }
        });
        written.await?.map_err(not_written)
    }
}

fn not_written(broken: Broken) -> StoreError {
    match broken {
        Broken::Data(why) => StoreError::Refused(why),
        Broken::Contended(why) | Broken::Unavailable(why) | Broken::Unknown(why) => {
            StoreError::Unavailable(why)
        }
    }
}

type Statement = sqlx::query::Query<'static, sqlx::Postgres, sqlx::postgres::PgArguments>;

async fn transaction<T>(
    readers: PgPool,
    contact: Arc<Contact>,
    scope: Scope,
    work: impl for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let mut transaction = readers
        .begin_with(AssertSqlSafe(scope.begin()))
        .await
        .inspect_err(|error| contact.failed(error))
        .map_err(|error| read_failed(&error))?;
    contact.answered();
    let found = work(&mut transaction).await?;
    transaction
        .commit()
        .await
        .inspect_err(|error| contact.failed(error))
        .map_err(|error| read_failed(&error))?;
    contact.answered();
    Ok(found)
}

/// Runs to its end even when the caller goes away.
async fn own_task<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::spawn(work)
        .await
        .map_err(|error| StoreError::Unavailable(error.to_string()))
}

#[async_trait]
impl CommitPath for Postgres {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(Clock::now(&self.clock, &self.readers))
    }

    fn name(&self) -> &'static str {
        "postgres"
    }

    fn trouble(&self) -> Option<String> {
        self.contact.trouble()
    }

    async fn save_plan(
        &self,
        tenant: &TenantId,
        hash: &ContentHash,
        plan: &str,
    ) -> Result<(), StoreError> {
        check::kept("the plan", plan)?;
        let (tenant, hash, plan) = (tenant.to_string(), hash.to_string(), plan.to_owned());
        self.write(
            query("select save_plan_v1($1, $2, $3)")
                .bind(tenant)
                .bind(hash)
                .bind(plan),
        )
        .await
    }

    async fn plan(
        &self,
        tenant: &TenantId,
        hash: &ContentHash,
    ) -> Result<Option<String>, StoreError> {
        let (tenant, hash) = (tenant.clone(), hash.clone());
        self.read(Scope::Tenant(tenant.clone()), move |on| {
            Box::pin(async move { reads::plan(on, &tenant, &hash).await })
        })
        .await
    }

    async fn commit(&self, batch: Vec<Transition>) -> Vec<Result<(), CommitError>> {
        let count = batch.len();
        match own_task(commit::commit(self.writers.clone(), batch)).await {
            Ok(verdicts) => verdicts,
            Err(error) => vec![Err(CommitError::Unknown(error.to_string())); count],
        }
    }

    async fn load(&self, tenant: &TenantId, run: &RunId) -> Result<Option<StoredRun>, StoreError> {
        let (tenant, run) = (tenant.clone(), run.clone());
        self.read(Scope::Tenant(tenant.clone()), move |on| {
            Box::pin(async move { reads::load(on, &tenant, &run).await })
        })
        .await
    }

    async fn find_key(
        &self,
        tenant: &TenantId,
        key: &str,
    ) -> Result<Option<(RunId, ContentHash)>, StoreError> {
        let (tenant, key) = (tenant.clone(), key.to_owned());
        self.read(Scope::Tenant(tenant.clone()), move |on| {
            Box::pin(async move { reads::find_key(on, &tenant, &key).await })
        })
        .await
    }

    async fn results(
        &self,
        tenant: &TenantId,
        run: &RunId,
        wanted: &[(StepName, u32)],
    ) -> Result<Vec<(StepName, u32, String)>, StoreError> {
        let (owner, run) = (tenant.to_string(), run.to_string());
        let (steps, versions): (Vec<String>, Vec<i64>) = wanted
            .iter()
            .map(|(step, version)| (step.to_string(), i64::from(*version)))
            .unzip();
        self.read(Scope::Tenant(tenant.clone()), move |on| {
            Box::pin(async move {
                let rows: Vec<(String, i64, String)> = query_as(RESULTS)
                    .bind(owner)
                    .bind(run)
                    .bind(steps)
                    .bind(versions)
                    .fetch_all(on)
                    .await
                    .map_err(|error| read_failed(&error))?;
                rows.into_iter().map(row::result).collect()
            })
        })
        .await
    }

    async fn blobs(
        &self,
        tenant: &TenantId,
        hashes: &[ContentHash],
    ) -> Result<Vec<Blob>, StoreError> {
        let owner = tenant.to_string();
        let hashes: Vec<String> = hashes.iter().map(ToString::to_string).collect();
        self.read(Scope::Tenant(tenant.clone()), move |on| {
            Box::pin(async move {
                let rows: Vec<(String, String)> = query_as(BLOBS)
                    .bind(owner)
                    .bind(hashes)
                    .fetch_all(on)
                    .await
                    .map_err(|error| read_failed(&error))?;
                rows.into_iter().map(row::blob).collect()
            })
        })
        .await
    }

    async fn save_blobs(&self, tenant: &TenantId, mut blobs: Vec<Blob>) -> Result<(), StoreError> {
        for blob in &blobs {
            check::kept("a blob", &blob.content)?;
        }
        // In the order in which every writer takes them, so that two never wait for each other.
        blobs.sort_by(|a, b| a.hash.cmp(&b.hash));
        let (hashes, contents): (Vec<String>, Vec<String>) = blobs
            .into_iter()
            .map(|blob| (blob.hash.to_string(), blob.content))
            .unzip();
        let tenant = tenant.to_string();
        self.write(
            query("select save_blobs_v1($1, $2, $3)")
                .bind(tenant)
                .bind(hashes)
                .bind(contents),
        )
        .await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Due, StoreError> {
        self.read(Scope::Scan, move |on| Box::pin(reads::due(on, now, limit)))
            .await
    }

    async fn sent_before(
        &self,
        before: Timestamp,
        after: Option<&SentJob>,
        limit: usize,
    ) -> Result<Vec<SentJob>, StoreError> {
        let after = after.cloned();
        self.read(Scope::Scan, move |on| {
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
        self.read(Scope::Scan, move |on| {
            Box::pin(async move {
                let rows: Vec<row::Ready> = query_as(AssertSqlSafe(ready_jobs()))
                    .bind(
                        after
                            .as_ref()
                            .map_or("", |lane| lane.agent.as_str())
                            .to_owned(),
                    )
                    .bind(
                        after
                            .as_ref()
                            .map_or("", |lane| lane.gate.as_str())
                            .to_owned(),
                    )
                    .bind(
                        after
                            .as_ref()
                            .map_or("", |lane| lane.tenant.as_str())
                            .to_owned(),
                    )
                    .bind(row::page(lanes.min(MAX_LANES)))
                    .bind(row::page(rows.min(MAX_LANE_JOBS)))
                    .fetch_all(on)
                    .await
                    .map_err(|error| read_failed(&error))?;
                rows.into_iter().map(row::Ready::into_job).collect()
            })
        })
        .await
    }

    async fn claim(&self, now: Timestamp, jobs: &[ReadyJob]) -> Result<Vec<Claim>, StoreError> {
        let claimed = own_task(claim::claim(self.writers.clone(), now, jobs.to_vec()));
        claimed.await?.map_err(Broken::claim_failed)
    }

    async fn changed_since(
        &self,
        of: Option<&TenantId>,
        since: Timestamp,
        after: Option<&(Timestamp, RunId)>,
        limit: usize,
    ) -> Result<Vec<Changed>, StoreError> {
        let (of, after) = (of.cloned(), after.cloned());
        let scope = of.clone().map_or(Scope::Scan, Scope::Tenant);
        self.read(scope, move |on| {
            Box::pin(async move {
                reads::changed_since(on, of.as_ref(), since, after.as_ref(), limit).await
            })
        })
        .await
    }

    async fn last_change(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(Scope::Scan, move |on| Box::pin(reads::last_change(on)))
            .await
    }

    async fn events(
        &self,
        tenant: &TenantId,
        run: &RunId,
        after: u64,
        limit: usize,
    ) -> Result<Option<EventPage>, StoreError> {
        let (tenant, run) = (tenant.clone(), run.clone());
        self.read(Scope::Tenant(tenant.clone()), move |on| {
            Box::pin(async move { reads::events(on, &tenant, &run, after, limit).await })
        })
        .await
    }
}

#[async_trait]
impl Queries for Postgres {
    async fn runs(&self, tenant: &TenantId, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        let (tenant, filter) = (tenant.clone(), filter.clone());
        self.read(Scope::Tenant(tenant.clone()), move |on| {
            Box::pin(async move { reads::runs(on, &tenant, &filter).await })
        })
        .await
    }

    async fn run(&self, tenant: &TenantId, run: &RunId) -> Result<Option<RunRow>, StoreError> {
        let (tenant, run) = (tenant.clone(), run.clone());
        self.read(Scope::Tenant(tenant.clone()), move |on| {
            Box::pin(async move { reads::run(on, &tenant, &run).await })
        })
        .await
    }

    async fn versions(
        &self,
        tenant: &TenantId,
        run: &RunId,
        step: Option<&StepName>,
    ) -> Result<Vec<VersionRow>, StoreError> {
        let (tenant, run, step) = (tenant.clone(), run.clone(), step.cloned());
        self.read(Scope::Tenant(tenant.clone()), move |on| {
            Box::pin(async move { reads::versions(on, &tenant, &run, step.as_ref()).await })
        })
        .await
    }

    async fn reviews(
        &self,
        tenant: &TenantId,
        after: Option<&(Timestamp, RunId, StepName)>,
        limit: usize,
    ) -> Result<Vec<OpenReview>, StoreError> {
        let (tenant, after) = (tenant.clone(), after.cloned());
        self.read(Scope::Tenant(tenant.clone()), move |on| {
            Box::pin(async move { reads::reviews(on, &tenant, after.as_ref(), limit).await })
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
        self.read(Scope::Tenant(tenant.clone()), move |on| {
            Box::pin(async move { reads::kept(on, &tenant, &run, now).await })
        })
        .await
    }

    async fn schema(&self) -> Result<Option<Schema>, StoreError> {
        let readers = self.readers.clone();
        let found = own_task(async move {
            sqlx::query_scalar::<_, Option<i64>>(SCHEMA)
                .fetch_one(&readers)
                .await
        });
        let found = match found.await? {
            Ok(found) => found,
            // No right to read it: it was made before services were given that.
            Err(sqlx::Error::Database(_)) => None,
            Err(error) => return Err(read_failed(&error)),
        };
        Ok(Some(Schema {
            found: found.map_or(0, |number| u32::try_from(number).unwrap_or(0)),
            wanted: migrate::newest(),
        }))
    }

    async fn api_key(&self, key_hash: &ContentHash) -> Result<Option<KeyOwner>, StoreError> {
        let key_hash = key_hash.clone();
        self.read(Scope::Scan, move |on| {
            Box::pin(async move { reads::api_key(on, &key_hash).await })
        })
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
        let created = self.now().await?.0;
        let (tenant, key_hash) = (tenant.to_string(), key_hash.to_string());
        let (role, label) = (role.to_owned(), label.to_owned());
        self.write(
            query("select save_api_key_v1($1, $2, $3, $4, $5)")
                .bind(tenant)
                .bind(key_hash)
                .bind(role)
                .bind(label)
                .bind(created),
        )
        .await
    }
}
