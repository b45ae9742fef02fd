-- A serving role may create objects
-- Stops serve.
-- Who may create, in temporary schemas too, can put a table or function of theirs where another is looked for.
select place.object, format('The role %s may create objects in %s', r.rolname, place.word) as detail, format(place.fix, place.object, r.rolname) as fix
from pg_roles r
cross join lateral (
  select current_database()::text as object, format('the database %s', current_database()) as word,
    'revoke create, temporary on database %I from %I, public' as fix
  where has_database_privilege(r.oid, current_database(), 'CREATE, TEMPORARY')
  union all
  select n.nspname::text, format('the schema %s', n.nspname), 'revoke create on schema %I from %I, public' from pg_namespace n
  where n.nspname not like 'pg\_temp%' and n.nspname not like 'pg\_toast%' and has_schema_privilege(r.oid, n.oid, 'CREATE')) place
where r.rolname in (tenancy.role('tenant'), tenancy.role('operator')) and not r.rolsuper
order by 1, 2
