-- A serving role may truncate a table, or attach triggers or keys to it
-- Stops serve.
-- Row-level security has no say in TRUNCATE; the checks of a foreign key and triggers see all tenants' rows.
select t.table_name::text as object,
  format('The role %s may truncate %s or attach triggers or keys to it', r.rolname, t.table_name) as detail,
  format('revoke truncate, references, trigger on %s from %I, public', t.table_name, r.rolname) as fix
from tenancy.table_classes t join pg_class c on c.oid = t.table_name
join pg_roles r on r.rolname in (tenancy.role('tenant'), tenancy.role('operator')) and not r.rolsuper
where has_table_privilege(r.oid, c.oid, 'TRUNCATE, REFERENCES, TRIGGER') or has_any_column_privilege(r.oid, c.oid, 'REFERENCES')
order by 1, 2
