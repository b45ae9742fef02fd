-- A serving role can reach a table that is exempt from the classes
-- Stops serve.
-- Known: the operator role reads tenancy's classes and ledger of migrations; the queue's tables are the jobs role's own.
select c.oid::regclass::text as object,
  format('The role %s can %s %s, which row-level security does not cover', r.rolname, case when known.reads then 'write to' else 'reach' end,
    c.oid::regclass) as detail,
  format('revoke %s on %s from %I, public',
    case when known.reads then 'insert, update, delete, truncate, references, trigger' else 'all' end, c.oid::regclass, r.rolname) as fix
from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname in ('tenancy', 'graphile_worker')
join pg_roles r on r.rolname in (tenancy.role('tenant'), tenancy.role('operator'), tenancy.role('jobs')) and not r.rolsuper
cross join lateral (
  select n.nspname = 'tenancy' and r.rolname = tenancy.role('operator') and c.relname in ('table_classes', 'migrations') as reads) known
where c.relkind in ('r', 'p') and not c.relispartition
  and not (n.nspname = 'graphile_worker' and r.rolname = tenancy.role('jobs'))
  and not exists (select from tenancy.table_classes t where t.table_name = c.oid)
  and (has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
    or has_any_column_privilege(r.oid, c.oid, 'INSERT, UPDATE, REFERENCES')
    or not known.reads and (has_table_privilege(r.oid, c.oid, 'SELECT') or has_any_column_privilege(r.oid, c.oid, 'SELECT')))
order by 1, 2
