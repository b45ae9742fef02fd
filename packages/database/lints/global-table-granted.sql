-- The tenant role can reach a global table that is not for tenants
-- Of the product's own, tenants may read two. A global table of yours may be given to them, unless it says whose its rows are.
select t.table_name::text as object,
  format('The role %s can %s %s, %s', r.rolname, case when for_tenants.reads then 'write to' else 'reach' end, t.table_name,
    case when n.nspname = 'app' then 'which is not for tenants' else 'a global table whose rows have a tenant_id' end) as detail,
  case when n.nspname = 'app'
    then format('revoke %s on %s from %I, public', case when for_tenants.reads then 'insert, update, delete' else 'all' end, t.table_name, r.rolname)
    else format('delete from tenancy.table_classes where table_name = %L::regclass; select tenancy.protect(%1$L)', t.table_name) end as fix
from tenancy.table_classes t join pg_class c on c.oid = t.table_name join pg_namespace n on n.oid = c.relnamespace
join pg_roles r on r.rolname = tenancy.role('tenant') and not r.rolsuper
cross join lateral (select n.nspname = 'app' and c.relname in ('plans', 'system_maintenance') as reads) for_tenants
where t.class = 'global'
  and (n.nspname = 'app' or exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped))
  and (has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE')
    or has_table_privilege(r.oid, c.oid, 'SELECT') and not for_tenants.reads)
order by 1
