-- What stands in PostgreSQL whatever version is served. Repeatable.
revoke all on schema public from public;
create schema if not exists serving;
create table if not exists serving.role_scope (
    role_name text not null,
    org_id text not null,
    primary key (role_name, org_id)
);
create table if not exists serving.version (
    number integer primary key,
    version text not null,
    content_digest text not null,
    tables integer not null,
    row_count bigint not null,
    loaded_at timestamp not null
);
create table if not exists serving.column_catalog (
    schema_name text not null,
    table_name text not null,
    column_name text not null,
    position integer not null,
    label_zh text not null,
    description text not null,
    level text not null,
    readers text[] not null,
    primary key (schema_name, table_name, column_name)
);
create or replace view serving.about with (security_invoker = true, security_barrier = true) as
select version, loaded_at from serving.version;
comment on table serving.role_scope is '角色可见的单位:每个角色只能看到自己的行';
comment on column serving.role_scope.role_name is '角色 | Login role.';
comment on column serving.role_scope.org_id is '单位 | Organisation, school id or school code.';
comment on table serving.column_catalog is '字段目录:每个角色只能看到自己有权读取的字段';
comment on view serving.about is '当前服务的版本与加载时间';
revoke all on all tables in schema serving from public;
alter table serving.role_scope enable row level security;
alter table serving.column_catalog enable row level security;
drop policy if exists own_scope on serving.role_scope;
create policy own_scope on serving.role_scope for select using (role_name = current_user);
drop policy if exists own_columns on serving.column_catalog;
create policy own_columns on serving.column_catalog for select using (
    exists (select 1 from unnest(readers) as reader where pg_has_role(reader, 'USAGE'))
);
