//! The one writer: takes whatever is queued and commits it together, so that a flush is shared.

use std::collections::BTreeMap;

use sqlx::{Connection, SqliteConnection, query, query_as};
use tokio::sync::{mpsc, oneshot};

use crate::{
    limits::WRITER_GROUP,
    port::{CommitError, StoreError, Transition},
    ready::Claim,
};

use super::{
    batch::{self, APPLY, Heads},
    claim,
    library::{self, Wanted},
};

pub(super) const BLOBS: &str = "insert into blobs (tenant, hash, content) \
     select value ->> 0, value ->> 1, value ->> 2 from json_each($1) where true \
     on conflict do nothing";
pub(super) const PLAN: &str = "insert into workflows (tenant, hash, plan) \
     select value ->> 0, value ->> 1, value ->> 2 from json_each($1) where true \
     on conflict do nothing";
pub(super) const API_KEY: &str = "insert into api_keys (tenant, key_hash, role, label, created) \
     select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 \
     from json_each($1) where true on conflict do nothing";

const HEADS: &str = "select w.key, r.version from json_each($1) as w \
     cross join runs r on r.tenant = w.value ->> 0 and r.run = w.value ->> 1";
const KEYS: &str = "select w.key, r.run from json_each($1) as w \
     cross join runs r on r.tenant = w.value ->> 0 and r.idempotency_key = w.value ->> 1";

const HOLDS: &str = "select w.key, r.run from json_each($1) as w \
     cross join runs r on r.tenant = w.value ->> 0 and r.holds = w.value ->> 1";

type Verdict = Result<(), CommitError>;

/// A write and who waits for it.
#[derive(Debug)]
pub(super) enum Write {
    Commit {
        batch: Vec<Transition>,
        done: oneshot::Sender<Vec<Verdict>>,
    },
    /// One statement over JSON rows.
    Keep {
        statement: &'static str,
        rows: String,
        done: oneshot::Sender<Result<(), StoreError>>,
    },
    /// A claim of ready jobs, in a transaction of its own.
    Claim {
        wanted: claim::Wanted,
        done: oneshot::Sender<Result<Vec<Claim>, StoreError>>,
    },
    /// A change of the library, in a transaction of its own.
    Library {
        wanted: Wanted,
        done: oneshot::Sender<Result<(&'static str, i64), StoreError>>,
    },
}

/// Why nothing of a group was committed, or perhaps was.
enum Broken {
    /// Some row is refused; the others may be fine.
    Data(String),
    Unavailable(String),
    Unknown(String),
}

/// Works until nobody can queue any more.
pub(super) async fn run(mut connection: SqliteConnection, mut queue: mpsc::Receiver<Write>) {
    let mut group = Vec::with_capacity(WRITER_GROUP);
    while queue.recv_many(&mut group, WRITER_GROUP).await > 0 {
        serve(&mut connection, std::mem::take(&mut group)).await;
    }
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "closing the store failed; what was committed is safe");
    }
}

async fn serve(connection: &mut SqliteConnection, group: Vec<Write>) {
    let transitions: Vec<&Transition> = group.iter().flat_map(Write::transitions).collect();
    let kept: Vec<(&'static str, &str)> = group.iter().filter_map(Write::kept).collect();
    let (mut verdicts, mut answers) = match attempt(connection, &transitions, &kept).await {
        Ok(verdicts) => (verdicts, vec![Ok(()); kept.len()]),
        Err(Broken::Data(_)) => one_by_one(connection, &transitions, &kept).await,
        Err(broken) => (
            transitions.iter().map(|one| broken.verdict(one)).collect(),
            kept.iter().map(|_| broken.answer()).collect(),
        ),
    };
    for write in group {
        // Whoever has gone away does not need the answer.
        let _gone = match write {
            Write::Commit { batch, done } => {
                done.send(verdicts.drain(..batch.len()).collect()).is_err()
            }
            Write::Keep { done, .. } => done.send(answers.remove(0)).is_err(),
            Write::Claim { wanted, done } => {
                let made = claim::apply(connection, &wanted).await;
                done.send(made.map_err(|error| Broken::of(&error).error()))
                    .is_err()
            }
            Write::Library { wanted, done } => {
                let made = library::apply(connection, &wanted).await;
                done.send(made.map_err(|error| Broken::of(&error).error()))
                    .is_err()
            }
        };
    }
}

/// So that one bad row fails alone.
async fn one_by_one(
    connection: &mut SqliteConnection,
    transitions: &[&Transition],
    kept: &[(&'static str, &str)],
) -> (Vec<Verdict>, Vec<Result<(), StoreError>>) {
    let mut answers = Vec::with_capacity(kept.len());
    for one in kept {
        answers.push(match attempt(connection, &[], &[*one]).await {
            Ok(_) => Ok(()),
            Err(broken) => broken.answer(),
        });
    }
    let mut verdicts = Vec::with_capacity(transitions.len());
    for one in transitions {
        verdicts.push(match attempt(connection, &[one], &[]).await {
            Ok(mut verdict) => verdict.pop().unwrap_or(Ok(())),
            Err(broken) => broken.verdict(one),
        });
    }
    (verdicts, answers)
}

/// All of it in one transaction.
async fn attempt(
    connection: &mut SqliteConnection,
    transitions: &[&Transition],
    kept: &[(&'static str, &str)],
) -> Result<Vec<Verdict>, Broken> {
    let mut transaction = connection
        .begin_with("BEGIN IMMEDIATE")
        .await
        .map_err(|error| Broken::of(&error))?;
    let verdicts = match write(&mut transaction, transitions, kept).await {
        Ok(verdicts) => verdicts,
        Err(error) => {
            transaction
                .rollback()
                .await
                .map_err(|error| Broken::Unavailable(error.to_string()))?;
            return Err(Broken::of(&error));
        }
    };
    transaction
        .commit()
        .await
        .map_err(|error| Broken::Unknown(error.to_string()))?;
    Ok(verdicts)
}

async fn write(
    on: &mut SqliteConnection,
    transitions: &[&Transition],
    kept: &[(&'static str, &str)],
) -> Result<Vec<Verdict>, sqlx::Error> {
    for (statement, rows) in kept {
        query(*statement).bind(*rows).execute(&mut *on).await?;
    }
    if transitions.is_empty() {
        return Ok(Vec::new());
    }
    let mut heads = heads(on, transitions).await?;
    let verdicts: Vec<Verdict> = transitions.iter().map(|one| heads.admit(one)).collect();
    let won: Vec<&Transition> = transitions
        .iter()
        .zip(&verdicts)
        .filter_map(|(one, verdict)| verdict.is_ok().then_some(*one))
        .collect();
    if !won.is_empty() {
        let rows = batch::rows(&won);
        rows.into_iter()
            .fold(query(APPLY), |query, rows| query.bind(rows))
            .execute(on)
            .await?;
    }
    Ok(verdicts)
}

/// Versions and keys as the file has them.
async fn heads<'a>(
    on: &mut SqliteConnection,
    transitions: &[&'a Transition],
) -> Result<Heads<'a>, sqlx::Error> {
    let mut heads = Heads::default();
    let places: Vec<_> = transitions
        .iter()
        .map(|one| (one.tenant.as_str(), one.run.as_str()))
        .collect();
    let found: Vec<(i64, i64)> = query_as(HEADS)
        .bind(batch::json(&places))
        .fetch_all(&mut *on)
        .await?;
    for (index, version) in found {
        let place = usize::try_from(index).ok().and_then(|i| places.get(i));
        if let (Some(place), Ok(version)) = (place, u64::try_from(version)) {
            heads.versions.insert(*place, version);
        }
    }
    let keys = transitions.iter().filter_map(|one| batch::key_of(one));
    heads.keys = holders(on, KEYS, keys.collect()).await?;
    let holds = transitions.iter().filter_map(|one| batch::hold_of(one));
    heads.holds = holders(on, HOLDS, holds.collect()).await?;
    Ok(heads)
}

/// The runs that have some of `keys`.
async fn holders<'a>(
    on: &mut SqliteConnection,
    statement: &'static str,
    keys: Vec<(&'a str, &'a str)>,
) -> Result<BTreeMap<(&'a str, &'a str), String>, sqlx::Error> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found: Vec<(i64, String)> = query_as(statement)
        .bind(batch::json(&keys))
        .fetch_all(on)
        .await?;
    let found = found.into_iter().filter_map(|(index, run)| {
        let key = usize::try_from(index).ok().and_then(|at| keys.get(at))?;
        Some((*key, run))
    });
    Ok(found.collect())
}

impl Write {
    fn transitions(&self) -> &[Transition] {
        match self {
            Self::Commit { batch, .. } => batch,
            Self::Keep { .. } | Self::Claim { .. } | Self::Library { .. } => &[],
        }
    }

    fn kept(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Commit { .. } | Self::Claim { .. } | Self::Library { .. } => None,
            Self::Keep {
                statement, rows, ..
            } => Some((statement, rows)),
        }
    }
}

impl Broken {
    fn of(error: &sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(|error| error.code())
            .and_then(|code| code.parse::<u32>().ok());
        // The low byte is the primary result code: ERROR, TOOBIG, CONSTRAINT, MISMATCH.
        match code.map(|code| code & 0xff) {
            Some(1 | 18 | 19 | 20) => Self::Data(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }

    fn verdict(&self, of: &Transition) -> Verdict {
        Err(match self {
            Self::Data(why) => CommitError::Data {
                run: of.run.clone(),
                why: why.clone(),
            },
            Self::Unavailable(why) => CommitError::Unavailable(why.clone()),
            Self::Unknown(why) => CommitError::Unknown(why.clone()),
        })
    }

    fn answer(&self) -> Result<(), StoreError> {
        Err(self.error())
    }

    fn error(&self) -> StoreError {
        match self {
            Self::Data(why) => StoreError::Refused(why.clone()),
            Self::Unavailable(why) | Self::Unknown(why) => StoreError::Unavailable(why.clone()),
        }
    }
}
