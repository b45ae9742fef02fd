-- A policy of a tenant table holds for every row
-- Stops serve.
-- Two may: the owner's, and the operator's for reading. Known by name, role, command and expression, all of them.
with policies as (
  select t.table_name, t.class, p.polname, p.polqual is not null and p.polqual::text !~ '\{VAR ' as reads_all,
    p.polwithcheck is not null and p.polwithcheck::text !~ '\{VAR ' as writes_all,
    pg_get_expr(p.polqual, p.polrelid) = 'true'
      and coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'true') = 'true'
      and ((p.polname = 'tenancy_owner' and p.polcmd = '*' and p.polroles = array[to_regrole(quote_ident(tenancy.role('owner')))::oid])
        or (p.polname = 'tenancy_operator_read' and p.polcmd = 'r'
          and p.polroles = array[to_regrole(quote_ident(tenancy.role('operator')))::oid])) as known
  from tenancy.table_classes t join pg_class c on c.oid = t.table_name join pg_policy p on p.polrelid = t.table_name
  where t.class <> 'global' and p.polpermissive
)
select table_name::text as object,
  format('The policy "%s" of %s looks at no column of the row: it lets its roles %s', polname, table_name,
    case when reads_all and writes_all then 'read and write every tenant''s rows' when reads_all then 'read every tenant''s rows'
      else 'write rows for every tenant' end) as detail,
  case when polname in ('tenancy_owner', 'tenancy_tenant', 'tenancy_operator_read', 'tenancy_operator_write')
    then format('select tenancy.seal(%L, %L)', table_name, case class when 'registry' then 'id' else 'tenant_id' end)
    else format('drop policy %I on %s', polname, table_name) end as fix
from policies where (reads_all or writes_all) and known is not true
order by 1, 2
