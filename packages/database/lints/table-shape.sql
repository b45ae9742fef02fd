-- A tenant table is of a kind that export, restore or row-level security does not follow
-- Stops serve.
with tenant_tables as (
  select t.table_name, c.relkind, c.relpersistence, c.relispartition from tenancy.table_classes t join pg_class c on c.oid = t.table_name
  where t.class in ('protected', 'retained')
)
select table_name::text as object, format('%s is not an ordinary, permanent table', table_name) as detail,
  'make it one, and take it out of tenancy.table_classes until then' as fix
from tenant_tables where relkind not in ('r', 'p') or relpersistence = 't'
union all
select table_name::text, format('%s is a partition, classified beside its parent', table_name), 'classify its parent only'
from tenant_tables where relispartition
union all
select table_name::text, format('%s takes part in table inheritance, which row-level security does not follow', table_name),
  format('alter table %s no inherit %s', i.inhrelid::regclass, i.inhparent::regclass)
from tenant_tables join pg_inherits i on table_name in (i.inhparent, i.inhrelid) join pg_class c on c.oid = i.inhrelid and not c.relispartition
union all
select table_name::text, format('The column "%s" of %s is an identity column', a.attname, table_name),
  format('alter table %s alter column %I drop identity; -- and give it a default', table_name, a.attname)
from tenant_tables join pg_attribute a on a.attrelid = table_name and a.attidentity <> '' and not a.attisdropped
union all
select table_name::text, format('The foreign key "%s" of %s is part of a cycle and is not deferrable', k.conname, table_name),
  format('alter table %s alter constraint %I deferrable', table_name, k.conname)
from tenant_tables join pg_constraint k on k.conrelid = table_name and k.contype = 'f' and k.conparentid = 0 and not k.condeferrable
where table_name::oid in (
  with recursive above(relation) as (
    select k.confrelid
    union
    select f.confrelid from above join pg_constraint f on f.conrelid = above.relation and f.contype = 'f'
  )
  select relation from above)
order by 1, 2
