import { build, sql } from "@tenantctl/database";
import { plural, whole } from "../../checks/wording.ts";
import { type Looking, type Seen, statementLine } from "./look.ts";

interface Presence {
  readonly available: boolean;
  /** The schema that the extension is in, null where it was not created. */
  readonly schema: string | null;
  readonly canRead: boolean;
  readonly preloaded: string;
  readonly seesAll: boolean;
  readonly role: string;
}

const presence =
  sql<Presence>`select exists (select from pg_available_extensions where name = 'pg_stat_statements') as available,
    x.schema, case when x.schema is null then false else has_schema_privilege(x.schema, 'usage')
      and has_table_privilege(format('%I.pg_stat_statements', x.schema), 'select') end as "canRead",
    coalesce((select s.setting from pg_settings s where s.name = 'shared_preload_libraries'), '?') as preloaded,
    pg_has_role(current_user, 'pg_read_all_stats', 'usage') as "seesAll", current_user as role
  from (select (select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace
    where e.extname = 'pg_stat_statements') as schema) x`.compile(build);

interface Statement {
  readonly query: string;
  readonly calls: number;
  readonly meanMs: number;
  readonly totalMs: number;
  readonly share: number;
}

const slowest = (schema: string) =>
  sql<Statement>`select s.query, s.calls, s.mean_exec_time as "meanMs", s.total_exec_time as "totalMs",
      (s.total_exec_time / nullif(sum(s.total_exec_time) over (), 0))::float8 as share
    from ${sql.table(`${schema}.pg_stat_statements`)} s
    where s.dbid = (select oid from pg_database where datname = current_database()) and s.query <> '<insufficient privilege>'
      and s.query !~* '^\\s*(begin|commit|rollback|set|show|vacuum|analyze|create|alter|copy)'
    order by s.total_exec_time desc limit 5`.compile(build);

/** Milliseconds at which a statement that is called often is slow, and at which it is a problem. */
const slowMs = 200;
const verySlowMs = 1000;
const oftenCalls = 10;

const howToEnable = ({ available, preloaded, role }: Presence): Seen => {
  const isHidden = preloaded === "?";
  const others = preloaded === "" || isHidden ? "" : `${preloaded},`;
  const load = `alter system set shared_preload_libraries = '${others}pg_stat_statements';`;
  const isLoaded = preloaded.split(/\s*,\s*/).includes("pg_stat_statements");
  return {
    result: "needs_person",
    evidence: [
      "not seen: pg_stat_statements is not there, and only it knows which statements are slow",
      ...(available
        ? []
        : ["its files are not installed either: with Debian's packages they come in postgresql-contrib"]),
      "as a superuser of this database:",
      ...(isHidden
        ? ["show shared_preload_libraries; -- where it has pg_stat_statements, leave out the next two"]
        : []),
      ...(isLoaded ? [] : [`${load}${isHidden ? " -- behind what it has" : ""}`, "restart PostgreSQL"]),
      "create extension if not exists pg_stat_statements;",
      `grant pg_read_all_stats to "${role}";`,
    ],
    next: isHidden
      ? "show shared_preload_libraries;"
      : isLoaded
        ? "create extension if not exists pg_stat_statements;"
        : load,
  };
};

const whatIsHidden = ({ seesAll, role }: Presence): string[] =>
  seesAll
    ? []
    : [
        `only this user's own statements are shown; for all of them, as a superuser: grant pg_read_all_stats to "${role}";`,
      ];

/** The statements that take most of the time. */
export const statements = async ({ ask }: Looking): Promise<Seen> => {
  const [there] = await ask(presence);
  if (there === undefined) throw new Error("asking what is there answers one row");
  if (there.schema === null) return howToEnable(there);
  const name = `"${there.schema}".pg_stat_statements`;
  if (!there.canRead) {
    const grant = `grant usage on schema "${there.schema}" to "${there.role}"; grant select on ${name} to "${there.role}";`;
    return { result: "needs_person", evidence: [`not seen: ${name} may not be read from here`], next: grant };
  }
  const rows = await ask(slowest(there.schema));
  const slow = rows.find(({ meanMs, calls }) => meanMs >= slowMs && calls >= oftenCalls);
  const isBad = rows.some(({ meanMs, calls }) => meanMs >= verySlowMs && calls >= oftenCalls);
  return {
    result: isBad ? "problem" : slow !== undefined ? "warning" : there.seesAll ? "ok" : "needs_person",
    evidence: [
      ...rows.map(
        ({ query, calls, meanMs, share }) =>
          `${Math.round((share ?? 0) * 100)} % of the time, ${meanMs.toFixed(1)} ms each, ${plural(calls, "call")}: ${statementLine(query)}`,
      ),
      ...(rows.length === 0 ? ["nothing was recorded yet"] : []),
      ...whatIsHidden(there),
    ],
    next:
      slow === undefined
        ? there.seesAll
          ? undefined
          : `grant pg_read_all_stats to "${there.role}";`
        : `explain (analyze, buffers) ${statementLine(slow.query)}`,
    because: isBad && slow !== undefined ? `a statement takes ${whole(slow.meanMs)} ms each time` : undefined,
  };
};
