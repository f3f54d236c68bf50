//! What tenants keep to use again, in versions; contents are blobs. Not on the commit path: people write
//! here, each change in a transaction of its own.

use async_trait::async_trait;
use model::{ContentHash, EntryName, TenantId, Timestamp, library::Kind};
use sqlx::FromRow;

use crate::{
    check,
    limits::{MAX_AUTHOR_BYTES, MAX_TITLE_BYTES},
    port::StoreError,
    row::{id, number},
};

/// A name of a tenant's library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whose.
    pub tenant: TenantId,
    /// What is kept there.
    pub kind: Kind,
    /// Under which name.
    pub name: EntryName,
}

/// A content to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Of `content`.
    pub hash: ContentHash,
    /// The exact bytes.
    pub content: String,
    /// A line for people.
    pub title: String,
    /// Who puts it.
    pub author: String,
}

/// What a change came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was made; the version it is about.
    Made(u32),
    /// All was so before: this version has the content, or, of a delete, 0.
    Same(u32),
}

/// Why nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Another version than the expected one is the newest; 0 when the name is not in use.
    #[error("version {0} is the newest")]
    Stale(u32),
    /// The tenant has as many names of the kind as it may, deleted ones included.
    #[error("there is no room for another name")]
    Names,
    /// The name has as many versions as it may.
    #[error("there is no room for another version")]
    Versions,
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A version's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRow {
    /// Under which name.
    pub name: EntryName,
    /// 1, 2, 3 … within kind and name.
    pub version: u32,
    /// Of its content.
    pub hash: ContentHash,
    /// A line for people.
    pub title: String,
    /// Of its content.
    pub bytes: u64,
    /// Who put it.
    pub author: String,
    /// When.
    pub created: Timestamp,
    /// Whether the name is out of use.
    pub deleted: bool,
}

/// The library. What a call has changed is durable when it returns.
#[async_trait]
pub trait Library: Send + Sync {
    /// Keeps a version, numbered after the last one that the name ever had. With `expected`, only while that
    /// is the newest version (0: while the name is not in use). The newest version's own content makes none,
    /// whatever is expected: so a repeated call is safe.
    async fn put_entry(
        &self,
        place: &Place,
        expected: Option<u32>,
        entry: NewEntry,
    ) -> Result<Change, ChangeError>;

    /// Takes a name out of use; its versions stay. With `expected`, only while that is the newest version.
    async fn delete_entry(
        &self,
        place: &Place,
        expected: Option<u32>,
    ) -> Result<Change, ChangeError>;

    /// A version with its content, also of a deleted name; without a number the newest.
    async fn entry(
        &self,
        place: &Place,
        version: Option<u32>,
    ) -> Result<Option<(EntryRow, String)>, StoreError>;

    /// The newest version of each name in use, in the order of the names, after the cursor.
    async fn entries(
        &self,
        tenant: &TenantId,
        kind: Kind,
        after: Option<&EntryName>,
        limit: usize,
    ) -> Result<Vec<EntryRow>, StoreError>;

    /// The versions of a name, deleted or not, newest first, below the cursor.
    async fn entry_versions(
        &self,
        place: &Place,
        below: Option<u32>,
        limit: usize,
    ) -> Result<Vec<EntryRow>, StoreError>;
}

/// Whether an entry can be stored.
pub(crate) fn check_entry(entry: &NewEntry) -> Result<(), StoreError> {
    check::kept("the content", &entry.content)?;
    check::text("the title", &entry.title, MAX_TITLE_BYTES).map_err(StoreError::Refused)?;
    check::text("the author", &entry.author, MAX_AUTHOR_BYTES).map_err(StoreError::Refused)
}

/// What both databases answer to a change.
pub(crate) fn change((verdict, at): (String, i64)) -> Result<Change, ChangeError> {
    let at = number("an entry's version", at)?;
    match verdict.as_str() {
        "made" => Ok(Change::Made(at)),
        "same" => Ok(Change::Same(at)),
        "stale" => Err(ChangeError::Stale(at)),
        "names" => Err(ChangeError::Names),
        "versions" => Err(ChangeError::Versions),
        other => Err(StoreError::Corrupt {
            what: "a change of the library".to_owned(),
            why: format!("`{other}` is no verdict"),
        }
        .into()),
    }
}

#[derive(FromRow)]
pub(crate) struct Row {
    name: String,
    version: i64,
    hash: String,
    title: String,
    bytes: i64,
    author: String,
    created: i64,
    deleted: bool,
}

impl Row {
    pub(crate) fn into_entry(self) -> Result<EntryRow, StoreError> {
        Ok(EntryRow {
            name: id("an entry's name", &self.name)?,
            version: number("an entry's version", self.version)?,
            hash: id("an entry's hash", &self.hash)?,
            title: self.title,
            bytes: number("an entry's size", self.bytes)?,
            author: self.author,
            created: Timestamp(self.created),
            deleted: self.deleted,
        })
    }
}

/// A row with its content.
#[derive(FromRow)]
pub(crate) struct Whole {
    #[sqlx(flatten)]
    row: Row,
    content: String,
}

impl Whole {
    pub(crate) fn into_entry(self) -> Result<(EntryRow, String), StoreError> {
        Ok((self.row.into_entry()?, self.content))
    }
}
