-- A tenant table has a trigger or a rule
-- Stops serve.
-- What they do runs unseen behind each statement, and may run as somebody whom row-level security lets see more.
with parts as (
  select part.relid
  from tenancy.table_classes t join pg_class c on c.oid = t.table_name
  cross join lateral (select t.table_name as relid union select relid from pg_partition_tree(t.table_name)) part
  where t.class in ('protected', 'retained', 'registry')
)
select relid::text as object, format('%s has the trigger "%s"; tenant tables have none', relid, g.tgname) as detail,
  format('drop trigger %I on %s', g.tgname, relid) as fix
from parts join pg_trigger g on g.tgrelid = relid and not g.tgisinternal and g.tgparentid = 0
union all
select relid::text, format('%s has the rule "%s"; tenant tables have none', relid, w.rulename), format('drop rule %I on %s', w.rulename, relid)
from parts join pg_class c on c.oid = relid and c.relkind in ('r', 'p') join pg_rewrite w on w.ev_class = relid
order by 1, 2
