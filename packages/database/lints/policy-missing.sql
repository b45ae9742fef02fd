-- A tenant table lacks a canonical policy
-- Stops serve.
select t.table_name::text as object,
  format('The policy "%s" of %s is missing', canonical.name, t.table_name) as detail,
  format('select tenancy.seal(%L, %L)', t.table_name, case t.class when 'registry' then 'id' else 'tenant_id' end) as fix
from tenancy.table_classes t join pg_class c on c.oid = t.table_name
cross join (values ('tenancy_owner'), ('tenancy_tenant'), ('tenancy_operator_read'), ('tenancy_operator_write')) as canonical(name)
where t.class <> 'global' and not exists (select from pg_policy p where p.polrelid = t.table_name and p.polname = canonical.name)
order by 1, 2
