-- Times are milliseconds since the Unix epoch. Rows are read and written under one tenant, named by the
-- setting app.tenants within the transaction; unset or empty is an error, never all rows. Scans over all
-- tenants run as pressrun_scan, which sees named columns only and never content.
-- Both roles exist before this runs (store::postgres::migrate).

create table runs (
    tenant text collate "C" not null,
    run text collate "C" not null,
    version bigint not null,
    status text not null,
    state text not null,
    updated bigint not null,
    percent integer not null,
    wake_at bigint,
    submitted bigint not null,
    priority integer not null,
    workflow_version bigint not null,
    workflow text not null,
    mode text not null,
    plan text not null,
    input text not null,
    campaign text collate "C" not null,
    title text not null,
    idempotency_key text collate "C",
    holds text collate "C",
    correlation_id text not null,
    traceparent text not null,
    primary key (tenant, run)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);
-- No index on a column that changes with every transition: those updates stay within their page (HOT).
-- Lists need none either: run ids sort by birth. An index on (tenant, submitted) would look as cheap a way
-- to one run as the primary key to a plan that is made while the table is empty.
create unique index runs_by_key on runs (tenant, idempotency_key) where idempotency_key is not null;
-- What a run holds for itself alone until it is at rest.
create unique index runs_by_hold on runs (tenant, holds) where holds is not null;
create index runs_by_wake on runs (wake_at) where wake_at is not null;

-- One row per transition; never changed. It is the outbox of lifecycle events as well.
create table run_events (
    tenant text collate "C" not null,
    run text collate "C" not null,
    last_seq bigint not null,
    first_seq bigint not null,
    at bigint not null,
    body text not null,
    primary key (tenant, run, last_seq),
    check (first_seq <= last_seq)
) with (toast_tuple_target = 8160, autovacuum_vacuum_insert_scale_factor = 0.05);
-- What changed since a time is asked here and not of runs, where such an index would break HOT.
create index run_events_by_time on run_events (at);

create table run_snapshots (
    tenant text collate "C" not null,
    run text collate "C" not null,
    version bigint not null,
    format integer not null,
    body text not null,
    primary key (tenant, run)
) with (toast_tuple_target = 8160);

-- A row exists exactly while its job is under way: sent, or, while sent_at is null, ready to be. What stands
-- below sent_at is of rows that were written as ready alone.
create table jobs (
    tenant text collate "C" not null,
    run text collate "C" not null,
    job text collate "C" not null,
    token bigint not null,
    step text collate "C" not null,
    agent text collate "C" not null,
    sent_at bigint,
    priority bigint,
    score bigint,
    ready_at bigint,
    -- Names the limits without showing their keys; empty without any.
    gate text collate "C",
    -- [[key, microseconds from one to the next, microseconds of slack], …]
    paces text,
    share text collate "C",
    at_once bigint,
    primary key (tenant, run, job)
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);
-- No index on sent_at: whoever looks for old jobs finds most rows old, so the primary key's order serves.
-- A row that is written as sent has no place in these two.
create index jobs_ready on jobs (agent, gate, tenant, priority desc, score desc, ready_at, run, job)
    where sent_at is null;
create index jobs_by_share on jobs (tenant, share) where share is not null and sent_at is not null;

-- How far the jobs of a key have gone ahead, microseconds since the Unix epoch: what lies in the past says nothing.
create table paces (
    tenant text collate "C" not null,
    key text collate "C" not null,
    ahead bigint not null,
    primary key (tenant, key)
);
create index paces_by_ahead on paces (tenant, ahead);

-- A row exists exactly while people are asked.
create table reviews (
    tenant text collate "C" not null,
    run text collate "C" not null,
    step text collate "C" not null,
    subject text collate "C" not null,
    role text not null,
    since bigint not null,
    deadline bigint,
    primary key (tenant, run, step)
);
create index reviews_by_time on reviews (tenant, since, run, step);

create table artifact_versions (
    tenant text collate "C" not null,
    run text collate "C" not null,
    step text collate "C" not null,
    version bigint not null,
    hash text collate "C" not null,
    report boolean not null,
    created bigint not null,
    provenance text not null,
    content text not null,
    primary key (tenant, run, step, version)
) with (toast_tuple_target = 8160);
-- Contents of a few kilobytes stay in their row as they are: compressing one costs more than its commit.

-- The active version of each step that made an artifact, as of the last rest.
create table artifacts (
    tenant text collate "C" not null,
    run text collate "C" not null,
    step text collate "C" not null,
    place text not null,
    version bigint not null,
    hash text collate "C" not null,
    primary key (tenant, run, step)
);

-- The reports of the last rest and of those before it; a step's active one is its latest.
create table audit_reports (
    tenant text collate "C" not null,
    run text collate "C" not null,
    step text collate "C" not null,
    version bigint not null,
    place text not null,
    hash text collate "C" not null,
    verdict text not null,
    score double precision not null,
    judged text not null,
    primary key (tenant, run, step, version)
);

create table campaigns (
    tenant text collate "C" not null,
    campaign text collate "C" not null,
    run text collate "C" not null,
    workflow text not null,
    title text not null,
    status text not null,
    submitted bigint not null,
    updated bigint not null,
    primary key (tenant, campaign)
);

create table blobs (
    tenant text collate "C" not null,
    hash text collate "C" not null,
    content text not null,
    primary key (tenant, hash)
) with (toast_tuple_target = 8160);

create table workflows (
    tenant text collate "C" not null,
    hash text collate "C" not null,
    plan text not null,
    primary key (tenant, hash)
);

create table api_keys (
    tenant text collate "C" not null,
    key_hash text collate "C" not null,
    role text not null,
    label text not null,
    created bigint not null,
    primary key (tenant, key_hash)
);
-- Not unique: a unique key over tenants would tell one tenant of another's rows.
create index api_keys_by_hash on api_keys (key_hash);

do $$
declare
    name text;
begin
    foreach name in array array['runs', 'run_events', 'run_snapshots', 'jobs', 'paces', 'reviews', 'artifact_versions',
        'artifacts', 'audit_reports', 'campaigns', 'blobs', 'workflows', 'api_keys']
    loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy own_tenant on %I to pressrun_app
            using (tenant = any((select current_setting(''app.tenants'')::text[])::text[]))', name);
    end loop;
    foreach name in array array['runs', 'run_events', 'jobs', 'api_keys']
    loop
        execute format('create policy scan on %I for select to pressrun_scan using (true)', name);
    end loop;
end
$$;

grant usage on schema public to pressrun_app, pressrun_scan;
-- What is never changed has no right to be changed.
grant select, insert on run_events, artifact_versions, audit_reports, blobs, workflows, api_keys to pressrun_app;
grant select, insert, update on runs, run_snapshots, artifacts, campaigns to pressrun_app;
grant select, insert, delete on jobs, reviews to pressrun_app;
grant update (sent_at) on jobs to pressrun_app;
grant select, insert, update, delete on paces to pressrun_app;

grant select (tenant, run, wake_at) on runs to pressrun_scan;
grant select (tenant, run, last_seq, at) on run_events to pressrun_scan;
grant select (tenant, run, job, token, step, agent, sent_at, priority, score, ready_at, gate) on jobs to pressrun_scan;
grant select (tenant, key_hash, role, label) on api_keys to pressrun_scan;
