-- A serving role can reach a foreign table
-- Stops serve.
select c.oid::regclass::text as object,
  format('The role %s can reach the foreign table %s and sees all that is behind it: row-level security does not cover it', r.rolname, c.oid::regclass) as detail,
  format('revoke all on %s from %I, public', c.oid::regclass, r.rolname) as fix
from pg_class c join pg_namespace n on n.oid = c.relnamespace
join pg_roles r on r.rolname in (tenancy.role('tenant'), tenancy.role('operator')) and not r.rolsuper
where c.relkind = 'f' and c.relpersistence <> 't'
  and n.nspname <> 'information_schema' and n.nspname not like 'pg\_%'
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
  and (has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
    or has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))
order by 1, 2
