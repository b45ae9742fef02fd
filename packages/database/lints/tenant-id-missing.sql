-- A tenant table has no column tenant_id of type uuid
-- Stops serve.
select t.table_name::text as object,
  format('%s has no column "tenant_id uuid"', t.table_name) as detail,
  format('alter table %s add column tenant_id uuid; -- fill it, then make it not null and the first column of each key', t.table_name) as fix
from tenancy.table_classes t join pg_class c on c.oid = t.table_name
where t.class in ('protected', 'retained') and not exists (
  select from pg_attribute a
  where a.attrelid = t.table_name and a.attname = 'tenant_id' and a.atttypid = 'uuid'::regtype and not a.attisdropped)
order by 1
