-- A table is in no class
-- Stops serve.
-- Exempt, each by schema and owner: what tenancy itself keeps, the queue of the jobs role, and what extensions bring.
select c.oid::regclass::text as object,
  format('The table %s is in no class', c.oid::regclass) as detail,
  format('select tenancy.protect(%L); -- or tenancy.retain, or tenancy.global', c.oid::regclass) as fix
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'f') and not c.relispartition and c.relpersistence <> 't'
  and n.nspname <> 'information_schema' and n.nspname not like 'pg\_%'
  and not (n.nspname = 'tenancy' and c.relname in ('table_classes', 'secrets', 'migrations')
    and pg_get_userbyid(n.nspowner) = tenancy.role('owner') and pg_get_userbyid(c.relowner) = tenancy.role('owner'))
  and not (n.nspname = 'graphile_worker'
    and pg_get_userbyid(n.nspowner) = tenancy.role('jobs') and pg_get_userbyid(c.relowner) = tenancy.role('jobs'))
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
  and not exists (select from tenancy.table_classes t where t.table_name = c.oid)
order by 1
