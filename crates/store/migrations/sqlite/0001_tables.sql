-- Times are milliseconds since the Unix epoch. One process writes; the tenant column stays, so that rows
-- mean the same as in Postgres.

create table runs (
    tenant text not null,
    run text not null,
    version integer not null,
    status text not null,
    state text not null,
    updated integer not null,
    percent integer not null,
    wake_at integer,
    submitted integer not null,
    priority integer not null,
    workflow_version integer not null,
    workflow text not null,
    mode text not null,
    plan text not null,
    input text not null,
    campaign text not null,
    title text not null,
    idempotency_key text,
    holds text,
    correlation_id text not null,
    traceparent text not null,
    primary key (tenant, run)
) strict;
create unique index runs_by_key on runs (tenant, idempotency_key) where idempotency_key is not null;
-- What a run holds for itself alone until it is at rest.
create unique index runs_by_hold on runs (tenant, holds) where holds is not null;
create index runs_by_wake on runs (wake_at) where wake_at is not null;

-- One row per transition; never changed. It is the outbox of lifecycle events as well.
create table run_events (
    tenant text not null,
    run text not null,
    last_seq integer not null,
    first_seq integer not null,
    at integer not null,
    body text not null,
    primary key (tenant, run, last_seq),
    check (first_seq <= last_seq)
) strict;
create index run_events_by_time on run_events (at);

create table run_snapshots (
    tenant text not null,
    run text not null,
    version integer not null,
    format integer not null,
    body text not null,
    primary key (tenant, run)
) strict;

-- A row exists exactly while its job is under way: sent, or, while sent_at is null, ready to be.
create table jobs (
    tenant text not null,
    run text not null,
    job text not null,
    token integer not null,
    step text not null,
    agent text not null,
    sent_at integer,
    priority integer,
    score integer,
    ready_at integer,
    -- Names the limits; empty without any.
    gate text,
    -- [[key, microseconds from one to the next, microseconds of slack], …]
    paces text,
    share text,
    at_once integer,
    primary key (tenant, run, job)
) strict, without rowid;
create index jobs_ready on jobs (agent, gate, tenant, priority desc, score desc, ready_at, run, job)
    where sent_at is null;
create index jobs_by_share on jobs (tenant, share) where share is not null and sent_at is not null;

-- How far the jobs of a key have gone ahead, microseconds since the Unix epoch: what lies in the past says nothing.
create table paces (
    tenant text not null,
    key text not null,
    ahead integer not null,
    primary key (tenant, key)
) strict, without rowid;

-- A row exists exactly while people are asked.
create table reviews (
    tenant text not null,
    run text not null,
    step text not null,
    subject text not null,
    role text not null,
    since integer not null,
    deadline integer,
    primary key (tenant, run, step)
) strict;
create index reviews_by_time on reviews (tenant, since, run, step);

create table artifact_versions (
    tenant text not null,
    run text not null,
    step text not null,
    version integer not null,
    hash text not null,
    report integer not null,
    created integer not null,
    provenance text not null,
    content text not null,
    primary key (tenant, run, step, version)
) strict;

-- The active version of each step that made an artifact, as of the last rest.
create table artifacts (
    tenant text not null,
    run text not null,
    step text not null,
    place text not null,
    version integer not null,
    hash text not null,
    primary key (tenant, run, step)
) strict;

-- The reports of the last rest and of those before it; a step's active one is its latest.
create table audit_reports (
    tenant text not null,
    run text not null,
    step text not null,
    version integer not null,
    place text not null,
    hash text not null,
    verdict text not null,
    score real not null,
    judged text not null,
    primary key (tenant, run, step, version)
) strict;

create table campaigns (
    tenant text not null,
    campaign text not null,
    run text not null,
    workflow text not null,
    title text not null,
    status text not null,
    submitted integer not null,
    updated integer not null,
    primary key (tenant, campaign)
) strict;

create table blobs (
    tenant text not null,
    hash text not null,
    content text not null,
    primary key (tenant, hash)
) strict;

create table workflows (
    tenant text not null,
    hash text not null,
    plan text not null,
    primary key (tenant, hash)
) strict;

create table api_keys (
    tenant text not null,
    key_hash text not null,
    role text not null,
    label text not null,
    created integer not null,
    primary key (tenant, key_hash)
) strict;
create index api_keys_by_hash on api_keys (key_hash);
