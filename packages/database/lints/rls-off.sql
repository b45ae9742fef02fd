-- Row-level security is off on a tenant table
-- Stops serve.
select t.table_name::text as object,
  format('Row-level security of %s is not enabled: every role with a grant reads all tenants', t.table_name) as detail,
  format('alter table %s enable row level security', t.table_name) as fix
from tenancy.table_classes t join pg_class c on c.oid = t.table_name
where t.class <> 'global' and not c.relrowsecurity
order by 1
