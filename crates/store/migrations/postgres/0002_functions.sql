-- Each function is one transaction in one round trip: it names the tenants, then writes. They run with
-- the caller's rights (security invoker), so that row-level security holds inside them too.

-- Lists are read by place, not unnested side by side: each unnested list costs a scan of its own to set up,
-- which for a few elements is more than the rows.
--
-- Commits transitions of different runs; array element i belongs to transition i, `*_of` gives the
-- transition (from 1) of each element of the lists that have none, one or many per transition.
-- The caller orders transitions by (tenant, run), and the lists of keys shared between runs (births by
-- idempotency key, blobs by hash), so that writers who meet wait in the same order.
-- verdicts: 0 committed, 1 stale, 2 the idempotency key, or what the
-- run would hold for itself alone, belongs to holders[i].
create function commit_v1(
    tenants text,
    t_tenant text[], t_run text[], t_expected bigint[], t_version bigint[], t_status text[],
    t_state text[], t_updated bigint[], t_percent integer[], t_wake_at bigint[], t_body text[],
    b_of integer[], b_workflow text[], b_mode text[], b_workflow_version bigint[], b_plan text[],
    b_input text[], b_campaign text[], b_title text[], b_key text[], b_holds text[], b_correlation_id text[],
    b_traceparent text[], b_priority integer[], b_submitted bigint[],
    j_of integer[], j_job text[], j_token bigint[], j_step text[], j_agent text[], j_sent_at bigint[],
    q_of integer[], q_job text[], q_token bigint[], q_step text[], q_agent text[], q_priority bigint[],
    q_score bigint[], q_ready_at bigint[], q_gate text[], q_paces text[], q_share text[], q_at_once bigint[],
    w_of integer[], w_job text[], w_token bigint[],
    g_of integer[], g_job text[], g_token bigint[],
    v_of integer[], v_step text[], v_version bigint[], v_hash text[], v_report boolean[],
    v_created bigint[], v_provenance text[], v_content text[],
    o_of integer[], o_hash text[], o_content text[],
    s_of integer[], s_format integer, s_body text[],
    a_of integer[], a_step text[], a_place text[], a_version bigint[], a_hash text[],
    a_verdict text[], a_score double precision[], a_judged text[],
    p_of integer[], p_step text[], p_subject text[], p_role text[], p_since bigint[], p_deadline bigint[],
    x_of integer[], x_step text[], x_subject text[],
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
            update runs set version = t_version[i], status = t_status[i], state = t_state[i],
                updated = t_updated[i], percent = t_percent[i], wake_at = t_wake_at[i],
                holds = case when t_status[i] = 'running' then holds end
            from (
                select t.i::integer as i, expected, place
                from unnest(t_expected) with ordinality as t (expected, i)
                -- By place, so that each is looked up by its key: a plan made while there are few runs
                -- would later compare every run with each of these.
                cross join lateral (
                    select ctid as place from runs
                    where tenant = t_tenant[t.i] and run = t_run[t.i] offset 0
                ) as found
                where expected > 0 offset 0
            ) as t
            where runs.ctid = place and runs.version = expected
            returning i
        )
        select array_agg(i) into won from moved;
    end if;

    if cardinality(b_of) > 0 then
        with inserted as (
            insert into runs (tenant, run, version, status, state, updated, percent, wake_at,
                submitted, priority, workflow_version, workflow, mode, plan, input, campaign, title,
                idempotency_key, holds, correlation_id, traceparent)
            select t_tenant[i], t_run[i], t_version[i], t_status[i], t_state[i], t_updated[i],
                t_percent[i], t_wake_at[i], b_submitted[k], b_priority[k], b_workflow_version[k],
                b_workflow[k], b_mode[k], b_plan[k], b_input[k], b_campaign[k], b_title[k], b_key[k],
                case when t_status[i] = 'running' then b_holds[k] end,
                b_correlation_id[k], b_traceparent[k]
            from unnest(b_of) with ordinality as b (i, k)
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
                holders[b_of[k]] := coalesce(
                    (
                        select run from runs
                        where tenant = t_tenant[b_of[k]] and idempotency_key = b_key[k]
                    ),
                    (select run from runs where tenant = t_tenant[b_of[k]] and holds = b_holds[k])
                );
                verdicts[b_of[k]] := 2;
            end if;
        end loop;
    end if;
    if won is null then
        return;
    end if;

    insert into run_events (tenant, run, last_seq, first_seq, at, body)
    select t_tenant[i], t_run[i], t_version[i], t_expected[i] + 1, t_updated[i], t_body[i]
    from unnest(won) as t (i);

    if cardinality(w_of) > 0 then
        -- By place, so that each is looked up by its key. As a join, statistics of a quiet moment, when there
        -- are few jobs, would have each job of the table compared with each of these.
        delete from jobs where ctid = any(array(
            select j.ctid
            from unnest(w_of) with ordinality as w (i, k)
            cross join lateral (
                select ctid from jobs
                where tenant = t_tenant[i] and run = t_run[i] and job = w_job[k] and token = w_token[k]
                offset 0
            ) as j
            where i = any(won)
        ));
    end if;

    -- Of these some may be claimed at this moment. Row by row, so that one that has just become sent is found
    -- all the same: a place that was read before would be its old one.
    for k in 1 .. cardinality(g_of) loop
        if g_of[k] = any(won) then
            delete from jobs
            where tenant = t_tenant[g_of[k]] and run = t_run[g_of[k]] and job = g_job[k] and token = g_token[k];
        end if;
    end loop;

    if cardinality(j_of) > 0 then
        insert into jobs (tenant, run, job, token, step, agent, sent_at)
        select t_tenant[i], t_run[i], j_job[k], j_token[k], j_step[k], j_agent[k], j_sent_at[k]
        from unnest(j_of) with ordinality as j (i, k)
        where i = any(won);
    end if;

    if cardinality(x_of) > 0 then
        delete from reviews where ctid = any(array(
            select r.ctid
            from unnest(x_of) with ordinality as x (i, k)
            cross join lateral (
                select ctid from reviews
                where tenant = t_tenant[i] and run = t_run[i] and step = x_step[k]
                    and subject = x_subject[k]
                offset 0
            ) as r
            where i = any(won)
        ));
    end if;

    if cardinality(p_of) > 0 then
        insert into reviews (tenant, run, step, subject, role, since, deadline)
        select t_tenant[i], t_run[i], p_step[k], p_subject[k], p_role[k], p_since[k], p_deadline[k]
        from unnest(p_of) with ordinality as p (i, k)
        where i = any(won);
    end if;

    if cardinality(q_of) > 0 then
        insert into jobs (tenant, run, job, token, step, agent, priority, score, ready_at, gate, paces, share,
            at_once)
        select t_tenant[i], t_run[i], q_job[k], q_token[k], q_step[k], q_agent[k], q_priority[k], q_score[k],
            q_ready_at[k], q_gate[k], q_paces[k], q_share[k], q_at_once[k]
        from unnest(q_of) with ordinality as q (i, k)
        where i = any(won);
    end if;

    if cardinality(v_of) > 0 then
        insert into artifact_versions (tenant, run, step, version, hash, report, created, provenance,
            content)
        select t_tenant[i], t_run[i], v_step[k], v_version[k], v_hash[k], v_report[k], v_created[k],
            v_provenance[k], v_content[k]
        from unnest(v_of) with ordinality as v (i, k)
        where i = any(won);
    end if;

    if cardinality(o_of) > 0 then
        insert into blobs (tenant, hash, content)
        select t_tenant[i], o_hash[k], o_content[k]
        from unnest(o_of) with ordinality as o (i, k)
        where i = any(won)
        on conflict do nothing;
    end if;

    if cardinality(s_of) > 0 then
        insert into run_snapshots (tenant, run, version, format, body)
        select t_tenant[i], t_run[i], t_version[i], s_format, s_body[k]
        from unnest(s_of) with ordinality as s (i, k)
        where i = any(won)
        on conflict (tenant, run) do update
            set version = excluded.version, format = excluded.format, body = excluded.body;

        insert into artifacts (tenant, run, step, place, version, hash)
        select t_tenant[i], t_run[i], a_step[k], a_place[k], a_version[k], a_hash[k]
        from unnest(a_of) with ordinality as a (i, k)
        where i = any(won) and a_verdict[k] is null
        on conflict (tenant, run, step) do update
            set place = excluded.place, version = excluded.version, hash = excluded.hash
            where artifacts.version <> excluded.version or artifacts.place <> excluded.place;

        insert into audit_reports (tenant, run, step, version, place, hash, verdict, score, judged)
        select t_tenant[i], t_run[i], a_step[k], a_version[k], a_place[k], a_hash[k], a_verdict[k],
            a_score[k], a_judged[k]
        from unnest(a_of) with ordinality as a (i, k)
        where i = any(won) and a_verdict[k] is not null
        on conflict do nothing;

        insert into campaigns (tenant, campaign, run, workflow, title, status, submitted, updated)
        select distinct on (tenant, campaign) r.*
        from unnest(s_of) as s (i)
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

-- Records ready jobs as sent, each unless its limits or another claim keep it back.
-- verdicts: 0 sent, 1 gone or claimed by another, 2 not before untils[i], 3 as many of its share are sent as may be.
create function claim_v1(
    tenants text, now bigint, keyed boolean, c_tenant text[], c_run text[], c_job text[], c_token bigint[],
    out verdicts integer[], out untils bigint[]
)
language plpgsql
as $$
declare
    found_job record;
    lock_of bigint;
    free_at bigint;
    micros constant bigint := now * 1000;
begin
    perform set_config('app.tenants', tenants, true);
    verdicts := array_fill(1, array[cardinality(c_run)]);
    untils := array_fill(null::bigint, array[cardinality(c_run)]);

    -- Keys are taken in one order by every claim, before any row.
    if keyed then
        for lock_of in
            select distinct hashtextextended(c_tenant[k] || ' ' || keys.key, 0)
            from unnest(c_run) with ordinality as c (run_of, k)
            cross join lateral (
                select paces, share from jobs
                where tenant = c_tenant[k] and run = run_of and job = c_job[k] offset 0
            ) as j
            cross join lateral (
                select pace ->> 0 as key from jsonb_array_elements(j.paces::jsonb) as pace
                union all
                select j.share where j.share is not null
            ) as keys
            order by 1
        loop
            perform pg_advisory_xact_lock(lock_of);
        end loop;
    end if;

    for i in 1 .. cardinality(c_run) loop
        -- Whether it is sent is asked of the row that was found: an index of ready rows is no way to one.
        select sent_at, paces::jsonb as paces, share, at_once into found_job from jobs
        where tenant = c_tenant[i] and run = c_run[i] and job = c_job[i] and token = c_token[i]
        for update skip locked;
        continue when not found or found_job.sent_at is not null;
        if found_job.paces is not null then
            select max(ahead - (pace ->> 2)::bigint) into free_at
            from jsonb_array_elements(found_job.paces) as pace
            join paces on paces.tenant = c_tenant[i] and paces.key = pace ->> 0;
            if free_at > micros then
                verdicts[i] := 2;
                untils[i] := (free_at + 999) / 1000;
                continue;
            end if;
        end if;
        if found_job.share is not null and found_job.at_once <= (
            select count(*) from jobs
            where tenant = c_tenant[i] and share = found_job.share and sent_at is not null
        ) then
            verdicts[i] := 3;
            continue;
        end if;
        if found_job.paces is not null then
            insert into paces (tenant, key, ahead)
            select c_tenant[i], pace ->> 0, micros + (pace ->> 1)::bigint
            from jsonb_array_elements(found_job.paces) as pace
            on conflict (tenant, key) do update
                set ahead = greatest(paces.ahead, micros) + excluded.ahead - micros;
        end if;
        update jobs set sent_at = now
        where tenant = c_tenant[i] and run = c_run[i] and job = c_job[i] and token = c_token[i];
        verdicts[i] := 0;
    end loop;

    if keyed then
        -- A few that say nothing any more; each claim adds no more than these.
        delete from paces where (tenant, key) in (
            select old.tenant, old.key from unnest(c_tenant) as c (tenant)
            cross join lateral (
                select paces.tenant, paces.key from paces
                where paces.tenant = c.tenant and ahead < micros - 60000000
                order by ahead limit 4 for update skip locked
            ) as old
        );
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
            and proname in ('commit_v1', 'claim_v1', 'save_blobs_v1', 'save_plan_v1', 'save_api_key_v1')
    loop
        execute format('revoke execute on function %s from public', name);
        execute format('grant execute on function %s to pressrun_app', name);
    end loop;
end
$$;
