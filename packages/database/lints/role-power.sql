-- A role of the product is stronger than it may be
-- Stops serve.
select r.rolname::text as object, format('The role %s is %s', r.rolname, power.word) as detail,
  format('alter role %I %s', r.rolname, power.remedy) as fix
from (values ('owner'), ('tenant'), ('operator'), ('jobs')) as named(name) join pg_roles r on r.rolname = tenancy.role(named.name)
cross join lateral (values
  (r.rolsuper, 'a superuser', 'nosuperuser'), (r.rolbypassrls, 'allowed to bypass row-level security', 'nobypassrls'),
  (r.rolcreaterole, 'allowed to create roles', 'nocreaterole'), (r.rolcreatedb, 'allowed to create databases', 'nocreatedb'),
  (r.rolreplication, 'allowed to replicate', 'noreplication'),
  -- On Citus nodes log in to each other as the owner; it has no password.
  (r.rolcanlogin and named.name = 'owner' and not tenancy.has_citus(), 'allowed to log in', 'nologin')) as power(held, word, remedy)
where power.held
order by 1, 2
