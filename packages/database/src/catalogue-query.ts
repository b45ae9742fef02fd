import { build, sql } from "./build.ts";
import type { CatalogueTable } from "./catalogue.ts";
import type { Scope } from "./scope.ts";

const tableName = (oid: string) =>
  `(select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = ${oid})`;

const columnNames = (relation: string, numbers: string) =>
  `(select coalesce(json_agg(a.attname order by k.place), '[]') from unnest(${numbers}) with ordinality k(number, place)
    join pg_attribute a on a.attrelid = ${relation} and a.attnum = k.number)`;

const readTables = `
  select ${tableName("t.table_name")} as name, n.nspname as schema, c.relname as "table", t.class, t.transient,
    to_json(t.secret_columns) as "secretColumns",
    c.reltuples::float8 as "estimatedRows",
    (select a.attname from pg_partitioned_table p join pg_attribute a on a.attrelid = p.partrelid and a.attnum = p.partattrs[0]
      where p.partrelid = t.table_name and p.partstrat = 'r' and p.partnatts = 1 and a.attnotnull
        and a.atttypid in ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)) as "partitionedBy",
    (select coalesce(json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
        'kind', case when y.typcategory = 'A' then 'A' else y.typtype::text end, 'notNull', a.attnotnull,
        'generated', a.attgenerated <> '' or a.atttypid = 'xid8'::regtype, 'collated', a.attcollation <> 0, 'optional', not a.attnotnull or a.atthasdef,
        'sequence', (select ${tableName("d.objid")} from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S'
          where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = a.attrelid
            and d.refobjsubid = a.attnum and d.deptype = 'a' limit 1)) order by a.attnum), '[]')
      from pg_attribute a join pg_type y on y.oid = a.atttypid
      where a.attrelid = t.table_name and a.attnum > 0 and not a.attisdropped) as columns,
    coalesce((select ${columnNames("p.conrelid", "p.conkey")} from pg_constraint p
      where p.conrelid = t.table_name and p.contype = 'p'), '[]') as "primaryKey",
    (select coalesce(json_agg(json_build_object('name', f.conname, 'columns', ${columnNames("f.conrelid", "f.conkey")},
        'references', ${tableName("f.confrelid")}, 'referencedColumns', ${columnNames("f.confrelid", "f.confkey")},
        'deferrable', f.condeferrable) order by f.conname), '[]')
      from pg_constraint f where f.conrelid = t.table_name and f.contype = 'f' and f.conparentid = 0) as "foreignKeys"
  from tenancy.table_classes t join pg_class c on c.oid = t.table_name join pg_namespace n on n.oid = c.relnamespace
  order by n.nspname, c.relname`;

/** The classified tables that exist, by name. */
export function readCatalogueRows(scope: Scope): Promise<CatalogueTable[]> {
  return scope.run(sql<CatalogueTable>`${sql.raw(readTables)}`.compile(build));
}
