//! Many transitions as one write: who wins is decided against the heads that the file has, then each
//! table takes its rows in one statement, as JSON.

use std::collections::BTreeMap;

use model::{RunId, TenantId};
use serde::Serialize;

use crate::{
    check,
    port::{CommitError, Transition},
    record,
    row::big,
};

/// All writes of a batch; `$1` to `$13` are [`Rows`] in order. A table without rows takes none.
pub(super) const APPLY: &str = "
insert into runs (tenant, run, version, status, state, updated, percent, wake_at, submitted, priority,
    workflow_version, workflow, mode, plan, input, campaign, title, idempotency_key, correlation_id,
    traceparent, holds)
select value ->> '$[0][0]', value ->> '$[0][1]', 0, '', '', 0, 0, null, value ->> '$[0][2]',
    value ->> '$[0][3]', value ->> '$[0][4]', value ->> '$[1][0]', value ->> '$[1][1]',
    value ->> '$[1][2]', value ->> '$[1][3]', value ->> '$[1][4]', value ->> '$[1][5]',
    value ->> '$[2][0]', value ->> '$[2][1]', value ->> '$[2][2]', value ->> '$[2][3]'
from json_each($1);

update runs set version = t.value ->> 2, status = t.value ->> 3, state = t.value ->> 4,
    updated = t.value ->> 5, percent = t.value ->> 6, wake_at = t.value ->> 7,
    holds = case when t.value ->> 3 = 'running' then holds end
from json_each($2) as t
where runs.tenant = t.value ->> 0 and runs.run = t.value ->> 1;

insert into run_events (tenant, run, last_seq, first_seq, at, body)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 from json_each($3);

delete from jobs where (tenant, run, job, token) in
    (select value ->> 0, value ->> 1, value ->> 2, value ->> 3 from json_each($4));

insert into jobs (tenant, run, job, token, step, agent, sent_at)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
from json_each($5);

insert into jobs (tenant, run, job, token, step, agent, priority, score, ready_at, gate, paces, share, at_once)
select value ->> '$[0][0]', value ->> '$[0][1]', value ->> '$[0][2]', value ->> '$[0][3]', value ->> '$[0][4]',
    value ->> '$[0][5]', value ->> '$[1][0]', value ->> '$[1][1]', value ->> '$[1][2]', value ->> '$[2][0]',
    value ->> '$[2][1]', value ->> '$[2][2]', value ->> '$[2][3]'
from json_each($11);

insert into artifact_versions (tenant, run, step, version, hash, report, created, provenance, content)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
    value ->> 7, value ->> 8
from json_each($6);

insert into blobs (tenant, hash, content)
select value ->> 0, value ->> 1, value ->> 2 from json_each($7) where true
on conflict do nothing;

insert into run_snapshots (tenant, run, version, format, body)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 from json_each($8) where true
on conflict (tenant, run) do update
    set version = excluded.version, format = excluded.format, body = excluded.body;

insert into artifacts (tenant, run, step, place, version, hash)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
from json_each($9) where true
on conflict (tenant, run, step) do update
    set place = excluded.place, version = excluded.version, hash = excluded.hash;

insert into audit_reports (tenant, run, step, version, place, hash, verdict, score, judged)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
    value ->> 7, value ->> 8
from json_each($10) where true
on conflict do nothing;

insert into campaigns (tenant, campaign, run, workflow, title, status, submitted, updated)
select r.tenant, r.campaign, r.run, r.workflow, r.title, r.status, r.submitted, r.updated
from json_each($8) as s
cross join runs r on r.tenant = s.value ->> 0 and r.run = s.value ->> 1
on conflict (tenant, campaign) do update
    set run = excluded.run, workflow = excluded.workflow, title = excluded.title,
        status = excluded.status, submitted = excluded.submitted, updated = excluded.updated
    where campaigns.submitted <= excluded.submitted;

delete from reviews where (tenant, run, step, subject) in
    (select value ->> 0, value ->> 1, value ->> 2, value ->> 3 from json_each($12));

insert into reviews (tenant, run, step, subject, role, since, deadline)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
from json_each($13)";

/// The rows of [`APPLY`], a JSON array of arrays for each table.
pub(super) type Rows = [String; 13];

/// A JSON array of `rows`.
pub(super) fn json(rows: &[impl Serialize]) -> String {
    // Rows are arrays of texts and numbers, so this cannot fail.
    serde_json::to_string(rows).unwrap_or_default()
}

/// What the file says of the runs and keys of a batch, kept up to date as transitions win.
#[derive(Default)]
pub(super) struct Heads<'a> {
    pub(super) versions: BTreeMap<(&'a str, &'a str), u64>,
    pub(super) keys: BTreeMap<(&'a str, &'a str), String>,
    /// What runs hold for themselves alone.
    pub(super) holds: BTreeMap<(&'a str, &'a str), String>,
}

impl<'a> Heads<'a> {
    /// Whether the transition holds against what is there, which it then joins.
    pub(super) fn admit(&mut self, transition: &'a Transition) -> Result<(), CommitError> {
        check::check(transition)?;
        let place = (transition.tenant.as_str(), transition.run.as_str());
        let held = self.versions.get(&place).copied();
        if held.unwrap_or(0) != transition.expected || (held == Some(0)) {
            return Err(CommitError::Stale {
                run: transition.run.clone(),
                expected: transition.expected,
            });
        }
        let (key, hold) = (key_of(transition), hold_of(transition));
        let by_key = key.and_then(|key| self.keys.get(&key));
        if let Some(holder) = by_key.or_else(|| self.holds.get(&hold?)) {
            return Err(match holder.parse() {
                Ok(holder) => CommitError::KeyTaken(holder),
                Err(_) => CommitError::Data {
                    run: transition.run.clone(),
                    why: "the holder of the idempotency key has no valid id".to_owned(),
                },
            });
        }
        if let Some(key) = key {
            self.keys.insert(key, transition.run.to_string());
        }
        if let Some(hold) = hold {
            self.holds.insert(hold, transition.run.to_string());
        }
        self.versions.insert(place, transition.version());
        Ok(())
    }
}

/// Tenant and idempotency key of a birth that has one.
pub(super) fn key_of(transition: &Transition) -> Option<(&str, &str)> {
    let key = transition.birth.as_ref()?.idempotency_key.as_deref()?;
    Some((transition.tenant.as_str(), key))
}

/// Tenant and what a new run would hold for itself alone.
pub(super) fn hold_of(transition: &Transition) -> Option<(&str, &str)> {
    Some((transition.tenant.as_str(), transition.holds.as_deref()?))
}

/// The rows that the winners write, in their order.
pub(super) fn rows(won: &[&Transition]) -> Rows {
    let place = |one: &Transition| -> (TenantId, RunId) { (one.tenant.clone(), one.run.clone()) };
    // A run that moves twice in one batch ends as its last transition says.
    let last: BTreeMap<_, _> = won.iter().map(|one| (place(one), *one)).collect();
    [
        each(won, |one, rows| {
            if let Some(b) = &one.birth {
                rows.push((
                    (
                        &one.tenant,
                        &one.run,
                        b.submitted,
                        b.priority,
                        b.workflow_version,
                    ),
                    (
                        &b.workflow,
                        &b.mode,
                        &b.plan,
                        &b.input,
                        &b.campaign,
                        &b.title,
                    ),
                    (
                        &b.idempotency_key,
                        &b.correlation_id,
                        &b.traceparent,
                        &one.holds,
                    ),
                ));
            }
        }),
        each(&last.into_values().collect::<Vec<_>>(), |one, rows| {
            let s = &one.standing;
            rows.push((
                &one.tenant,
                &one.run,
                one.version(),
                s.status,
                &s.state,
                s.updated,
                s.percent,
                s.wake_at,
            ));
        }),
        each(won, |one, rows| {
            let body = record::encode_events(&one.events);
            rows.push((
                &one.tenant,
                &one.run,
                one.version(),
                one.expected + 1,
                one.standing.updated,
                body,
            ));
        }),
        each(won, |one, rows| {
            rows.extend(
                one.withdrawn
                    .iter()
                    .chain(&one.given_up)
                    .map(|(job, token)| (&one.tenant, &one.run, job, token)),
            );
        }),
        each(won, |one, rows| {
            rows.extend(one.sent.iter().map(|job| {
                (
                    &one.tenant,
                    &one.run,
                    &job.job,
                    job.token,
                    &job.step,
                    &job.agent,
                    job.sent_at,
                )
            }));
        }),
        each(won, |one, rows| {
            rows.extend(one.versions.iter().map(|v| {
                let provenance = record::encode_provenance(&v.provenance);
                (
                    &one.tenant,
                    &one.run,
                    &v.step,
                    v.version,
                    &v.hash,
                    v.report,
                    v.created,
                    provenance,
                    &v.content,
                )
            }));
        }),
        each(won, |one, rows| {
            rows.extend(
                one.blobs
                    .iter()
                    .map(|blob| (&one.tenant, &blob.hash, &blob.content)),
            );
        }),
        each(won, |one, rows| {
            if let Some(rest) = &one.rest {
                let format = record::SNAPSHOT_FORMAT;
                rows.push((
                    &one.tenant,
                    &one.run,
                    big(one.version()),
                    format,
                    &rest.snapshot,
                ));
            }
        }),
        each(won, |one, rows| {
            let active = one.rest.iter().flat_map(|rest| &rest.active);
            rows.extend(
                active
                    .filter(|a| a.report.is_none())
                    .map(|a| (&one.tenant, &one.run, &a.step, &a.place, a.version, &a.hash)),
            );
        }),
        each(won, |one, rows| {
            let active = one.rest.iter().flat_map(|rest| &rest.active);
            rows.extend(active.filter_map(|a| {
                let report = a.report.as_ref()?;
                Some((
                    &one.tenant,
                    &one.run,
                    &a.step,
                    a.version,
                    &a.place,
                    &a.hash,
                    &report.verdict,
                    report.score,
                    record::encode_judged(&report.of),
                ))
            }));
        }),
        each(won, |one, rows| {
            rows.extend(one.ready.iter().map(|job| {
                let share = job.limits.share.as_ref();
                (
                    (
                        &one.tenant,
                        &one.run,
                        &job.job,
                        job.token,
                        &job.step,
                        &job.agent,
                    ),
                    (job.priority, job.score, job.ready_at),
                    (
                        job.limits.gate(),
                        job.limits.encode(),
                        share.map(|share| &share.key),
                        share.map(|share| share.at_once),
                    ),
                )
            }));
        }),
        each(won, |one, rows| {
            let answered = one.answered.iter();
            rows.extend(answered.map(|(step, subject)| (&one.tenant, &one.run, step, subject)));
        }),
        each(won, |one, rows| {
            rows.extend(one.asked.iter().map(|review| {
                (
                    &one.tenant,
                    &one.run,
                    &review.step,
                    &review.subject,
                    &review.role,
                    review.since.0,
                    review.deadline.map(|at| at.0),
                )
            }));
        }),
    ]
}

fn each<'a, T: Serialize>(
    won: &[&'a Transition],
    add: impl Fn(&'a Transition, &mut Vec<T>),
) -> String {
    let mut rows = Vec::new();
    for one in won {
        add(one, &mut rows);
    }
    json(&rows)
}
