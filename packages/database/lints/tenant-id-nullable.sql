-- tenant_id of a tenant table may be null
-- Stops serve.
select t.table_name::text as object,
  format('The column tenant_id of %s may be null: such rows are nobody''s, and no export or deletion finds them', t.table_name) as detail,
  format('alter table %s alter column tenant_id set not null', t.table_name) as fix
from tenancy.table_classes t join pg_attribute a on a.attrelid = t.table_name
where t.class in ('protected', 'retained')
  and a.attname = 'tenant_id' and a.atttypid = 'uuid'::regtype and not a.attnotnull and not a.attisdropped
order by 1
