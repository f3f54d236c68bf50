-- What tenants keep to use again: brands, templates, resources. A version's content is the blob of its hash.

create table library (
    tenant text collate "C" not null,
    kind text collate "C" not null,
    name text collate "C" not null,
    version bigint not null,
    -- Since when the name is out of use.
    deleted bigint,
    primary key (tenant, kind, name)
);

create table library_versions (
    tenant text collate "C" not null,
    kind text collate "C" not null,
    name text collate "C" not null,
    version bigint not null,
    hash text collate "C" not null,
    title text not null,
    bytes bigint not null,
    author text not null,
    created bigint not null,
    primary key (tenant, kind, name, version)
);

do $$
declare
    name text;
begin
    foreach name in array array['library', 'library_versions']
    loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy own_tenant on %I to pressrun_app
            using (tenant = any((select current_setting(''app.tenants'')::text[])::text[]))', name);
    end loop;
end
$$;

grant select, insert on library, library_versions to pressrun_app;
grant update (version, deleted) on library to pressrun_app;

-- verdict: made, same (the newest version has this content), stale (another version is the newest; at is 0 for
-- a name that is not in use), names (the kind has as many names as it may), versions (the name has as many).
create function put_library_v1(
    p_tenant text, p_kind text, p_name text, p_if bigint, p_hash text, p_content text, p_title text,
    p_bytes bigint, p_author text, p_created bigint, p_max_names bigint, p_max_versions bigint,
    out verdict text, out at bigint
)
language plpgsql
as $$
declare
    last bigint;
    gone bigint;
begin
    perform set_config('app.tenants', array[p_tenant]::text, true);
    select version, deleted into last, gone from library
    where tenant = p_tenant and kind = p_kind and name = p_name for update;
    if not found then
        -- Who makes a name waits for the others who do: so none is made twice, and the count holds.
        perform pg_advisory_xact_lock(hashtextextended(p_tenant || ' ' || p_kind, 0));
        select version, deleted into last, gone from library
        where tenant = p_tenant and kind = p_kind and name = p_name for update;
    end if;
    at := case when last is null or gone is not null then 0 else last end;
    if at > 0 and p_hash = (
        select hash from library_versions
        where tenant = p_tenant and kind = p_kind and name = p_name and version = last
    ) then
        verdict := 'same';
        return;
    end if;
    if p_if <> at then
        verdict := 'stale';
        return;
    end if;
    if last is null then
        if (select count(*) from library where tenant = p_tenant and kind = p_kind) >= p_max_names then
            verdict := 'names';
            return;
        end if;
        insert into library (tenant, kind, name, version) values (p_tenant, p_kind, p_name, 1);
    else
        if last >= p_max_versions then
            verdict := 'versions';
            return;
        end if;
        update library set version = last + 1, deleted = null
        where tenant = p_tenant and kind = p_kind and name = p_name;
    end if;
    verdict := 'made';
    at := coalesce(last, 0) + 1;
    insert into library_versions (tenant, kind, name, version, hash, title, bytes, author, created)
    values (p_tenant, p_kind, p_name, at, p_hash, p_title, p_bytes, p_author, p_created);
    insert into blobs (tenant, hash, content) values (p_tenant, p_hash, p_content)
    on conflict do nothing;
end
$$;

-- verdict: made, same (the name is not in use), stale.
create function delete_library_v1(
    p_tenant text, p_kind text, p_name text, p_if bigint, p_deleted bigint,
    out verdict text, out at bigint
)
language plpgsql
as $$
declare
    gone bigint;
begin
    perform set_config('app.tenants', array[p_tenant]::text, true);
    select version, deleted into at, gone from library
    where tenant = p_tenant and kind = p_kind and name = p_name for update;
    if not found or gone is not null then
        verdict := 'same';
        at := 0;
    elsif p_if <> at then
        verdict := 'stale';
    else
        verdict := 'made';
        update library set deleted = p_deleted
        where tenant = p_tenant and kind = p_kind and name = p_name;
    end if;
end
$$;

do $$
declare
    name regprocedure;
begin
    for name in
        select oid from pg_proc
        where pronamespace = 'public'::regnamespace
            and proname in ('put_library_v1', 'delete_library_v1')
    loop
        execute format('revoke execute on function %s from public', name);
        execute format('grant execute on function %s to pressrun_app', name);
    end loop;
end
$$;
