//! The library: each change is a transaction of the one writer.

use async_trait::async_trait;
use model::{EntryName, TenantId, library::Kind};
use sqlx::{Connection, SqliteConnection, query, query_as, query_scalar};
use tokio::sync::oneshot;

use super::{GONE, Sqlite, reads, system_now, writer::Write};
use crate::{
    StoreError,
    library::{Change, ChangeError, EntryRow, Library, NewEntry, Place, change, check_entry},
    limits::{MAX_NAMES, MAX_VERSIONS},
    row::big,
};

/// A change on its way to the writer.
#[derive(Debug)]
pub(super) struct Wanted {
    place: Place,
    expected: Option<u32>,
    /// None deletes.
    entry: Option<NewEntry>,
    at: i64,
}

type Verdict = (&'static str, i64);

/// Makes the change, or finds that it cannot be made, in one transaction.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    wanted: &Wanted,
) -> Result<Verdict, sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    match decide(&mut transaction, wanted).await {
        Ok(verdict) => transaction.commit().await.map(|()| verdict),
        Err(error) => {
            transaction.rollback().await?;
            Err(error)
        }
    }
}

async fn decide(on: &mut SqliteConnection, wanted: &Wanted) -> Result<Verdict, sqlx::Error> {
    let (tenant, kind, name) = (
        wanted.place.tenant.as_str(),
        wanted.place.kind.as_str(),
        wanted.place.name.as_str(),
    );
    let head: Option<(i64, Option<i64>, String)> = query_as(
        "select l.version, l.deleted, v.hash from library l \
         join library_versions v on v.tenant = l.tenant and v.kind = l.kind and v.name = l.name \
             and v.version = l.version \
         where l.tenant = $1 and l.kind = $2 and l.name = $3",
    )
    .bind(tenant)
    .bind(kind)
    .bind(name)
    .fetch_optional(&mut *on)
    .await?;
    let in_use = head.as_ref().filter(|(_, deleted, _)| deleted.is_none());
    let newest = in_use.map_or(0, |(version, ..)| *version);
    let same = match &wanted.entry {
        Some(entry) => in_use.is_some_and(|(_, _, hash)| hash == entry.hash.as_str()),
        None => newest == 0,
    };
    if same {
        return Ok(("same", newest));
    }
    if wanted
        .expected
        .is_some_and(|expected| i64::from(expected) != newest)
    {
        return Ok(("stale", newest));
    }
    let Some(entry) = &wanted.entry else {
        query("update library set deleted = $4 where tenant = $1 and kind = $2 and name = $3")
            .bind(tenant)
            .bind(kind)
            .bind(name)
            .bind(wanted.at)
            .execute(on)
            .await?;
        return Ok(("made", newest));
    };
    let version = match head {
        Some((version, ..)) if version >= i64::from(MAX_VERSIONS) => {
            return Ok(("versions", newest));
        }
        Some((version, ..)) => version + 1,
        None => {
            let names: i64 =
                query_scalar("select count(*) from library where tenant = $1 and kind = $2")
                    .bind(tenant)
                    .bind(kind)
                    .fetch_one(&mut *on)
                    .await?;
            if names >= i64::from(MAX_NAMES) {
                return Ok(("names", newest));
            }
            1
        }
    };
    query(
        "insert into library (tenant, kind, name, version) values ($1, $2, $3, $4) \
         on conflict do update set version = excluded.version, deleted = null",
    )
    .bind(tenant)
    .bind(kind)
    .bind(name)
    .bind(version)
    .execute(&mut *on)
    .await?;
    query(
        "insert into library_versions (tenant, kind, name, version, hash, title, bytes, author, created) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(tenant)
    .bind(kind)
    .bind(name)
    .bind(version)
    .bind(entry.hash.as_str())
    .bind(&entry.title)
    .bind(big(u64::try_from(entry.content.len()).unwrap_or(u64::MAX)))
    .bind(&entry.author)
    .bind(wanted.at)
    .execute(&mut *on)
    .await?;
    query("insert into blobs (tenant, hash, content) values ($1, $2, $3) on conflict do nothing")
        .bind(tenant)
        .bind(entry.hash.as_str())
        .bind(&entry.content)
        .execute(on)
        .await?;
    Ok(("made", version))
}

impl Sqlite {
    async fn change(&self, wanted: Wanted) -> Result<Change, ChangeError> {
        let (done, answer) = oneshot::channel();
        let gone = || StoreError::Unavailable(GONE.to_owned());
        let write = Write::Library { wanted, done };
        self.queue.send(write).await.map_err(|_| gone())?;
        let (verdict, at) = answer.await.map_err(|_| gone())??;
        change((verdict.to_owned(), at))
    }
}

#[async_trait]
impl Library for Sqlite {
    async fn put_entry(
        &self,
        place: &Place,
        expected: Option<u32>,
        entry: NewEntry,
    ) -> Result<Change, ChangeError> {
        check_entry(&entry)?;
        self.change(Wanted {
            place: place.clone(),
            expected,
            entry: Some(entry),
            at: system_now().0,
        })
        .await
    }

    async fn delete_entry(
        &self,
        place: &Place,
        expected: Option<u32>,
    ) -> Result<Change, ChangeError> {
        self.change(Wanted {
            place: place.clone(),
            expected,
            entry: None,
            at: system_now().0,
        })
        .await
    }

    async fn entry(
        &self,
        place: &Place,
        version: Option<u32>,
    ) -> Result<Option<(EntryRow, String)>, StoreError> {
        let place = place.clone();
        self.read(move |on| Box::pin(async move { reads::entry(on, &place, version).await }))
            .await
    }

    async fn entries(
        &self,
        tenant: &TenantId,
        kind: Kind,
        after: Option<&EntryName>,
        limit: usize,
    ) -> Result<Vec<EntryRow>, StoreError> {
        let (tenant, after) = (tenant.clone(), after.cloned());
        self.read(move |on| {
            Box::pin(async move { reads::entries(on, &tenant, kind, after.as_ref(), limit).await })
        })
        .await
    }

    async fn entry_versions(
        &self,
        place: &Place,
        below: Option<u32>,
        limit: usize,
    ) -> Result<Vec<EntryRow>, StoreError> {
        let place = place.clone();
        self.read(move |on| {
            Box::pin(async move { reads::entry_versions(on, &place, below, limit).await })
        })
        .await
    }
}
