-- The classes of table and what keeps them: every migration, in any language, calls these functions.
-- `tenancy.role()`, `tenancy.secrets` and `tenancy.migrations` exist already: the migrator makes them before the first file.

-- Nothing here is for everybody: each function below says who may call it.
alter default privileges revoke execute on functions from public;

create table tenancy.table_classes (
  table_name regclass constraint table_classes_pkey primary key,
  class text not null constraint table_classes_class check (class in ('protected', 'retained', 'global', 'registry')),
  secret_columns text[] not null default '{}',
  transient boolean not null default false
);

-- Writers hold this lock shared; what replaces or removes a whole tenant holds it exclusively.
create function tenancy.lock_key(tenant uuid) returns bigint
language sql immutable strict parallel safe
return hashtextextended(tenant::text, 7061);

create function tenancy.has_citus() returns boolean
language sql stable
return exists (select from pg_catalog.pg_extension where extname = 'citus');

-- What stands in the way of this table being a tenant table, a sentence each; also run on tables long protected, since
-- keys, triggers and columns can be added later.
create function tenancy.problems(tbl regclass) returns setof text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  tenant_column smallint;
  about pg_class;
  item record;
begin
  select * into about from pg_class where oid = tbl;
  if about.relkind not in ('r', 'p') or about.relpersistence = 't' then
    return next format('%s is not an ordinary, permanent table', tbl);
    return;
  end if;
  if about.relispartition then
    return next format('%s is a partition: name its parent instead', tbl);
    return;
  end if;
  if exists (select from pg_inherits i join pg_class c on c.oid = i.inhrelid
             where (i.inhparent = tbl or i.inhrelid = tbl) and not c.relispartition) then
    return next format('%s takes part in table inheritance, which row-level security does not follow', tbl);
  end if;

  select attnum into tenant_column from pg_attribute
  where attrelid = tbl and attname = 'tenant_id' and atttypid = 'uuid'::regtype and attnotnull and not attisdropped;
  if tenant_column is null then
    return next format('%s has no column "tenant_id uuid not null"', tbl);
    return;
  end if;

  if not exists (select from pg_constraint where conrelid = tbl and contype = 'p') then
    return next format('%s has no primary key; it needs one that begins with tenant_id', tbl);
  end if;
  for item in
    select c.relname, i.indisprimary, i.indisexclusion from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = tbl and (i.indisunique or i.indisexclusion) and i.indkey[0] <> tenant_column
    order by not i.indisprimary, c.relname
  loop
    return next format('%s "%s" of %s does not begin with tenant_id',
      case when item.indisprimary then 'the primary key' when item.indisexclusion then 'the exclusion constraint' else 'the unique key' end,
      item.relname, tbl);
  end loop;

  for item in
    select c.conname, c.conrelid::regclass as child, c.confrelid::regclass as parent, c.conkey, c.confkey, c.confdeltype, c.confupdtype,
      c.confdelsetcols, c.condeferrable, pc.class as parent_class, cc.class as child_class,
      ct.attnum as child_tenant, pt.attnum as parent_tenant
    from pg_constraint c
    left join tenancy.table_classes pc on pc.table_name = c.confrelid
    left join tenancy.table_classes cc on cc.table_name = c.conrelid
    left join pg_attribute ct on ct.attrelid = c.conrelid and ct.attname = 'tenant_id' and not ct.attisdropped
    left join pg_attribute pt on pt.attrelid = c.confrelid and pt.attname = 'tenant_id' and not pt.attisdropped
    where c.contype = 'f' and c.conparentid = 0 and (c.conrelid = tbl or c.confrelid = tbl)
    order by c.conname
  loop
    if item.parent_class = 'registry' then
      if item.conkey <> array[item.child_tenant] or item.confdeltype not in ('a', 'r') then
        return next format('the foreign key "%s" of %s may tie only tenant_id to %s, and without cascade', item.conname, item.child, item.parent);
      end if;
    elsif item.parent <> tbl and item.parent_class is null then
      return next format('the foreign key "%s" of %s points to %s, which is in no class: classify that table first', item.conname, item.child, item.parent);
    elsif item.parent <> tbl and item.parent_class = 'global' then
      null;
    elsif item.child <> tbl and coalesce(item.child_class, '') not in ('protected', 'retained') then
      return next format('the foreign key "%s" of %s points to %s from outside the tenant tables', item.conname, item.child, item.parent);
    elsif item.child_tenant is null or item.parent_tenant is null
       or item.conkey[1] <> item.child_tenant or item.confkey[1] <> item.parent_tenant then
      return next format('the foreign key "%s" of %s does not begin with tenant_id on both sides', item.conname, item.child);
    elsif item.confdeltype in ('n', 'd') and (item.confdelsetcols is null or item.child_tenant = any (item.confdelsetcols)) then
      return next format('the foreign key "%s" of %s would overwrite tenant_id on delete: name the columns to set', item.conname, item.child);
    elsif item.confupdtype in ('n', 'd') then
      return next format('the foreign key "%s" of %s would overwrite tenant_id on update', item.conname, item.child);
    elsif not item.condeferrable and (
      with recursive above(relation) as (
        select item.parent::oid
        union
        select c.confrelid from above join pg_constraint c on c.conrelid = above.relation and c.contype = 'f'
      )
      select item.child::oid in (select relation from above)
    ) then
      return next format('the foreign key "%s" of %s is part of a cycle and must be deferrable', item.conname, item.child);
    end if;
  end loop;

  for item in select tgname from pg_trigger where tgrelid = tbl and not tgisinternal order by tgname loop
    return next format('%s has the trigger "%s"; tenant tables have none', tbl, item.tgname);
  end loop;
  for item in select attname from pg_attribute where attrelid = tbl and attidentity <> '' and not attisdropped order by attnum loop
    return next format('the column "%s" of %s is an identity column; give it a default instead', item.attname, tbl);
  end loop;
  for item in select rulename from pg_rewrite where ev_class = tbl order by rulename loop
    return next format('%s has the rule "%s"; tenant tables have none', tbl, item.rulename);
  end loop;
  for item in
    select polname from pg_policy where polrelid = tbl
      and polname not in ('tenancy_owner', 'tenancy_tenant', 'tenancy_operator_read', 'tenancy_operator_write') order by polname
  loop
    return next format('%s has a policy of its own, "%s"; the canonical ones must be the only ones', tbl, item.polname);
  end loop;
end $$;

-- A list of privileges as GRANT takes it, or an error; '' is none.
create function tenancy.privileges(list text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  word text;
begin
  foreach word in array regexp_split_to_array(lower(trim(list)), '\s*,\s*') loop
    if word not in ('', 'select', 'insert', 'update', 'delete') then
      raise exception using errcode = 'TN001', constraint = 'table_not_protectable',
        message = format('"%s" is not something the tenant role may be given on a table', word),
        hint = 'Name any of select, insert, update, delete.';
    end if;
  end loop;
  return lower(trim(list));
end $$;

-- Hands the table to the owner role where the caller can, so that all tables have one owner.
create function tenancy.take(tbl regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  part regclass;
begin
  begin
    execute format('alter table %s owner to %I', tbl, tenancy.role('owner'));
  exception when insufficient_privilege then
    null; -- stays the caller's: the owner role's policy still covers whoever is a member of it
  end;
  begin
    execute format('grant usage on schema %s to %I, %I',
      (select relnamespace::regnamespace from pg_class where oid = tbl), tenancy.role('tenant'), tenancy.role('operator'));
  exception when insufficient_privilege then
    null;
  end;
  for part in select relid from pg_partition_tree(tbl) loop
    execute format('revoke all on table %s from public, %I, %I, %I',
      part, tenancy.role('tenant'), tenancy.role('operator'), tenancy.role('jobs'));
  end loop;
end $$;

-- Enables and forces row-level security on `tbl` and writes the canonical policies over `tenant_column`.
create function tenancy.seal(tbl regclass, tenant_column text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  rule constant text := format($rule$%I = nullif(current_setting('app.tenant_id', true), '')::uuid$rule$, tenant_column);
  name text;
begin
  execute format('alter table %s enable row level security', tbl);
  execute format('alter table %s force row level security', tbl);
  foreach name in array array['tenancy_owner', 'tenancy_tenant', 'tenancy_operator_read', 'tenancy_operator_write'] loop
    execute format('drop policy if exists %I on %s', name, tbl);
  end loop;
  -- FORCE binds the owner too: without a policy of its own a backfill would touch no row, silently.
  execute format('create policy tenancy_owner on %s to %I using (true) with check (true)', tbl, tenancy.role('owner'));
  execute format('create policy tenancy_tenant on %s to %I using (%s) with check (%s)', tbl, tenancy.role('tenant'), rule, rule);
  execute format('create policy tenancy_operator_read on %s for select to %I using (true)', tbl, tenancy.role('operator'));
  execute format('create policy tenancy_operator_write on %s to %I using (%s) with check (%s)', tbl, tenancy.role('operator'), rule, rule);
end $$;

create function tenancy.grant_roles(tbl regclass, tenant_may text, operator_may text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  sequence regclass;
begin
  if tenant_may <> '' then
    execute format('grant %s on table %s to %I', tenant_may, tbl, tenancy.role('tenant'));
  end if;
  execute format('grant %s on table %s to %I', operator_may, tbl, tenancy.role('operator'));
  for sequence in
    select d.objid::regclass from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S'
    where d.refobjid = tbl and d.refclassid = 'pg_class'::regclass and d.classid = 'pg_class'::regclass and d.deptype = 'a'
  loop
    execute format('grant usage on sequence %s to %I, %I', sequence, tenancy.role('tenant'), tenancy.role('operator'));
  end loop;
end $$;

-- Registers the class; a table changes class only by being taken out of the registry by hand first.
create function tenancy.classify(tbl regclass, new_class text, secret text[], is_transient boolean) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  old_class text := (select class from tenancy.table_classes where table_name = tbl);
  missing text;
begin
  if old_class <> new_class then
    raise exception using errcode = 'TN001', constraint = 'table_not_protectable',
      message = format('%s is %s already and cannot become %s', tbl, old_class, new_class);
  end if;
  select s into missing from unnest(secret) s
  where not exists (select from pg_attribute where attrelid = tbl and attname = s and attnum > 0 and not attisdropped) limit 1;
  if missing is not null then
    raise exception using errcode = 'TN001', constraint = 'table_not_protectable',
      message = format('%s has no column "%s" to keep secret', tbl, missing);
  end if;
  insert into tenancy.table_classes (table_name, class, secret_columns, transient) values (tbl, new_class, secret, is_transient)
  on conflict (table_name) do update set secret_columns = excluded.secret_columns, transient = excluded.transient;
end $$;

-- On Citus: tenant tables are split by tenant_id and lie beside each other; the few that all of them refer to are on every node.
create function tenancy.distribute(tbl regclass, by_tenant boolean) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  beside text;
  already boolean;
begin
  if not tenancy.has_citus() then
    return;
  end if;
  execute 'select exists (select from pg_dist_partition where logicalrelid = $1)' into already using tbl;
  if already then
    return;
  end if;
  -- Tables made, distributed and linked in one transaction need one connection per worker.
  execute 'set local citus.multi_shard_modify_mode = ''sequential''';
  if by_tenant then
    execute 'select d.logicalrelid::text from pg_dist_partition d join tenancy.table_classes c on c.table_name = d.logicalrelid
             where d.partmethod = ''h'' and c.class in (''protected'', ''retained'') and d.logicalrelid <> $1 order by d.logicalrelid limit 1'
      into beside using tbl;
    execute format('select create_distributed_table(%L, %L, colocate_with => %L)', tbl, 'tenant_id', coalesce(beside, 'default'));
  else
    execute format('select create_reference_table(%L)', tbl);
  end if;
end $$;

create function tenancy.refuse_problems(tbl regclass) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  problem text := (select p from tenancy.problems(tbl) p limit 1);
begin
  if problem is not null then
    raise exception using errcode = 'TN001', constraint = 'table_not_protectable', message = problem,
      hint = 'Nothing was changed. Correct the table, then call this again.';
  end if;
end $$;

-- Tenant data: isolated, counted, exported, backed up, and deleted with its tenant.
-- `secret` columns never leave in an export; rows of a `transient` table (sessions, tokens) are in no export or archive.
create function tenancy.protect(
  tbl regclass, secret text[] default '{}', transient boolean default false, tenant_may text default 'select, insert, update, delete'
) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform tenancy.refuse_problems(tbl);
  perform tenancy.take(tbl);
  perform tenancy.classify(tbl, 'protected', secret, transient);
  perform tenancy.distribute(tbl, true);
  perform tenancy.seal(tbl, 'tenant_id');
  perform tenancy.grant_roles(tbl, tenancy.privileges(tenant_may), 'select, insert, update, delete');
end $$;

-- Isolated like tenant data, but kept when the tenant is deleted; no serving role may do more to it than `tenant_may`.
create function tenancy.retain(tbl regclass, tenant_may text default 'select, insert') returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform tenancy.refuse_problems(tbl);
  perform tenancy.take(tbl);
  perform tenancy.classify(tbl, 'retained', '{}', false);
  perform tenancy.distribute(tbl, true);
  perform tenancy.seal(tbl, 'tenant_id');
  perform tenancy.grant_roles(tbl, tenancy.privileges(tenant_may), coalesce(nullif(tenancy.privileges(tenant_may), ''), 'select'));
end $$;

-- No tenant's data: the tenant role reaches it only as far as `tenant_may` says.
create function tenancy.global(tbl regclass, tenant_may text default '') returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from pg_class where oid = tbl and (relkind not in ('r', 'p') or relispartition or relpersistence = 't')) then
    raise exception using errcode = 'TN001', constraint = 'table_not_protectable',
      message = format('%s is not an ordinary, permanent table', tbl);
  end if;
  perform tenancy.take(tbl);
  perform tenancy.classify(tbl, 'global', '{}', false);
  perform tenancy.grant_roles(tbl, tenancy.privileges(tenant_may), 'select, insert, update, delete');
end $$;

-- Tables that someone has yet to put in a class; system, extension, queue and tenancy's own tables need none.
create function tenancy.unclassified() returns setof regclass
language sql stable set search_path = pg_catalog, pg_temp as $$
  select c.oid::regclass
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'f') and not c.relispartition and c.relpersistence <> 't'
    and n.nspname not in ('pg_catalog', 'information_schema', 'tenancy', 'graphile_worker')
    and n.nspname not like 'pg\_%'
    and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
    and not exists (select from tenancy.table_classes t where t.table_name = c.oid)
  order by n.nspname, c.relname
$$;

do $$
begin
  execute format('grant usage on schema tenancy, app to %I, %I', tenancy.role('tenant'), tenancy.role('operator'));
  execute format('grant execute on function tenancy.lock_key(uuid) to %I, %I', tenancy.role('tenant'), tenancy.role('operator'));
  execute format('grant select on tenancy.table_classes, tenancy.migrations to %I', tenancy.role('operator'));
  execute format('grant execute on function tenancy.role(text), tenancy.has_citus(), tenancy.problems(regclass), tenancy.unclassified() to %I',
    tenancy.role('operator'));
end $$;
