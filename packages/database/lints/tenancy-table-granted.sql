-- A serving role can reach tenancy's own tables
-- Stops serve.
-- The operator role may read two of them: the classes and the ledger of migrations. No role may read the secrets.
select c.oid::regclass::text as object,
  format('The role %s can reach %s, which row-level security does not cover', r.rolname, c.oid::regclass) as detail,
  format('revoke %s on %s from %I, public',
    case when known.reads then 'insert, update, delete, truncate, references, trigger' else 'all' end, c.oid::regclass, r.rolname) as fix
from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'tenancy'
join pg_roles r on r.rolname in (tenancy.role('tenant'), tenancy.role('operator'), tenancy.role('jobs')) and not r.rolsuper
cross join lateral (select r.rolname = tenancy.role('operator') and c.relname in ('table_classes', 'migrations') as reads) known
where c.relkind in ('r', 'p') and not c.relispartition
  and (has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
    or has_any_column_privilege(r.oid, c.oid, 'INSERT, UPDATE, REFERENCES')
    or not known.reads and (has_table_privilege(r.oid, c.oid, 'SELECT') or has_any_column_privilege(r.oid, c.oid, 'SELECT')))
order by 1, 2
