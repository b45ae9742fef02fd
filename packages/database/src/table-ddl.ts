import { build, sql } from "./build.ts";
import type { CatalogueTable } from "./catalogue.ts";
import type { Scope } from "./scope.ts";

/** What makes tables that hold an archive's rows, on a database that has nothing of them. */
export interface TableDdl {
  /** Schemas, extensions, types and functions that the tables need. */
  shared: string;
  tables: ReadonlyMap<string, { create: string; constraints: string }>;
}

/** Stands in a table's DDL where the tenant's id belongs; no uuid that anybody has. */
export const tenantPlaceholder = "ffffffff-ffff-ffff-ffff-ffffffffffff";

const qualified = (oid: string) =>
  `(select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = ${oid})`;

const isExtensions = (catalogue: string, oid: string) =>
  `exists (select from pg_depend e where e.classid = '${catalogue}'::regclass and e.objid = ${oid} and e.deptype = 'e')`;

const createTables = `
  select ${qualified("t.oid")} as name,
    format(E'create table %s (\\n  %s\\n);\\n', ${qualified("t.oid")}, (select string_agg(part.line, E',\\n  ' order by part.section, part.place) from (
      select 1 as section, a.attnum::int as place, format('%I %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
        case when a.attcollation <> y.typcollation then (select format(' collate %I.%I', n.nspname, l.collname)
          from pg_collation l join pg_namespace n on n.oid = l.collnamespace where l.oid = a.attcollation) end,
        case when a.attgenerated = 's' then format(' generated always as (%s) stored', pg_get_expr(d.adbin, d.adrelid))
          when a.attname = 'tenant_id' and c.class in ('protected', 'retained') then ' default ''${tenantPlaceholder}''' end,
        case when a.attnotnull then ' not null' end) as line
      from pg_attribute a join pg_type y on y.oid = a.atttypid left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
      where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
      union all
      select 2, row_number() over (order by k.contype = 'p' desc, k.conname)::int, format('constraint %I %s', k.conname, pg_get_constraintdef(k.oid))
      from pg_constraint k where k.conrelid = t.oid and k.contype in ('p', 'u', 'c', 'x')) part)) as create,
    coalesce((select string_agg(format(E'alter table %s add constraint %I %s;\\n', ${qualified("t.oid")}, k.conname, pg_get_constraintdef(k.oid)), '' order by k.conname)
      from pg_constraint k where k.conrelid = t.oid and k.contype = 'f' and k.conparentid = 0 and k.confrelid = any (w.oids)), '') as constraints
  from wanted w cross join unnest(w.oids) t(oid) join tenancy.table_classes c on c.table_name = t.oid`;

const sharedDdl = `
  , types(oid, depth) as (
    select a.atttypid, 1 from wanted w join pg_attribute a on a.attrelid = any (w.oids) where a.attnum > 0 and not a.attisdropped
    union
    select part.oid, types.depth + 1 from types join pg_type y on y.oid = types.oid cross join lateral (
      select y.typelem where y.typcategory = 'A' union select y.typbasetype where y.typtype = 'd'
      union select r.rngsubtype from pg_range r where r.rngtypid = y.oid union select r.rngtypid from pg_range r where r.rngmultitypid = y.oid
      union select a.atttypid from pg_attribute a join pg_class k on k.oid = a.attrelid and k.relkind = 'c'
        where y.typtype = 'c' and a.attrelid = y.typrelid and a.attnum > 0 and not a.attisdropped) part(oid)
    where types.depth < 50),
  own_types as (
    select y.oid, n.nspname, y.typname, y.typtype, max(types.depth) as depth, format('%I.%I', n.nspname, y.typname) as name
    from types join pg_type y on y.oid = types.oid join pg_namespace n on n.oid = y.typnamespace
    where n.nspname <> 'pg_catalog' and y.typcategory <> 'A' and not ${isExtensions("pg_type", "y.oid")} group by y.oid, n.nspname),
  expressions as (
    select 'pg_constraint'::regclass as classid, k.oid from pg_constraint k join wanted w on k.conrelid = any (w.oids) where k.contype in ('c', 'x')
    union all select 'pg_constraint'::regclass, k.oid from pg_constraint k join own_types o on o.oid = k.contypid
    union all select 'pg_attrdef'::regclass, d.oid from pg_attrdef d join wanted w on d.adrelid = any (w.oids)
      join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum and a.attgenerated = 's'),
  functions as (
    select distinct f.oid, n.nspname from expressions x join pg_depend d on d.classid = x.classid and d.objid = x.oid and d.refclassid = 'pg_proc'::regclass
      join pg_proc f on f.oid = d.refobjid join pg_namespace n on n.oid = f.pronamespace
    where n.nspname <> 'pg_catalog' and not ${isExtensions("pg_proc", "f.oid")})
  select line from (
    select 1 as section, 0 as place, format('create schema if not exists %I;', s.name) as line from (
      select n.nspname as name from wanted w cross join unnest(w.oids) t(oid) join pg_class c on c.oid = t.oid join pg_namespace n on n.oid = c.relnamespace
      union select nspname from own_types union select nspname from functions) s(name)
    union all
    select distinct 2, 0, format('create extension if not exists %I;', x.extname) from types join pg_depend e on e.classid = 'pg_type'::regclass
      and e.objid = types.oid and e.deptype = 'e' join pg_extension x on x.oid = e.refobjid
    union all
    select 3, -o.depth, case o.typtype
      when 'e' then format('create type %s as enum (%s);', o.name,
        (select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = o.oid))
      when 'c' then format('create type %s as (%s);', o.name,
        (select string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' order by a.attnum)
          from pg_attribute a join pg_type y on y.typrelid = a.attrelid where y.oid = o.oid and a.attnum > 0 and not a.attisdropped))
      when 'r' then (select format('create type %s as range (subtype = %s, multirange_type_name = %s);', o.name, format_type(r.rngsubtype, null),
        (select format('%I.%I', m.nspname, y.typname) from pg_type y join pg_namespace m on m.oid = y.typnamespace where y.oid = r.rngmultitypid))
        from pg_range r where r.rngtypid = o.oid)
      when 'd' then (select format('create domain %s as %s%s%s;', o.name, format_type(y.typbasetype, y.typtypmod), case when y.typnotnull then ' not null' end,
        (select string_agg(format(' constraint %I %s', k.conname, pg_get_constraintdef(k.oid)), '' order by k.conname) from pg_constraint k where k.contypid = o.oid and k.contype = 'c'))
        from pg_type y where y.oid = o.oid) end
    from own_types o where o.typtype in ('e', 'c', 'r', 'd')
    union all
    select 2, 1, 'set check_function_bodies = off;' where exists (select from functions)
    union all
    select 4, 0, pg_get_functiondef(f.oid) || ';' from functions f) lines
  where line is not null order by section, place, line`;

/** The DDL of these tables. `scope` is an operator scope. */
export async function readTableDdl(scope: Scope, tables: readonly CatalogueTable[]): Promise<TableDdl> {
  const names = tables.map(({ name }) => name);
  const wanted = sql`with recursive wanted as (select coalesce(array_agg(n::regclass::oid), '{}') as oids from unnest(${names}::text[]) n)`;
  return scope.transaction(async (transaction) => {
    // Names then come with their schema, whatever the session's path.
    await transaction.run(sql`set local search_path = pg_catalog`.compile(build));
    const [rows, lines] = await Promise.all([
      transaction.run(
        sql<{ name: string; create: string; constraints: string }>`${wanted} ${sql.raw(createTables)}`.compile(build),
      ),
      transaction.run(sql<{ line: string }>`${wanted} ${sql.raw(sharedDdl)}`.compile(build)),
    ]);
    return {
      shared: lines.map(({ line }) => `${line}\n`).join(""),
      tables: new Map(rows.map(({ name, ...ddl }) => [name, ddl])),
    };
  });
}
