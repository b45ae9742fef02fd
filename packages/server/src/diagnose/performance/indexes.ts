import { build, sql } from "@tenantctl/database";
import { bytes, plural, some, whole } from "../../checks/wording.ts";
import type { Looking, Seen } from "./look.ts";

/** Schemas of PostgreSQL itself; everything else is looked at, adopted tables too. */
const ours = sql`n.nspname not in ('pg_catalog', 'information_schema', 'graphile_worker') and n.nspname !~ '^pg_'`;

/** Rows from where on a table without an index is felt. */
const largeRows = 10_000;
const largeBytes = 1_000_000;
/** Days of statistics before an index that was never used says something. */
const enoughDays = 7;

interface Scanned {
  readonly name: string;
  readonly rows: number;
  readonly scans: number;
  readonly perScan: number;
  readonly byIndex: number;
}

const scanned =
  sql<Scanned>`select format('%I.%I', s.schemaname, s.relname) as name, s.n_live_tup as rows, s.seq_scan as scans,
    (s.seq_tup_read / nullif(s.seq_scan, 0))::bigint as "perScan", coalesce(s.idx_scan, 0) as "byIndex"
  from pg_stat_user_tables s join pg_namespace n on n.nspname = s.schemaname
  where ${ours} and s.seq_scan >= 50 and s.n_live_tup >= ${sql.lit(largeRows)}
    and s.seq_tup_read / nullif(s.seq_scan, 0) >= ${sql.lit(largeRows / 2)} and s.seq_scan > coalesce(s.idx_scan, 0) / 10
  order by s.seq_tup_read desc limit 10`.compile(build);

/** Tables that are read from end to end, often. */
export const sequentialScans = async ({ ask }: Looking): Promise<Seen> => {
  const rows = await ask(scanned);
  const [first] = rows;
  if (first === undefined) return { result: "ok", evidence: ["no large table is read from end to end often"] };
  return {
    result: "warning",
    evidence: [
      ...rows.map(
        ({ name, rows: held, scans, perScan, byIndex }) =>
          `${name}: ${plural(scans, "scan")} of about ${whole(perScan)} rows each (it has ${whole(held)}), ${whole(byIndex)} by an index`,
      ),
      "find the statements, and put an index on what their where compares, tenant_id first",
    ],
    next: `select calls, mean_exec_time, query from pg_stat_statements where query ilike '%${first.name.replaceAll("'", "''")}%' order by total_exec_time desc limit 5;`,
  };
};

interface ForeignKey {
  readonly table: string;
  readonly constraint: string;
  readonly columns: string;
  readonly rows: number;
}

/** An index serves a foreign key where its first columns are the key's, in any order, and it holds all rows. */
const unindexedKeys = sql<ForeignKey>`select c.conrelid::regclass::text as "table", c.conname as "constraint",
    (select string_agg(quote_ident(a.attname), ', ' order by k.place) from unnest(c.conkey) with ordinality k(attnum, place)
      join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.attnum) as columns,
    greatest(t.reltuples, 0)::bigint as rows
  from pg_constraint c join pg_class t on t.oid = c.conrelid join pg_namespace n on n.oid = t.relnamespace
  where c.contype = 'f' and c.conparentid = 0 and ${ours} and not exists (
    select from pg_index i where i.indrelid = c.conrelid and i.indpred is null and i.indisvalid
      and (select array_agg(k order by k) from unnest((i.indkey::int2[])[0:array_length(c.conkey, 1) - 1]) k)
        = (select array_agg(k order by k) from unnest(c.conkey) k))
  order by t.reltuples desc, 1, 2 limit 20`.compile(build);

/** Foreign keys without an index: each delete of what they point at reads the whole table. */
export const foreignKeys = async ({ ask }: Looking): Promise<Seen> => {
  const rows = await ask(unindexedKeys);
  const large = rows.filter((row) => row.rows >= largeRows);
  const [first] = large;
  const line = ({ table, constraint, columns, rows: held }: ForeignKey): string =>
    `${table} (${columns}), ${constraint}: about ${plural(held, "row")}`;
  if (first === undefined) {
    const small =
      rows.length === 0 ? [] : [`${plural(rows.length, "small table")} do without one, which costs nothing yet`];
    return { result: "ok", evidence: ["every foreign key of a large table has its index", ...small] };
  }
  return {
    result: "warning",
    evidence: some(large.map(line), large.length),
    next: `create index concurrently on ${first.table} (${first.columns});`,
  };
};

interface IndexUse {
  readonly name: string;
  readonly table: string;
  readonly bytes: number;
}

const unused =
  sql<IndexUse>`select s.indexrelid::regclass::text as name, s.relid::regclass::text as "table", pg_relation_size(s.indexrelid) as bytes
  from pg_stat_user_indexes s join pg_index i on i.indexrelid = s.indexrelid join pg_namespace n on n.nspname = s.schemaname
  where ${ours} and s.idx_scan = 0 and not i.indisunique and not i.indisprimary
    and not exists (select from pg_constraint c where c.conindid = s.indexrelid)
    and not exists (select from pg_inherits h where h.inhrelid = s.indexrelid)
    and pg_relation_size(s.indexrelid) >= ${sql.lit(largeBytes)}
  order by bytes desc limit 20`.compile(build);

const statisticsDays = sql<{ days: number }>`select floor(extract(epoch from now() - greatest(
    coalesce(stats_reset, '-infinity'), pg_postmaster_start_time())) / 86400)::int as days
  from pg_stat_database where datname = current_database()`.compile(build);

/** Indexes that every write pays for and no read used. */
export const unusedIndexes = async ({ ask }: Looking): Promise<Seen> => {
  const [rows, [age]] = [await ask(unused), await ask(statisticsDays)];
  const days = age?.days ?? 0;
  const since = `by statistics of at least ${plural(days, "day")}; a replica's own reads are not in them`;
  const [first] = rows;
  if (first === undefined) return { result: "ok", evidence: ["no index of 1 MB or more was never used", since] };
  const lines = rows.map(({ name, table, bytes: size }) => `${name} on ${table}: ${bytes(size)}, never used`);
  return {
    result: days < enoughDays ? "needs_person" : "warning",
    evidence: [...some(lines, rows.length), days < enoughDays ? `${since}: too few to drop anything by` : since],
    next: `drop index concurrently ${first.name};`,
  };
};

interface Twin {
  readonly spare: string;
  readonly kept: string;
  readonly bytes: number;
}

const twins =
  sql<Twin>`select b.indexrelid::regclass::text as spare, a.indexrelid::regclass::text as kept, pg_relation_size(b.indexrelid) as bytes
  from pg_index a join pg_index b on b.indrelid = a.indrelid and a.indexrelid <> b.indexrelid
    and b.indkey::text = a.indkey::text and b.indclass::text = a.indclass::text and b.indcollation::text = a.indcollation::text
    and b.indoption::text = a.indoption::text
    and coalesce(pg_get_expr(b.indexprs, b.indrelid), '') = coalesce(pg_get_expr(a.indexprs, a.indrelid), '')
    and coalesce(pg_get_expr(b.indpred, b.indrelid), '') = coalesce(pg_get_expr(a.indpred, a.indrelid), '')
    and not b.indisunique and (a.indisunique or a.indexrelid < b.indexrelid)
  join pg_class t on t.oid = a.indrelid join pg_namespace n on n.oid = t.relnamespace
  where ${ours} and not exists (select from pg_inherits h where h.inhrelid = b.indexrelid)
  order by bytes desc, 1 limit 20`.compile(build);

/** Indexes that another one makes superfluous, column for column. */
export const duplicateIndexes = async ({ ask }: Looking): Promise<Seen> => {
  const rows = await ask(twins);
  const [first] = rows;
  if (first === undefined) return { result: "ok", evidence: ["no two indexes are the same"] };
  return {
    result: "warning",
    evidence: some(
      rows.map(({ spare, kept, bytes: size }) => `${spare} is ${kept} once more: ${bytes(size)}`),
      rows.length,
    ),
    next: `drop index concurrently ${first.spare};`,
  };
};
