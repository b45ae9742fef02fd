-- Tables to come are given to a serving role as they are made
-- A partition made next month would have the grant, and no policy.
select coalesce(n.nspname, 'every schema') as object,
  format('Tables that %s makes in %s are given to %s as they are made, partitions too', pg_get_userbyid(d.defaclrole),
    coalesce('the schema ' || n.nspname, 'any schema'), case g.grantee when 0 then 'everybody' else pg_get_userbyid(g.grantee) end) as detail,
  format('alter default privileges for role %I%s revoke all on tables from %s', pg_get_userbyid(d.defaclrole), ' in schema ' || quote_ident(n.nspname),
    case g.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(g.grantee)) end) as fix
from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace
cross join lateral (select distinct a.grantee from aclexplode(d.defaclacl) a) g
where d.defaclobjtype = 'r'
  and (g.grantee = 0 or pg_get_userbyid(g.grantee) in (tenancy.role('tenant'), tenancy.role('operator'), tenancy.role('jobs')))
  and g.grantee <> d.defaclrole -- a maker's own tables are its own
order by 1, 2
