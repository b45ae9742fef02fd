-- A function made here is marked leakproof
-- PostgreSQL may run such a function on rows before the policy has hidden them; one that raises or logs tells what they hold.
select p.oid::regprocedure::text as object,
  format('%s is marked leakproof: it may see rows before row-level security hides them', p.oid::regprocedure) as detail,
  format('alter function %s not leakproof', p.oid::regprocedure) as fix
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where p.proleakproof and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\_%'
  and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
order by 1
