-- A tenant table has a policy besides the canonical ones
-- Stops serve.
select t.table_name::text as object,
  format('%s has a policy of its own, "%s"%s', t.table_name, p.polname,
    case when p.polpermissive then ': what it lets through is added to what the canonical ones let through' else '' end) as detail,
  format('drop policy %I on %s', p.polname, t.table_name) as fix
from tenancy.table_classes t join pg_class c on c.oid = t.table_name join pg_policy p on p.polrelid = t.table_name
where t.class <> 'global'
  and p.polname not in ('tenancy_owner', 'tenancy_tenant', 'tenancy_operator_read', 'tenancy_operator_write')
  -- What holds for every row is another lint's.
  and not (p.polpermissive and (coalesce(p.polqual::text, '{VAR ') !~ '\{VAR ' or coalesce(p.polwithcheck::text, '{VAR ') !~ '\{VAR '))
order by 1, 2
