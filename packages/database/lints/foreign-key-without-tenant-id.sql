-- A foreign key of tenant tables does not carry tenant_id
-- Stops serve.
with keys as (
  select k.conname, k.conrelid::regclass as child, k.confrelid::regclass as parent, k.conkey, k.confkey, k.confdeltype, k.confupdtype, k.confdelsetcols,
    cc.class as child_class, pc.class as parent_class, ct.attnum as child_tenant, pt.attnum as parent_tenant
  from pg_constraint k
  left join tenancy.table_classes cc on cc.table_name = k.conrelid
  left join tenancy.table_classes pc on pc.table_name = k.confrelid
  left join pg_attribute ct on ct.attrelid = k.conrelid and ct.attname = 'tenant_id' and not ct.attisdropped
  left join pg_attribute pt on pt.attrelid = k.confrelid and pt.attname = 'tenant_id' and not pt.attisdropped
  where k.contype = 'f' and k.conparentid = 0 and (cc.class in ('protected', 'retained') or pc.class in ('protected', 'retained'))
)
select child::text as object, format('The foreign key "%s" of %s %s', conname, child, problem.what) as detail,
  format('alter table %s drop constraint %I; -- then add it again %s', child, conname, problem.instead) as fix
from keys cross join lateral (select w.what, w.instead from (values
  (1, parent_class = 'registry' and (conkey is distinct from array[child_tenant] or confdeltype not in ('a', 'r')),
    format('may tie only tenant_id to %s, and without cascade', parent), 'for tenant_id alone'),
  (2, parent_class is null, format('points to %s, which is in no class', parent), 'once that table is in a class'),
  (3, parent_class in ('protected', 'retained') and coalesce(child_class, '') not in ('protected', 'retained'),
    format('points to %s from outside the tenant tables', parent), 'once the referring table is protected'),
  (4, parent_class in ('protected', 'retained') and (child_tenant is null or parent_tenant is null or conkey[1] <> child_tenant or confkey[1] <> parent_tenant),
    'does not begin with tenant_id on both sides: a row could refer to another tenant''s', 'with tenant_id first on both sides'),
  (5, parent_class in ('protected', 'retained') and confdeltype in ('n', 'd') and (confdelsetcols is null or child_tenant = any (confdelsetcols)),
    'would overwrite tenant_id on delete', 'naming the columns to set'),
  (6, parent_class in ('protected', 'retained') and confupdtype in ('n', 'd'), 'would overwrite tenant_id on update', 'without that')
) as w(place, holds, what, instead) where w.holds order by w.place limit 1) problem
order by 1, 2
