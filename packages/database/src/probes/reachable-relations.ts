import { build, sql } from "../build.ts";
import type { Scope } from "../scope.ts";

export interface ProbeColumn {
  name: string;
  /** With its length: "character varying(20)". */
  type: string;
  /** Of the type beneath its domains. */
  baseType: string;
  /** pg_type.typtype of that type. */
  kind: string;
  /** pg_type.typcategory of that type: "A" is an array, "S" a text. */
  category: string;
  labels: string[];
  domain: string | null;
  notNull: boolean;
  hasDefault: boolean;
  generated: boolean;
}

export interface ProbeConstraint {
  name: string;
  columns: string[];
  definition: string;
}

export interface ProbeForeignKey {
  columns: string[];
  references: string;
  referencedColumns: string[];
}

export type Privilege = "select" | "insert" | "update" | "delete" | "truncate";

/** Whatever holds rows and can be reached by the role tenant: tables, their partitions, views and the like. */
export interface Relation {
  /** "app.users", quoted where SQL needs it. */
  name: string;
  kind: "r" | "p" | "v" | "m" | "f";
  class: "protected" | "retained" | "global" | "registry" | null;
  /** Which column says whose a row is. */
  tenantColumn: string | null;
  /** What the role tenant may do. */
  may: Privilege[];
  columns: ProbeColumn[];
  checks: ProbeConstraint[];
  foreignKeys: ProbeForeignKey[];
}

const named = (columns: string, relation: string) => `(select coalesce(json_agg(a.attname order by k.place), '[]')
  from unnest(${columns}) with ordinality k(number, place)
  join pg_attribute a on a.attrelid = ${relation} and a.attnum = k.number)`;

const qualified = (oid: string) => `(select format('%I.%I', tn.nspname, tc.relname)
  from pg_class tc join pg_namespace tn on tn.oid = tc.relnamespace where tc.oid = ${oid})`;

const text = `
with recursive bottom(oid, base) as (
  select t.oid, t.oid from pg_type t where t.typtype <> 'd'
  union all
  select t.oid, b.base from pg_type t join bottom b on b.oid = t.typbasetype where t.typtype = 'd'
), reachable as (
  select c.oid, c.relkind, ${qualified("c.oid")} as name, tc.class,
    array_remove(array[
      case when has_table_privilege(r.oid, c.oid, 'SELECT') or has_any_column_privilege(r.oid, c.oid, 'SELECT') then 'select' end,
      case when has_table_privilege(r.oid, c.oid, 'INSERT') or has_any_column_privilege(r.oid, c.oid, 'INSERT') then 'insert' end,
      case when has_table_privilege(r.oid, c.oid, 'UPDATE') or has_any_column_privilege(r.oid, c.oid, 'UPDATE') then 'update' end,
      case when has_table_privilege(r.oid, c.oid, 'DELETE') then 'delete' end,
      case when has_table_privilege(r.oid, c.oid, 'TRUNCATE') then 'truncate' end], null) as may
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  join pg_roles r on r.rolname = tenancy.role('tenant')
  left join tenancy.table_classes tc on tc.table_name = c.oid
  where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relpersistence <> 't' and has_schema_privilege(r.oid, n.oid, 'USAGE')
    and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%'
    and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
)
select c.name, c.relkind as kind, c.class, array_to_json(c.may) as may,
  case when c.class = 'registry' then 'id' else (select a.attname from pg_attribute a where a.attrelid = c.oid
    and a.attname = 'tenant_id' and a.atttypid = 'uuid'::regtype and not a.attisdropped) end as "tenantColumn",
  (select coalesce(json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
      'baseType', format_type(b.oid, case when a.atttypid = b.oid then a.atttypmod when t.typtype = 'd' then t.typtypmod end),
      'kind', b.typtype, 'category', b.typcategory,
      'labels', (select coalesce(json_agg(e.enumlabel order by e.enumsortorder), '[]') from pg_enum e where e.enumtypid = b.oid),
      'domain', case when t.typtype = 'd' then t.typname end,
      'notNull', a.attnotnull or t.typnotnull, 'hasDefault', a.atthasdef or t.typdefault is not null,
      'generated', a.attgenerated <> '' or a.attidentity <> '') order by a.attnum), '[]')
    from pg_attribute a join pg_type t on t.oid = a.atttypid join bottom o on o.oid = t.oid join pg_type b on b.oid = o.base
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
  (select coalesce(json_agg(json_build_object('name', k.conname, 'columns', k.columns, 'definition', k.definition)), '[]') from (
      select n.conname, ${named("n.conkey", "n.conrelid")} as columns, pg_get_constraintdef(n.oid) as definition
      from pg_constraint n where n.conrelid = c.oid and n.contype in ('c', 'u', 'p', 'x')
      union all
      select n.conname, json_build_array(a.attname), pg_get_constraintdef(n.oid)
      from pg_attribute a join pg_constraint n on n.contypid = a.atttypid and n.contype = 'c'
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) k) as checks,
  (select coalesce(json_agg(json_build_object('columns', ${named("n.conkey", "n.conrelid")}, 'references', ${qualified("n.confrelid")},
      'referencedColumns', ${named("n.confkey", "n.confrelid")}) order by n.conname), '[]')
    from pg_constraint n where n.conrelid = c.oid and n.contype = 'f') as "foreignKeys"
from reachable c where cardinality(c.may) > 0 order by c.name`;

/** Everything with rows that the role tenant can reach, those referred to before those that refer, views last. */
export async function readReachable(scope: Pick<Scope, "transaction">): Promise<Relation[]> {
  const relations = await scope.transaction(async (transaction) => {
    await transaction.run(sql`set local search_path = pg_catalog`.compile(build));
    return transaction.run(sql<Relation>`${sql.raw(text)}`.compile(build));
  });
  const byName = new Map(relations.map((relation) => [relation.name, relation]));
  const ordered = new Set<Relation>();
  const visiting = new Set<Relation>();
  const visit = (relation: Relation): void => {
    if (visiting.has(relation)) return;
    visiting.add(relation);
    for (const { references } of relation.foreignKeys) {
      const parent = byName.get(references);
      if (parent !== undefined) visit(parent);
    }
    ordered.add(relation);
  };
  for (const relation of relations) visit(relation);
  const isTable = ({ kind }: Relation) => kind === "r" || kind === "p";
  return [...ordered].sort((a, b) => Number(isTable(b)) - Number(isTable(a)));
}
