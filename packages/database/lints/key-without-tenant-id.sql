-- A key of a tenant table does not begin with tenant_id
-- Stops serve.
-- A key over all tenants tells one of them, by its refusal, what another one has. Keys of single partitions count too.
select part.relid::text as object,
  format('%s "%s" of %s does not begin with tenant_id',
    case when i.indisprimary then 'The primary key' when i.indisexclusion then 'The exclusion constraint' else 'The unique key' end,
    x.relname, part.relid) as detail,
  coalesce((select format('alter table %s drop constraint %I', part.relid, k.conname) from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x') limit 1),
    format('drop index %s', i.indexrelid::regclass)) || '; -- then add it again with tenant_id in front' as fix
from tenancy.table_classes t join pg_class c on c.oid = t.table_name
cross join lateral (select t.table_name as relid union select relid from pg_partition_tree(t.table_name)) part
join pg_attribute a on a.attrelid = part.relid and a.attname = 'tenant_id' and not a.attisdropped
join pg_index i on i.indrelid = part.relid and (i.indisunique or i.indisexclusion) and i.indkey[0] <> a.attnum
join pg_class x on x.oid = i.indexrelid and not x.relispartition
where t.class in ('protected', 'retained')
union all
select t.table_name::text, format('%s has no primary key; it needs one that begins with tenant_id', t.table_name),
  format('alter table %s add primary key (tenant_id, …)', t.table_name)
from tenancy.table_classes t join pg_attribute a on a.attrelid = t.table_name and a.attname = 'tenant_id' and not a.attisdropped
where t.class in ('protected', 'retained') and not exists (select from pg_index i where i.indrelid = t.table_name and i.indisprimary)
order by 1, 2
