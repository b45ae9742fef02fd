-- A function that runs as its owner looks names up where its caller says
-- Safe is a search_path of its own, of schemas where the serving roles can't create, with pg_temp last.
select p.oid::regprocedure::text as object,
  format('%s runs as %s %s', p.oid::regprocedure, pg_get_userbyid(p.proowner), case
    when path.value is null then 'and takes its search_path from its caller'
    when unsafe.schema is not null then format('and looks names up in %s, where others may create', unsafe.schema)
    else 'and looks tables up in pg_temp first, as long as its search_path does not end with it' end) as detail,
  format('alter function %s set search_path = pg_catalog, pg_temp; -- and write the schemas out in its body', p.oid::regprocedure) as fix
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
left join lateral (select substr(s, length('search_path=') + 1) as value from unnest(p.proconfig) s where s like 'search\_path=%') path on true
left join lateral (
  select string_agg(trim(entry, ' "'), ', ') as schema from regexp_split_to_table(path.value, ',') entry
  where trim(entry, ' "') = '$user' or exists (
    select from pg_namespace there join pg_roles r on r.rolname in (tenancy.role('tenant'), tenancy.role('operator'), tenancy.role('jobs'))
    where there.nspname = trim(entry, ' "') and not r.rolsuper and has_schema_privilege(r.oid, there.oid, 'CREATE'))
) unsafe on true
where p.prosecdef and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\_%'
  and not (n.nspname = 'graphile_worker' and pg_get_userbyid(p.proowner) = tenancy.role('jobs')) -- the queue's own, by its owner
  and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
  and (path.value is null or unsafe.schema is not null
    or path.value not in ('', '""') and trim(regexp_replace(path.value, '^.*,', ''), ' "') <> 'pg_temp')
order by 1
