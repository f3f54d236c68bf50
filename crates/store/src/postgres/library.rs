//! The library: each change is one function call.

use async_trait::async_trait;
use model::{EntryName, TenantId, library::Kind};
use sqlx::{Postgres as Db, postgres::PgArguments, query::QueryAs, query_as};

use super::{Postgres, Scope, not_written, own_task, reads};
use crate::{
    CommitPath, StoreError,
    library::{Change, ChangeError, EntryRow, Library, NewEntry, Place, change, check_entry},
    limits::{MAX_NAMES, MAX_VERSIONS},
    row::big,
};

type Verdict = (String, i64);

impl Postgres {
    async fn change(
        &self,
        statement: QueryAs<'static, Db, Verdict, PgArguments>,
    ) -> Result<Change, ChangeError> {
        let writers = self.writers.clone();
        let answered = own_task(async move {
            let mut session = writers.acquire().await?;
            match statement.fetch_one(&mut session.connection).await {
                Ok(verdict) => {
                    writers.give_back(session);
                    Ok(verdict)
                }
                Err(error) => Err(writers.broken(session, &error)),
            }
        });
        change(answered.await?.map_err(not_written)?)
    }
}

#[async_trait]
impl Library for Postgres {
    async fn put_entry(
        &self,
        place: &Place,
        expected: Option<u32>,
        entry: NewEntry,
    ) -> Result<Change, ChangeError> {
        check_entry(&entry)?;
        let created = self.now().await?.0;
        let bytes = big(u64::try_from(entry.content.len()).unwrap_or(u64::MAX));
        self.change(
            query_as(
                "select verdict, at from \
                 put_library_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            )
            .bind(place.tenant.to_string())
            .bind(place.kind.as_str())
            .bind(place.name.to_string())
            .bind(expected.map(i64::from))
            .bind(entry.hash.to_string())
            .bind(entry.content)
            .bind(entry.title)
            .bind(bytes)
            .bind(entry.author)
            .bind(created)
            .bind(i64::from(MAX_NAMES))
            .bind(i64::from(MAX_VERSIONS)),
        )
        .await
    }

    async fn delete_entry(
        &self,
        place: &Place,
        expected: Option<u32>,
    ) -> Result<Change, ChangeError> {
        let deleted = self.now().await?.0;
        self.change(
            query_as("select verdict, at from delete_library_v1($1, $2, $3, $4, $5)")
                .bind(place.tenant.to_string())
                .bind(place.kind.as_str())
                .bind(place.name.to_string())
                .bind(expected.map(i64::from))
                .bind(deleted),
        )
        .await
    }

    async fn entry(
        &self,
        place: &Place,
        version: Option<u32>,
    ) -> Result<Option<(EntryRow, String)>, StoreError> {
        let place = place.clone();
        self.read(Scope::Tenant(place.tenant.clone()), move |on| {
            Box::pin(async move { reads::entry(on, &place, version).await })
        })
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
        self.read(Scope::Tenant(tenant.clone()), move |on| {
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
        self.read(Scope::Tenant(place.tenant.clone()), move |on| {
            Box::pin(async move { reads::entry_versions(on, &place, below, limit).await })
        })
        .await
    }
}
