-- A canonical policy of a tenant table was altered
-- Stops serve.
with expected as (
  select t.table_name, canonical.name, canonical.command, case t.class when 'registry' then 'id' else 'tenant_id' end as tenant_column,
    array[to_regrole(quote_ident(tenancy.role(canonical.role)))::oid] as roles,
    case when canonical.everything then 'true' else
      format('(%s = (NULLIF(current_setting(''app.tenant_id''::text, true), ''''::text))::uuid)', case t.class when 'registry' then 'id' else 'tenant_id' end)
    end as rule
  from tenancy.table_classes t join pg_class c on c.oid = t.table_name
  cross join (values
    ('tenancy_owner', '*', 'owner', true), ('tenancy_tenant', '*', 'tenant', false),
    ('tenancy_operator_read', 'r', 'operator', true), ('tenancy_operator_write', '*', 'operator', false)
  ) as canonical(name, command, role, everything)
  where t.class <> 'global'
)
select e.table_name::text as object,
  format('The policy "%s" of %s is not the canonical one: %s', e.name, e.table_name, difference.what) as detail,
  format('select tenancy.seal(%L, %L)', e.table_name, e.tenant_column) as fix
from expected e join pg_policy p on p.polrelid = e.table_name and p.polname = e.name
cross join lateral (
  select case
    when not p.polpermissive then 'it is restrictive'
    when p.polcmd <> e.command::"char" then 'it is for other commands'
    when p.polroles is distinct from e.roles then 'it is for other roles'
    when pg_get_expr(p.polqual, p.polrelid) is distinct from e.rule then 'rows are chosen by ' || coalesce(pg_get_expr(p.polqual, p.polrelid), 'nothing')
    when e.command <> 'r' and pg_get_expr(p.polwithcheck, p.polrelid) is distinct from e.rule
      then 'written rows are checked by ' || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'nothing of their own')
  end as what
) difference
where difference.what is not null
  -- What holds for every row is another lint's.
  and not (p.polpermissive and (coalesce(p.polqual::text, '{VAR ') !~ '\{VAR ' or coalesce(p.polwithcheck::text, '{VAR ') !~ '\{VAR '))
order by 1, 2
