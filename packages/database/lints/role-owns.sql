-- A serving role owns objects of this database
-- Stops serve.
-- An owner can switch row-level security off, and grant what it likes.
select r.rolname::text as object,
  format('The role %s owns %s objects of this database, %s among them', r.rolname, owned.number, owned.first) as detail,
  format('reassign owned by %I to %I', r.rolname, tenancy.role('owner')) as fix
from pg_roles r
cross join lateral (
  select count(*) as number, min(o.name) as first from (
    select pg_describe_object(s.classid, s.objid, s.objsubid) as name from pg_shdepend s
    where s.refclassid = 'pg_authid'::regclass and s.refobjid = r.oid and s.deptype = 'o'
      and s.dbid = (select oid from pg_database where datname = current_database())
    union all
    select 'the database' from pg_database d where d.datname = current_database() and d.datdba = r.oid) o
) owned
where r.rolname in (tenancy.role('tenant'), tenancy.role('operator')) and owned.number > 0
order by 1
