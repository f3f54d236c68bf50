//! The hot path: many transitions as one call of `commit_v1`.

use std::{collections::BTreeSet, sync::Arc};

use sqlx::{PgConnection, query_as};

use crate::{
    check,
    limits::MAX_BATCH,
    port::{CommitError, Transition},
    record,
    row::big,
};

use super::writers::Writers;

type Verdict = Result<(), CommitError>;

/// Why a call did not do it.
#[derive(Debug)]
pub(super) enum Broken {
    /// A row is refused; nothing was written.
    Data(String),
    /// Two writers wait for each other, or too long; nothing was written.
    Contended(String),
    /// Nothing was written.
    Unavailable(String),
    /// It may have been written.
    Unknown(String),
}

/// Commits `batch` in calls of at most [`MAX_BATCH`]; verdicts in the order given.
pub(super) async fn commit(writers: Arc<Writers>, batch: Vec<Transition>) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = batch.iter().map(check::check).collect();
    let mut good: Vec<usize> = Vec::with_capacity(batch.len());
    let mut runs = BTreeSet::new();
    for (index, (transition, verdict)) in batch.iter().zip(&mut verdicts).enumerate() {
        if verdict.is_ok() {
            if runs.insert(place(transition)) {
                good.push(index);
            } else {
                *verdict = stale(transition);
            }
        }
    }
    // Every writer locks in this order.
    good.sort_by_key(|index| place(&batch[*index]));
    for piece in good.chunks(MAX_BATCH) {
        let transitions: Vec<&Transition> = piece.iter().map(|index| &batch[*index]).collect();
        for (index, verdict) in piece.iter().zip(group(&writers, &transitions).await) {
            verdicts[*index] = verdict;
        }
    }
    verdicts
}

fn place(transition: &Transition) -> (&str, &str) {
    (transition.tenant.as_str(), transition.run.as_str())
}

fn stale(transition: &Transition) -> Verdict {
    Err(CommitError::Stale {
        run: transition.run.clone(),
        expected: transition.expected,
    })
}

/// One call; when it fails by its data or by others' locks, one call each, so that a bad run fails alone.
async fn group(writers: &Writers, transitions: &[&Transition]) -> Vec<Verdict> {
    let broken = match call(writers, transitions).await {
        Ok(verdicts) => return verdicts,
        Err(broken) => broken,
    };
    let apart = matches!(broken, Broken::Data(_) | Broken::Contended(_));
    if transitions.len() == 1 || !apart {
        return transitions.iter().map(|one| broken.verdict(one)).collect();
    }
    let mut verdicts = Vec::with_capacity(transitions.len());
    for one in transitions {
        verdicts.push(match call(writers, &[*one]).await {
            Ok(mut verdict) => verdict.pop().unwrap_or(Ok(())),
            Err(broken) => broken.verdict(one),
        });
    }
    verdicts
}

async fn call(writers: &Writers, transitions: &[&Transition]) -> Result<Vec<Verdict>, Broken> {
    let mut session = writers.acquire().await?;
    let (outcomes, holders) = match send(&mut session.connection, transitions).await {
        Ok(answer) => {
            writers.give_back(session);
            answer
        }
        Err(error) => return Err(writers.broken(session, &error)),
    };
    if outcomes.len() != transitions.len() || holders.len() != transitions.len() {
        return Err(Broken::Unknown(
            "the answer has not the right length".to_owned(),
        ));
    }
    let verdicts = transitions.iter().zip(outcomes).zip(holders);
    Ok(verdicts
        .map(|((one, outcome), holder)| match (outcome, holder) {
            (0, _) => Ok(()),
            (2, Some(holder)) => match holder.parse() {
                Ok(holder) => Err(CommitError::KeyTaken(holder)),
                Err(_) => stale(one),
            },
            _ => stale(one),
        })
        .collect())
}

/// One list per parameter; `of` is the transition's place, from 1.
async fn send(
    connection: &mut PgConnection,
    transitions: &[&Transition],
) -> Result<(Vec<i32>, Vec<Option<String>>), sqlx::Error> {
    let all = || (1_i32..).zip(transitions.iter().copied());
    let column = |of: fn(&Transition) -> i64| -> Vec<i64> {
        transitions.iter().map(|one| of(one)).collect()
    };
    let text = |of: for<'a> fn(&'a Transition) -> &'a str| -> Vec<&str> {
        transitions.iter().map(|one| of(one)).collect()
    };

    let tenants: BTreeSet<&str> = transitions.iter().map(|one| one.tenant.as_str()).collect();
    let tenants = format!("{{{}}}", Vec::from_iter(tenants).join(","));
    let percents: Vec<i32> = transitions
        .iter()
        .map(|one| i32::try_from(one.standing.percent).unwrap_or(i32::MAX))
        .collect();
    let wakes: Vec<Option<i64>> = transitions
        .iter()
        .map(|one| one.standing.wake_at.map(|at| at.0))
        .collect();
    let bodies: Vec<String> = transitions
        .iter()
        .map(|one| record::encode_events(&one.events))
        .collect();

    // Unique keys that runs share are taken in one order by every writer.
    let mut births: Vec<_> = all()
        .filter_map(|(of, one)| Some((of, one, one.birth.as_ref()?)))
        .collect();
    births.sort_by_key(|(_, one, birth)| {
        (
            one.tenant.as_str(),
            birth.idempotency_key.as_deref(),
            one.holds.as_deref(),
        )
    });
    let born = |of: for<'a> fn(&'a crate::port::Birth) -> &'a str| -> Vec<&str> {
        births.iter().map(|(_, _, birth)| of(birth)).collect()
    };
    let keys: Vec<Option<&str>> = births
        .iter()
        .map(|(_, _, birth)| birth.idempotency_key.as_deref())
        .collect();
    let holds: Vec<Option<&str>> = births
        .iter()
        .map(|(_, one, _)| one.holds.as_deref())
        .collect();
    let workflow_versions: Vec<i64> = births
        .iter()
        .map(|(_, _, birth)| i64::from(birth.workflow_version))
        .collect();
    let priorities: Vec<i32> = births
        .iter()
        .map(|(_, _, birth)| i32::from(birth.priority))
        .collect();
    let submitted: Vec<i64> = births
        .iter()
        .map(|(_, _, birth)| birth.submitted.0)
        .collect();

    let sent: Vec<_> = each(all(), |one| &one.sent);
    let ready: Vec<_> = each(all(), |one| &one.ready);
    let withdrawn: Vec<_> = each(all(), |one| &one.withdrawn);
    let asked: Vec<_> = each(all(), |one| &one.asked);
    let answered: Vec<_> = each(all(), |one| &one.answered);
    let given_up: Vec<_> = each(all(), |one| &one.given_up);
    let versions: Vec<_> = each(all(), |one| &one.versions);
    let provenances: Vec<String> = versions
        .iter()
        .map(|(_, version)| record::encode_provenance(&version.provenance))
        .collect();
    let mut blobs: Vec<_> = all()
        .flat_map(|(of, one)| one.blobs.iter().map(move |blob| (of, one, blob)))
        .collect();
    blobs.sort_by_key(|(_, one, blob)| (one.tenant.as_str(), blob.hash.as_str()));
    let rests: Vec<_> = all()
        .filter_map(|(of, one)| Some((of, one.rest.as_ref()?)))
        .collect();
    let active: Vec<_> = rests
        .iter()
        .flat_map(|(of, rest)| rest.active.iter().map(move |active| (*of, active)))
        .collect();
    let verdicts: Vec<Option<&str>> = active
        .iter()
        .map(|(_, active)| Some(active.report.as_ref()?.verdict.as_str()))
        .collect();
    let scores: Vec<Option<f64>> = active
        .iter()
        .map(|(_, active)| Some(active.report.as_ref()?.score))
        .collect();
    let judged: Vec<Option<String>> = active
        .iter()
        .map(|(_, active)| Some(record::encode_judged(&active.report.as_ref()?.of)))
        .collect();

    query_as(
        "select verdicts, holders from commit_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, \
         $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, \
         $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, \
         $49, $50, $51, $52, $53, $54, $55, $56, $57, $58, $59, $60, $61, $62, $63, $64, $65, $66, $67, \
         $68, $69, $70, $71, $72, $73, $74, $75, $76, $77, $78, $79, $80)",
    )
    .bind(tenants)
    .bind(text(|one| one.tenant.as_str()))
    .bind(text(|one| one.run.as_str()))
    .bind(column(|one| big(one.expected)))
    .bind(column(|one| big(one.version())))
    .bind(text(|one| one.standing.status.as_str()))
    .bind(text(|one| one.standing.state.as_str()))
    .bind(column(|one| one.standing.updated.0))
    .bind(percents)
    .bind(wakes)
    .bind(bodies)
    // Births.
    .bind(births.iter().map(|(of, ..)| *of).collect::<Vec<_>>())
    .bind(born(|birth| &birth.workflow))
    .bind(born(|birth| &birth.mode))
    .bind(workflow_versions)
    .bind(born(|birth| birth.plan.as_str()))
    .bind(born(|birth| birth.input.as_str()))
    .bind(born(|birth| birth.campaign.as_str()))
    .bind(born(|birth| &birth.title))
    .bind(keys)
    .bind(holds)
    .bind(born(|birth| &birth.correlation_id))
    .bind(born(|birth| &birth.traceparent))
    .bind(priorities)
    .bind(submitted)
    // Jobs sent.
    .bind(places(&sent))
    .bind(list(&sent, |job| job.job.as_str()))
    .bind(list(&sent, |job| big(job.token)))
    .bind(list(&sent, |job| job.step.as_str()))
    .bind(list(&sent, |job| job.agent.as_str()))
    .bind(list(&sent, |job| job.sent_at.0))
    // Jobs that are ready.
    .bind(places(&ready))
    .bind(list(&ready, |job| job.job.as_str()))
    .bind(list(&ready, |job| big(job.token)))
    .bind(list(&ready, |job| job.step.as_str()))
    .bind(list(&ready, |job| job.agent.as_str()))
    .bind(list(&ready, |job| i64::from(job.priority)))
    .bind(list(&ready, |job| i64::from(job.score)))
    .bind(list(&ready, |job| job.ready_at.0))
    .bind(list(&ready, |job| job.limits.gate()))
    .bind(list(&ready, |job| job.limits.encode()))
    .bind(list(&ready, |job| Some(job.limits.share.as_ref()?.key.as_str())))
    .bind(list(&ready, |job| Some(i64::from(job.limits.share.as_ref()?.at_once))))
    // Jobs withdrawn.
    .bind(places(&withdrawn))
    .bind(list(&withdrawn, |(job, _)| job.as_str()))
    .bind(list(&withdrawn, |(_, token)| big(*token)))
    .bind(places(&given_up))
    .bind(list(&given_up, |(job, _)| job.as_str()))
    .bind(list(&given_up, |(_, token)| big(*token)))
    // Versions.
    .bind(places(&versions))
    .bind(list(&versions, |version| version.step.as_str()))
    .bind(list(&versions, |version| i64::from(version.version)))
    .bind(list(&versions, |version| version.hash.as_str()))
    .bind(list(&versions, |version| version.report))
    .bind(list(&versions, |version| version.created.0))
    .bind(provenances)
    .bind(list(&versions, |version| version.content.as_str()))
    // Blobs.
    .bind(blobs.iter().map(|(of, ..)| *of).collect::<Vec<_>>())
    .bind(blobs.iter().map(|(_, _, blob)| blob.hash.as_str()).collect::<Vec<_>>())
    .bind(blobs.iter().map(|(_, _, blob)| blob.content.as_str()).collect::<Vec<_>>())
    // Rest.
    .bind(places(&rests))
    .bind(record::SNAPSHOT_FORMAT)
    .bind(list(&rests, |rest| rest.snapshot.as_str()))
    .bind(places(&active))
    .bind(list(&active, |active| active.step.as_str()))
    .bind(list(&active, |active| active.place.as_str()))
    .bind(list(&active, |active| i64::from(active.version)))
    .bind(list(&active, |active| active.hash.as_str()))
    .bind(verdicts)
    .bind(scores)
    .bind(judged)
    // Reviews asked and answered.
    .bind(places(&asked))
    .bind(list(&asked, |review| review.step.as_str()))
    .bind(list(&asked, |review| review.subject.as_str()))
    .bind(list(&asked, |review| review.role.as_str()))
    .bind(list(&asked, |review| review.since.0))
    .bind(list(&asked, |review| review.deadline.map(|at| at.0)))
    .bind(places(&answered))
    .bind(list(&answered, |(step, _)| step.as_str()))
    .bind(list(&answered, |(_, subject)| subject.as_str()))
    .fetch_one(connection)
    .await
}

/// The parts of each transition, with its place.
fn each<'a, T>(
    all: impl Iterator<Item = (i32, &'a Transition)>,
    parts: impl Fn(&'a Transition) -> &'a [T],
) -> Vec<(i32, &'a T)> {
    all.flat_map(|(of, one)| parts(one).iter().map(move |part| (of, part)))
        .collect()
}

fn places<T>(parts: &[(i32, &T)]) -> Vec<i32> {
    parts.iter().map(|(of, _)| *of).collect()
}

fn list<'a, T, V: 'a>(parts: &[(i32, &'a T)], of: impl Fn(&'a T) -> V) -> Vec<V> {
    parts.iter().map(|(_, part)| of(part)).collect()
}

impl Broken {
    /// What an error after the statement was sent means. An answer of the server says that the
    /// transaction ended without effect, save for an administrator's stop, which may come between
    /// commit and answer.
    pub(super) fn of(error: &sqlx::Error) -> Self {
        let why = error.to_string();
        match error {
            // Raised before anything is sent.
            sqlx::Error::Encode(_) => Self::Data(why),
            sqlx::Error::Database(error) => {
                let code = error.code().unwrap_or_default();
                match code.get(..2).unwrap_or_default() {
                    "21" | "22" | "23" | "54" => Self::Data(format!("{why} ({code})")),
                    _ if matches!(&*code, "40001" | "40P01" | "55P03") => Self::Contended(why),
                    _ if code.starts_with("57P") || code.starts_with("08") => Self::Unknown(why),
                    _ => Self::Unavailable(format!("{why} ({code})")),
                }
            }
            _ => Self::Unknown(why),
        }
    }

    fn verdict(&self, of: &Transition) -> Verdict {
        Err(match self {
            Self::Data(why) => CommitError::Data {
                run: of.run.clone(),
                why: why.clone(),
            },
            Self::Contended(why) | Self::Unavailable(why) => CommitError::Unavailable(why.clone()),
            Self::Unknown(why) => CommitError::Unknown(why.clone()),
        })
    }
}
