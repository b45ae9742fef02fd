-- A role of the product is a member of another role
-- Stops serve.
-- One membership is known: the owner role, which logs in nowhere, may read statistics: how long transactions are open.
select r.rolname::text as object, format('The role %s is a member of %s', r.rolname, pg_get_userbyid(m.roleid)) as detail,
  format('revoke %I from %I', pg_get_userbyid(m.roleid), r.rolname) as fix
from (values ('owner'), ('tenant'), ('operator'), ('jobs')) as named(name) join pg_roles r on r.rolname = tenancy.role(named.name)
join pg_auth_members m on m.member = r.oid
where not (named.name = 'owner' and m.roleid = to_regrole('pg_read_all_stats') and not m.admin_option)
order by 1, 2
