-- Row-level security does not bind a tenant table's owner
-- Stops serve.
select t.table_name::text as object,
  format('Row-level security of %s is not forced: it does not bind the table''s owner', t.table_name) as detail,
  format('alter table %s force row level security', t.table_name) as fix
from tenancy.table_classes t join pg_class c on c.oid = t.table_name
where t.class <> 'global' and not c.relforcerowsecurity
order by 1
