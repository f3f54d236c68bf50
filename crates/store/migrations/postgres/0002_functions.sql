-- Each function is one transaction in one round trip: it names the tenants, then writes. They run with
-- the caller's rights (security invoker), so that row-level security holds inside them too.

-- Commits transitions of different runs; array element i belongs to transition i, `*_of` gives the
-- transition (from 1) of each element of the lists that have none, one or many per transition.
-- The caller orders transitions by (tenant, run), and the lists of keys shared between runs (births by
-- idempotency key, blobs by hash), so that writers who meet wait in the same order.
-- verdicts: 0 committed, 1 stale, 2 the idempotency key belongs to holders[i].
create function commit_v1(
    tenants text,
    t_tenant text[], t_run text[], t_expected bigint[], t_version bigint[], t_status text[],
    t_state text[], t_updated bigint[], t_percent integer[], t_wake_at bigint[], t_body text[],
    b_of integer[], b_workflow text[], b_mode text[], b_workflow_version bigint[], b_plan text[],
    b_input text[], b_campaign text[], b_title text[], b_key text[], b_correlation_id text[],
    b_traceparent text[], b_priority integer[], b_submitted bigint[],
    j_of integer[], j_job text[], j_token bigint[], j_step text[], j_agent text[], j_sent_at bigint[],
    w_of integer[], w_job text[], w_token bigint[],
    v_of integer[], v_step text[], v_version bigint[], v_hash text[], v_report boolean[],
    v_created bigint[], v_provenance text[], v_content text[],
    o_of integer[], o_hash text[], o_content text[],
    s_of integer[], s_format integer, s_body text[],
    a_of integer[], a_step text[], a_place text[], a_version bigint[], a_hash text[],
    a_verdict text[], a_score double precision[], a_judged text[],
    out verdicts integer[], out holders text[]
)
language plpgsql
as $$
declare
    born integer[];
    won integer[];
begin
    perform set_config('app.tenants', tenants, true);

    -- Runs that exist: the version check and the lock in one, in the order given.
    if cardinality(b_of) < cardinality(t_run) then
        with moved as (
            update runs set version = t.version, status = t.status, state = t.state,
                updated = t.updated, percent = t.percent, wake_at = t.wake_at
            from unnest(t_tenant, t_run, t_expected, t_version, t_status, t_state, t_updated,
                    t_percent, t_wake_at)
                with ordinality as t (tenant, run, expected, version, status, state, updated,
                    percent, wake_at, i)
            where t.expected > 0 and runs.tenant = t.tenant and runs.run = t.run
                and runs.version = t.expected
            returning t.i::integer as i
        )
        select array_agg(i) into won from moved;
    end if;

    if cardinality(b_of) > 0 then
        with inserted as (
            insert into runs (tenant, run, version, status, state, updated, percent, wake_at,
                submitted, priority, workflow_version, workflow, mode, plan, input, campaign, title,
                idempotency_key, correlation_id, traceparent)
            select t_tenant[i], t_run[i], t_version[i], t_status[i], t_state[i], t_updated[i],
                t_percent[i], t_wake_at[i], submitted, priority, workflow_version, workflow, mode,
                plan, input, campaign, title, key, correlation_id, traceparent
            from unnest(b_of, b_workflow, b_mode, b_workflow_version, b_plan, b_input, b_campaign,
                    b_title, b_key, b_correlation_id, b_traceparent, b_priority, b_submitted)
                as b (i, workflow, mode, workflow_version, plan, input, campaign, title, key,
                    correlation_id, traceparent, priority, submitted)
            on conflict do nothing
            returning tenant, run
        )
        select array_agg(i) into born
        from unnest(b_of) as b (i)
        join inserted on inserted.tenant = t_tenant[i] and inserted.run = t_run[i];
        won := won || born;
    end if;

    verdicts := array_fill(0, array[cardinality(t_run)]);
    holders := array_fill(null::text, array[cardinality(t_run)]);
    if coalesce(cardinality(won), 0) < cardinality(t_run) then
        for i in 1 .. cardinality(t_run) loop
            if i = any(won) is not true then
                verdicts[i] := 1;
            end if;
        end loop;
        for k in 1 .. cardinality(b_of) loop
            if verdicts[b_of[k]] = 1 and not exists (
                select from runs where tenant = t_tenant[b_of[k]] and run = t_run[b_of[k]]
            ) then
                holders[b_of[k]] := (
                    select run from runs
                    where tenant = t_tenant[b_of[k]] and idempotency_key = b_key[k]
                );
                verdicts[b_of[k]] := 2;
            end if;
        end loop;
    end if;
    if won is null then
        return;
    end if;

    insert into run_events (tenant, run, last_seq, first_seq, at, body)
    select tenant, run, version, expected + 1, updated, body
    from unnest(t_tenant, t_run, t_expected, t_version, t_updated, t_body)
        with ordinality as t (tenant, run, expected, version, updated, body, i)
    where i = any(won);

    if cardinality(w_of) > 0 then
        delete from jobs
        using unnest(w_of, w_job, w_token) as w (i, job, token)
        where i = any(won) and jobs.tenant = t_tenant[i] and jobs.run = t_run[i]
            and jobs.job = w.job and jobs.token = w.token;
    end if;

    if cardinality(j_of) > 0 then
        insert into jobs (tenant, run, job, token, step, agent, sent_at)
        select t_tenant[i], t_run[i], job, token, step, agent, sent_at
        from unnest(j_of, j_job, j_token, j_step, j_agent, j_sent_at)
            as j (i, job, token, step, agent, sent_at)
        where i = any(won);
    end if;

    if cardinality(v_of) > 0 then
        insert into artifact_versions (tenant, run, step, version, hash, report, created, provenance,
            content)
        select t_tenant[i], t_run[i], step, version, hash, report, created, provenance, content
        from unnest(v_of, v_step, v_version, v_hash, v_report, v_created, v_provenance, v_content)
            as v (i, step, version, hash, report, created, provenance, content)
        where i = any(won);
    end if;

    if cardinality(o_of) > 0 then
        insert into blobs (tenant, hash, content)
        select t_tenant[i], hash, content
        from unnest(o_of, o_hash, o_content) as o (i, hash, content)
        where i = any(won)
        on conflict do nothing;
    end if;

    if cardinality(s_of) > 0 then
        insert into run_snapshots (tenant, run, version, format, body)
        select t_tenant[i], t_run[i], t_version[i], s_format, body
        from unnest(s_of, s_body) as s (i, body)
        where i = any(won)
        on conflict (tenant, run) do update
            set version = excluded.version, format = excluded.format, body = excluded.body;

        insert into artifacts (tenant, run, step, place, version, hash)
        select t_tenant[i], t_run[i], step, place, version, hash
        from unnest(a_of, a_step, a_place, a_version, a_hash, a_verdict)
            as a (i, step, place, version, hash, verdict)
        where i = any(won) and verdict is null
        on conflict (tenant, run, step) do update
            set place = excluded.place, version = excluded.version, hash = excluded.hash
            where artifacts.version <> excluded.version or artifacts.place <> excluded.place;

        insert into audit_reports (tenant, run, step, version, place, hash, verdict, score, judged)
        select t_tenant[i], t_run[i], step, version, place, hash, verdict, score, judged
        from unnest(a_of, a_step, a_place, a_version, a_hash, a_verdict, a_score, a_judged)
            as a (i, step, place, version, hash, verdict, score, judged)
        where i = any(won) and verdict is not null
        on conflict do nothing;

        insert into campaigns (tenant, campaign, run, workflow, title, status, submitted, updated)
        select distinct on (tenant, campaign) r.*
        from unnest(s_of) as s (i)
        -- offset 0: look each run up by its key, never the other way round.
        cross join lateral (
            select tenant, campaign, run, workflow, title, status, submitted, updated
            from runs where runs.tenant = t_tenant[i] and runs.run = t_run[i] offset 0
        ) as r
        where i = any(won)
        order by tenant, campaign, submitted desc, run desc
        on conflict (tenant, campaign) do update
            set run = excluded.run, workflow = excluded.workflow, title = excluded.title,
                status = excluded.status, submitted = excluded.submitted, updated = excluded.updated
            where campaigns.submitted <= excluded.submitted;
    end if;
end
$$;

create function save_blobs_v1(tenant text, hashes text[], contents text[]) returns void
language plpgsql
as $$
#variable_conflict use_column
begin
    perform set_config('app.tenants', array[save_blobs_v1.tenant]::text, true);
    insert into blobs (tenant, hash, content)
    select save_blobs_v1.tenant, hash, content from unnest(hashes, contents) as o (hash, content)
    on conflict do nothing;
end
$$;

create function save_plan_v1(tenant text, hash text, plan text) returns void
language plpgsql
as $$
begin
    perform set_config('app.tenants', array[save_plan_v1.tenant]::text, true);
    insert into workflows values (save_plan_v1.tenant, save_plan_v1.hash, save_plan_v1.plan)
    on conflict do nothing;
end
$$;

create function save_api_key_v1(tenant text, key_hash text, role text, label text, created bigint)
returns void
language plpgsql
as $$
begin
    perform set_config('app.tenants', array[save_api_key_v1.tenant]::text, true);
    insert into api_keys values (save_api_key_v1.tenant, save_api_key_v1.key_hash,
        save_api_key_v1.role, save_api_key_v1.label, save_api_key_v1.created)
    on conflict do nothing;
end
$$;

do $$
declare
    name regprocedure;
begin
    for name in
        select oid from pg_proc
        where pronamespace = 'public'::regnamespace
            and proname in ('commit_v1', 'save_blobs_v1', 'save_plan_v1', 'save_api_key_v1')
    loop
        execute format('revoke execute on function %s from public', name);
        execute format('grant execute on function %s to pressrun_app', name);
    end loop;
end
$$;
