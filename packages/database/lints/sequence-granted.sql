-- The tenant role may read or set a sequence
-- Sequences are shared by all tenants: reading one tells how much the others write, setting one breaks their inserts.
select c.oid::regclass::text as object,
  format('The role %s may %s the sequence %s, which all tenants share; drawing from it is enough', r.rolname,
    case when has_sequence_privilege(r.oid, c.oid, 'UPDATE') then 'set' else 'read' end, c.oid::regclass) as detail,
  format('revoke select, update on sequence %s from %I, public', c.oid::regclass, r.rolname) as fix
from pg_class c join pg_namespace n on n.oid = c.relnamespace
join pg_roles r on r.rolname = tenancy.role('tenant') and not r.rolsuper
where c.relkind = 'S' and c.relpersistence <> 't' and n.nspname <> 'information_schema' and n.nspname not like 'pg\_%'
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
  and has_sequence_privilege(r.oid, c.oid, 'SELECT, UPDATE')
order by 1
