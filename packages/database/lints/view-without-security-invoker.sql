-- A view that a serving role may use runs with its owner's rights
-- Stops serve.
select c.oid::regclass::text as object,
  format('The role %s can reach the view %s and sees it with the rights of its owner', r.rolname, c.oid::regclass) as detail,
  format('alter view %s set (security_invoker = true)', c.oid::regclass) as fix
from pg_class c join pg_namespace n on n.oid = c.relnamespace
join pg_roles r on r.rolname in (tenancy.role('tenant'), tenancy.role('operator')) and not r.rolsuper
where c.relkind = 'v' and c.relpersistence <> 't'
  and n.nspname <> 'information_schema' and n.nspname not like 'pg\_%'
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
  and not exists (select from pg_options_to_table(c.reloptions) o where o.option_name = 'security_invoker' and o.option_value::boolean)
  and (has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
    or has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))
order by 1, 2
