//! The reads that both stores have in common, over one connection inside one read transaction.

/// Defines the reads for a connection type; the two databases' query types share no usable bound.
macro_rules! reads {
    ($connection:ty) => {
        use model::{ContentHash, EntryName, RunId, StepName, TenantId, Timestamp, library::Kind};
        use sqlx::{query_as, query_scalar};

        use crate::{
            library::{self, EntryRow, Place},
            limits::{MAX_PAGE, MAX_TRANSITIONS},
            port::{
                Changed, Due, EventPage, KeyOwner, OpenReview, RunFilter, RunRow, SentJob,
                StoreError, StoredRun, VersionRow,
            },
            ready::Kept,
            record,
            row::{self, big, page, read_failed},
            sql,
        };

        type Read<T> = Result<T, StoreError>;

        pub(super) async fn plan(
            on: &mut $connection,
            tenant: &TenantId,
            hash: &ContentHash,
        ) -> Read<Option<String>> {
            query_scalar(sql::PLAN)
                .bind(tenant.as_str())
                .bind(hash.as_str())
                .fetch_optional(on)
                .await
                .map_err(|error| read_failed(&error))
        }

        async fn row(
            on: &mut $connection,
            tenant: &TenantId,
            run: &RunId,
        ) -> Read<Option<row::Run>> {
            query_as(sql::RUN)
                .bind(tenant.as_str())
                .bind(run.as_str())
                .fetch_optional(on)
                .await
                .map_err(|error| read_failed(&error))
        }

        async fn bodies(
            on: &mut $connection,
            tenant: &TenantId,
            run: &RunId,
            after: i64,
            limit: i64,
        ) -> Read<Vec<String>> {
            query_scalar(sql::EVENTS)
                .bind(tenant.as_str())
                .bind(run.as_str())
                .bind(after)
                .bind(limit)
                .fetch_all(on)
                .await
                .map_err(|error| read_failed(&error))
        }

        pub(super) async fn load(
            on: &mut $connection,
            tenant: &TenantId,
            run: &RunId,
        ) -> Read<Option<StoredRun>> {
            let Some(row) = row(on, tenant, run).await? else {
                return Ok(None);
            };
            let input: Option<String> = query_scalar(sql::BLOB)
                .bind(tenant.as_str())
                .bind(row.input_hash())
                .fetch_optional(&mut *on)
                .await
                .map_err(|error| read_failed(&error))?;
            let snapshot: Option<(i64, String)> = query_as(sql::SNAPSHOT)
                .bind(tenant.as_str())
                .bind(run.as_str())
                .bind(record::SNAPSHOT_FORMAT)
                .fetch_optional(&mut *on)
                .await
                .map_err(|error| read_failed(&error))?;
            let (after, snapshot) = snapshot.unzip();
            let bodies = bodies(on, tenant, run, after.unwrap_or(0), MAX_TRANSITIONS).await?;
            row.into_stored(input, snapshot, &bodies).map(Some)
        }

        pub(super) async fn events(
            on: &mut $connection,
            tenant: &TenantId,
            run: &RunId,
            after: u64,
            limit: usize,
        ) -> Read<Option<EventPage>> {
            let Some(row) = row(on, tenant, run).await? else {
                return Ok(None);
            };
            let bodies = bodies(on, tenant, run, big(after), page(limit)).await?;
            row.into_page(after, &bodies).map(Some)
        }

        pub(super) async fn find_key(
            on: &mut $connection,
            tenant: &TenantId,
            key: &str,
        ) -> Read<Option<(RunId, ContentHash)>> {
            let found: Option<(String, String)> = query_as(sql::KEY)
                .bind(tenant.as_str())
                .bind(key)
                .fetch_optional(on)
                .await
                .map_err(|error| read_failed(&error))?;
            found.map(row::key_holder).transpose()
        }

        pub(super) async fn due(on: &mut $connection, now: Timestamp, limit: usize) -> Read<Due> {
            let limit = page(limit);
            let rows: Vec<row::Due> = query_as(sql::DUE)
                .bind(limit + 1)
                .fetch_all(on)
                .await
                .map_err(|error| read_failed(&error))?;
            row::split_due(rows, now, limit)
        }

        pub(super) async fn sent_before(
            on: &mut $connection,
            before: Timestamp,
            after: Option<&SentJob>,
            limit: usize,
        ) -> Read<Vec<SentJob>> {
            let rows: Vec<row::Sent> = query_as(sql::SENT)
                .bind(before.0)
                .bind(after.map_or("", |sent| sent.tenant.as_str()))
                .bind(after.map_or("", |sent| sent.run.as_str()))
                .bind(after.map_or("", |sent| sent.row.job.as_str()))
                .bind(page(limit))
                .fetch_all(on)
                .await
                .map_err(|error| read_failed(&error))?;
            rows.into_iter().map(row::Sent::into_job).collect()
        }

        pub(super) async fn kept(
            on: &mut $connection,
            tenant: &TenantId,
            run: &RunId,
            now: Timestamp,
        ) -> Read<Vec<Kept>> {
            let rows: Vec<row::KeptRow> = query_as(sql::KEPT)
                .bind(tenant.as_str())
                .bind(run.as_str())
                .bind(page(MAX_PAGE))
                .fetch_all(&mut *on)
                .await
                .map_err(|error| read_failed(&error))?;
            let mut known: std::collections::BTreeMap<String, Option<i64>> = Default::default();
            let mut kept = Vec::with_capacity(rows.len());
            for row in rows {
                let mut longest: Option<(String, Timestamp)> = None;
                for (key, _, slack) in row.paces()? {
                    let ahead = match known.get(&key) {
                        Some(ahead) => *ahead,
                        None => {
                            let ahead: Option<i64> = query_scalar(sql::AHEAD)
                                .bind(tenant.as_str())
                                .bind(key.as_str())
                                .fetch_optional(&mut *on)
                                .await
                                .map_err(|error| read_failed(&error))?;
                            known.insert(key.clone(), ahead);
                            ahead
                        }
                    };
                    if let Some(until) = row::paced_until(ahead, slack, now)
                        && longest.as_ref().is_none_or(|(_, known)| until > *known)
                    {
                        longest = Some((key, until));
                    }
                }
                kept.push(row.into_kept(longest)?);
            }
            Ok(kept)
        }

        pub(super) async fn changed_since(
            on: &mut $connection,
            of: Option<&TenantId>,
            since: Timestamp,
            after: Option<&(Timestamp, RunId)>,
            limit: usize,
        ) -> Read<Vec<Changed>> {
            let rows: Vec<row::ChangedRow> = query_as(sql::CHANGED)
                .bind(since.0)
                .bind(after.map_or(i64::MIN, |(updated, _)| updated.0))
                .bind(after.map_or("", |(_, run)| run.as_str()))
                .bind(page(limit))
                .bind(of.map(TenantId::as_str))
                .fetch_all(on)
                .await
                .map_err(|error| read_failed(&error))?;
            rows.into_iter()
                .map(row::ChangedRow::into_changed)
                .collect()
        }

        pub(super) async fn last_change(on: &mut $connection) -> Read<Option<Timestamp>> {
            let at: Option<i64> = query_scalar(sql::LAST_CHANGE)
                .fetch_one(on)
                .await
                .map_err(|error| read_failed(&error))?;
            Ok(at.map(Timestamp))
        }

        pub(super) async fn runs(
            on: &mut $connection,
            tenant: &TenantId,
            filter: &RunFilter,
        ) -> Read<Vec<RunRow>> {
            let before = filter.before.as_ref();
            let rows: Vec<row::Run> = query_as(sql::RUNS)
                .bind(tenant.as_str())
                .bind(before.map(|(_, run)| run.as_str()))
                .bind(filter.workflow.as_deref())
                .bind(filter.status.map(|status| status.as_str()))
                .bind(filter.campaign.as_ref().map(|campaign| campaign.as_str()))
                .bind(page(filter.limit))
                .fetch_all(on)
                .await
                .map_err(|error| read_failed(&error))?;
            rows.into_iter().map(row::Run::into_row).collect()
        }

        pub(super) async fn run(
            on: &mut $connection,
            tenant: &TenantId,
            run: &RunId,
        ) -> Read<Option<RunRow>> {
            row(on, tenant, run)
                .await?
                .map(row::Run::into_row)
                .transpose()
        }

        pub(super) async fn reviews(
            on: &mut $connection,
            tenant: &TenantId,
            after: Option<&(Timestamp, RunId, StepName)>,
            limit: usize,
        ) -> Read<Vec<OpenReview>> {
            let rows: Vec<row::Review> = query_as(sql::REVIEWS)
                .bind(tenant.as_str())
                .bind(after.map_or(i64::MIN, |(since, ..)| since.0))
                .bind(after.map_or("", |(_, run, _)| run.as_str()))
                .bind(after.map_or("", |(.., step)| step.as_str()))
                .bind(page(limit))
                .fetch_all(on)
                .await
                .map_err(|error| read_failed(&error))?;
            rows.into_iter().map(row::Review::into_open).collect()
        }

        pub(super) async fn versions(
            on: &mut $connection,
            tenant: &TenantId,
            run: &RunId,
            step: Option<&StepName>,
        ) -> Read<Vec<VersionRow>> {
            let rows: Vec<row::Version> = query_as(sql::VERSIONS)
                .bind(tenant.as_str())
                .bind(run.as_str())
                .bind(step.map(|step| step.as_str()))
                .fetch_all(on)
                .await
                .map_err(|error| read_failed(&error))?;
            rows.into_iter().map(row::Version::into_row).collect()
        }

        pub(super) async fn api_key(
            on: &mut $connection,
            key_hash: &ContentHash,
        ) -> Read<Option<KeyOwner>> {
            let rows: Vec<(String, String, String)> = query_as(sql::API_KEY)
                .bind(key_hash.as_str())
                .fetch_all(on)
                .await
                .map_err(|error| read_failed(&error))?;
            row::key_owner(rows)
        }

        pub(super) async fn entry(
            on: &mut $connection,
            place: &Place,
            version: Option<u32>,
        ) -> Read<Option<(EntryRow, String)>> {
            let found: Option<library::Whole> = query_as(sql::ENTRY)
                .bind(place.tenant.as_str())
                .bind(place.kind.as_str())
                .bind(place.name.as_str())
                .bind(version.map(i64::from))
                .fetch_optional(on)
                .await
                .map_err(|error| read_failed(&error))?;
            found.map(library::Whole::into_entry).transpose()
        }

        pub(super) async fn entries(
            on: &mut $connection,
            tenant: &TenantId,
            kind: Kind,
            after: Option<&EntryName>,
            limit: usize,
        ) -> Read<Vec<EntryRow>> {
            let rows: Vec<library::Row> = query_as(sql::ENTRIES)
                .bind(tenant.as_str())
                .bind(kind.as_str())
                .bind(after.map(EntryName::as_str))
                .bind(page(limit))
                .fetch_all(on)
                .await
                .map_err(|error| read_failed(&error))?;
            rows.into_iter().map(library::Row::into_entry).collect()
        }

        pub(super) async fn entry_versions(
            on: &mut $connection,
            place: &Place,
            below: Option<u32>,
            limit: usize,
        ) -> Read<Vec<EntryRow>> {
            let rows: Vec<library::Row> = query_as(sql::ENTRY_VERSIONS)
                .bind(place.tenant.as_str())
                .bind(place.kind.as_str())
                .bind(place.name.as_str())
                .bind(below.map(i64::from))
                .bind(page(limit))
                .fetch_all(on)
                .await
                .map_err(|error| read_failed(&error))?;
            rows.into_iter().map(library::Row::into_entry).collect()
        }
    };
}
pub(crate) use reads;
