-- The jobs role can reach a table of the product
-- Stops serve.
select t.table_name::text as object,
  format('The role %s can reach the table %s; its work is the queue alone', r.rolname, t.table_name) as detail,
  format('revoke all on %s from %I, public', t.table_name, r.rolname) as fix
from tenancy.table_classes t join pg_class c on c.oid = t.table_name
join pg_roles r on r.rolname = tenancy.role('jobs') and not r.rolsuper
where has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
  or has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
order by 1
