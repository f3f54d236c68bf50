//! The statements that both dialects take as they stand. Each names the tenant although Postgres
//! would filter by itself.

use crate::row::run_columns;

pub(crate) const PLAN: &str = "select plan from workflows where tenant = $1 and hash = $2";

pub(crate) const RUN: &str = concat!(
    "select ",
    run_columns!(),
    " from runs where tenant = $1 and run = $2"
);

pub(crate) const SNAPSHOT: &str =
    "select version, body from run_snapshots where tenant = $1 and run = $2 and format = $3";

/// Bodies of the transitions above a number.
pub(crate) const EVENTS: &str = "select body from run_events \
     where tenant = $1 and run = $2 and last_seq > $3 order by last_seq limit $4";

pub(crate) const BLOB: &str = "select content from blobs where tenant = $1 and hash = $2";

pub(crate) const KEY: &str =
    "select run, input from runs where tenant = $1 and idempotency_key = $2";

/// One row at least: whether any job is ready is asked with it.
pub(crate) const DUE: &str = "select d.tenant, d.run, d.wake_at, r.ready from \
     (select exists (select 1 from jobs where sent_at is null) as ready) as r \
     left join (select tenant, run, wake_at from runs \
         where wake_at is not null order by wake_at limit $1) as d on true \
     order by d.wake_at";

/// Lanes of ready jobs, each found from the one before.
pub(crate) const LANES: &str = "with recursive lanes (agent, gate, tenant) as ( \
         select * from (select agent, gate, tenant from jobs where sent_at is null \
             and (agent, gate, tenant) > ($1, $2, $3) order by agent, gate, tenant limit 1) as first \
         union all \
         select (select agent from jobs where sent_at is null and (agent, gate, tenant) > (l.agent, l.gate, l.tenant) \
                 order by agent, gate, tenant limit 1), \
             (select gate from jobs where sent_at is null and (agent, gate, tenant) > (l.agent, l.gate, l.tenant) \
                 order by agent, gate, tenant limit 1), \
             (select tenant from jobs where sent_at is null and (agent, gate, tenant) > (l.agent, l.gate, l.tenant) \
                 order by agent, gate, tenant limit 1) \
         from lanes as l where l.agent is not null) \
     select agent, gate, tenant from lanes where agent is not null limit $4";

/// The first ready jobs of a lane.
pub(crate) const OF_LANE: &str = "select tenant, run, job, token, step, agent, gate, priority, score, \
     ready_at from jobs where sent_at is null and agent = $1 and gate = $2 and tenant = $3 \
     order by priority desc, score desc, ready_at, run, job limit $4";

/// Ready jobs of a run, each with what its share holds.
pub(crate) const KEPT: &str = "select job, token, agent, ready_at, paces, share, at_once, \
         (select count(*) from jobs as o where o.tenant = j.tenant and o.share = j.share \
             and o.share is not null and o.sent_at is not null) as held \
     from jobs as j where tenant = $1 and run = $2 and sent_at is null order by job limit $3";

pub(crate) const AHEAD: &str = "select ahead from paces where tenant = $1 and key = $2";

pub(crate) const SENT: &str = "select tenant, run, job, token, step, agent, sent_at from jobs \
     where (tenant, run, job) > ($2, $3, $4) and sent_at < $1 \
     order by tenant, run, job limit $5";

pub(crate) const REVIEWS: &str = "select r.run, r.step, r.subject, r.role, r.since, r.deadline, \
     runs.workflow, runs.campaign, runs.title from reviews r \
     join runs on runs.tenant = r.tenant and runs.run = r.run \
     where r.tenant = $1 and (r.since, r.run, r.step) > ($2, $3, $4) \
     order by r.since, r.run, r.step limit $5";

pub(crate) const CHANGED: &str = "select tenant, run, max(last_seq) as sequence, max(at) as updated \
     from run_events where at >= $1 and ($5 is null or tenant = $5) group by tenant, run \
     having (max(at), run) > ($2, $3) order by updated, run limit $4";

pub(crate) const LAST_CHANGE: &str = "select max(at) from run_events";

pub(crate) const API_KEY: &str =
    "select tenant, role, label from api_keys where key_hash = $1 limit 2";

/// Run ids sort by birth. `~` sorts after every character that an id may have.
pub(crate) const RUNS: &str = concat!(
    "select ",
    run_columns!(),
    " from runs where tenant = $1 and run < coalesce($2, '~')",
    " and ($3 is null or workflow = $3) and ($4 is null or status = $4)",
    " and ($5 is null or campaign = $5)",
    " order by run desc limit $6"
);

pub(crate) const VERSIONS: &str = "select v.step, v.version, v.hash, v.report, \
     coalesce(a.version = v.version, r.version = v.version, false) as active, \
     v.provenance, v.created \
     from artifact_versions v \
     left join artifacts a on a.tenant = v.tenant and a.run = v.run and a.step = v.step \
     left join (select step, max(version) as version from audit_reports \
                where tenant = $1 and run = $2 group by step) r on r.step = v.step \
     where v.tenant = $1 and v.run = $2 and ($3 is null or v.step = $3) \
     order by v.step, v.version";

macro_rules! entry_columns {
    () => {
        "v.name, v.version, v.hash, v.title, v.bytes, v.author, v.created, \
         l.deleted is not null as deleted"
    };
}

pub(crate) const ENTRY: &str = concat!(
    "select ",
    entry_columns!(),
    ", b.content from library l \
     join library_versions v on v.tenant = l.tenant and v.kind = l.kind and v.name = l.name \
         and v.version = coalesce($4, l.version) \
     join blobs b on b.tenant = v.tenant and b.hash = v.hash \
     where l.tenant = $1 and l.kind = $2 and l.name = $3"
);

pub(crate) const ENTRIES: &str = concat!(
    "select ",
    entry_columns!(),
    " from library l \
     join library_versions v on v.tenant = l.tenant and v.kind = l.kind and v.name = l.name \
         and v.version = l.version \
     where l.tenant = $1 and l.kind = $2 and l.deleted is null and l.name > coalesce($3, '') \
     order by l.name limit $4"
);

pub(crate) const ENTRY_VERSIONS: &str = concat!(
    "select ",
    entry_columns!(),
    " from library_versions v \
     join library l on l.tenant = v.tenant and l.kind = v.kind and l.name = v.name \
     where v.tenant = $1 and v.kind = $2 and v.name = $3 and v.version < coalesce($4, 4294967296) \
     order by v.version desc limit $5"
);
