-- What tenants keep to use again: brands, templates, resources. A version's content is the blob of its hash.

create table library (
    tenant text not null,
    kind text not null,
    name text not null,
    version integer not null,
    -- Since when the name is out of use.
    deleted integer,
    primary key (tenant, kind, name)
) strict;

create table library_versions (
    tenant text not null,
    kind text not null,
    name text not null,
    version integer not null,
    hash text not null,
    title text not null,
    bytes integer not null,
    author text not null,
    created integer not null,
    primary key (tenant, kind, name, version)
) strict;
