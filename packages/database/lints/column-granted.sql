-- The tenant role has single columns of a global table
-- tenancy.global gives whole tables or nothing, so nobody looks for these.
select t.table_name::text as object,
  format('%s may %s the column %I of the global table %s', case g.grantee when 0 then 'Everybody' else 'The role ' || pg_get_userbyid(g.grantee) end,
    lower(g.privilege_type), a.attname, t.table_name) as detail,
  format('revoke %s (%I) on %s from %s', lower(g.privilege_type), a.attname, t.table_name,
    case g.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(g.grantee)) end) as fix
from tenancy.table_classes t join pg_attribute a on a.attrelid = t.table_name and not a.attisdropped and a.attacl is not null
cross join lateral aclexplode(a.attacl) g
where t.class = 'global' and (g.grantee = 0 or pg_get_userbyid(g.grantee) = tenancy.role('tenant'))
order by 1, 2
