-- The tenant role may execute a function that runs as somebody else
-- Stops serve.
-- One is known, by its name, owner and body: tenancy.shape(), a fingerprint of the catalogue.
select p.oid::regprocedure::text as object,
  format('The role %s may execute %s, which runs as %s', r.rolname, p.oid::regprocedure, pg_get_userbyid(p.proowner)) as detail,
  format('revoke execute on function %s from %I, public', p.oid::regprocedure, r.rolname) as fix
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
join pg_roles r on r.rolname = tenancy.role('tenant') and not r.rolsuper
where p.prosecdef and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\_%'
  and not (p.oid is not distinct from to_regprocedure('tenancy.shape()')
    and pg_get_userbyid(p.proowner) = tenancy.role('owner') and md5(p.prosrc) = '8a6b09193cdf2fb427bd0f9b88c405db')
  and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
  and has_schema_privilege(r.oid, n.oid, 'USAGE') and has_function_privilege(r.oid, p.oid, 'EXECUTE')
order by 1
