-- A role, database or server sets app.tenant_id by default
-- Without a context nothing is seen: a default makes forgotten contexts one tenant's, and shows its rows to whoever forgot.
with defaults as (
  select s.setrole, s.setdatabase, setting from pg_db_role_setting s cross join lateral unnest(s.setconfig) setting
  where lower(setting) like 'app.tenant\_id=%'
    and (s.setdatabase = 0 or s.setdatabase = (select oid from pg_database where datname = current_database()))
)
select place.object, format('%s sets %s by default', place.word, setting) as detail, place.fix || ' reset app.tenant_id' as fix
from defaults cross join lateral (
  select case when setrole = 0 then current_database()::text else pg_get_userbyid(setrole)::text end as object,
    case when setrole = 0 then format('The database %s', current_database())
      else format('The role %s%s', pg_get_userbyid(setrole), case when setdatabase <> 0 then format(' in the database %s', current_database()) end) end as word,
    case when setrole = 0 then format('alter database %I', current_database())
      else format('alter role %I%s', pg_get_userbyid(setrole), case when setdatabase <> 0 then format(' in database %I', current_database()) end) end as fix
) place
union all
select 'server', format('This session has app.tenant_id=%s, and no role or database sets it', current_setting('app.tenant_id', true)),
  'remove app.tenant_id from the server''s configuration and from the options of the connection'
where nullif(current_setting('app.tenant_id', true), '') is not null and not exists (select from defaults)
order by 1, 2
