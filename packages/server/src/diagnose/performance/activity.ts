import { build, sql } from "@tenantctl/database";
import { bytes, plural, some, whole } from "../../checks/wording.ts";
import { durationText, type Looking, type Seen } from "./look.ts";

interface Dead {
  readonly name: string;
  readonly dead: number;
  readonly live: number;
  readonly vacuumed: string | null;
}

/** As autovacuum counts, but later: where it has not kept up. */
const deadRowsOf =
  sql<Dead>`select format('%I.%I', s.schemaname, s.relname) as name, s.n_dead_tup as dead, s.n_live_tup as live,
    to_char(greatest(s.last_vacuum, s.last_autovacuum) at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as vacuumed
  from pg_stat_user_tables s where s.n_dead_tup >= 10000 and s.n_dead_tup > s.n_live_tup * 0.3
  order by s.n_dead_tup desc limit 10`.compile(build);

export const deadRows = async ({ ask }: Looking): Promise<Seen> => {
  const rows = await ask(deadRowsOf);
  const [first] = rows;
  const unseen =
    "space that vacuum freed and nobody uses is not seen here: create extension pgstattuple; then select * from pgstattuple_approx('app.customers');";
  if (first === undefined) return { result: "ok", evidence: ["vacuum keeps up in every table", unseen] };
  return {
    result: "warning",
    evidence: [
      ...rows.map(
        ({ name, dead, live, vacuumed }) =>
          `${name}: ${whole(dead)} dead rows beside ${whole(live)}, ${vacuumed === null ? "never vacuumed" : `last vacuumed ${vacuumed} UTC`}`,
      ),
      unseen,
    ],
    next: `vacuum (analyze) ${first.name};`,
  };
};

interface Open {
  readonly pid: number;
  readonly role: string | null;
  readonly application: string | null;
  readonly state: string | null;
  readonly seconds: number;
}

const longSeconds = 300;
const tooLongSeconds = 3600;

const longOnes = sql<Open>`select pid, role, application, state, seconds from app.open_transactions()
  where seconds >= ${sql.lit(longSeconds)} order by seconds desc limit 10`.compile(build);
const sight = sql<{
  sees: boolean;
  owner: string;
}>`select app.sees_transactions() as sees, tenancy.role('owner') as owner`.compile(build);

/** Transactions that keep vacuum from its work, and maybe others from a lock. */
export const longTransactions = async ({ ask }: Looking): Promise<Seen> => {
  const [[seen], rows] = [await ask(sight), await ask(longOnes)];
  const hidden =
    seen?.sees === false
      ? [`those of other users are not seen; as a superuser: grant pg_read_all_stats to "${seen.owner}";`]
      : [];
  const [first] = rows;
  if (first === undefined) {
    return {
      result: hidden.length > 0 ? "needs_person" : "ok",
      evidence: [`no transaction has been open for ${longSeconds / 60} minutes`, ...hidden],
      next: hidden.length > 0 ? `grant pg_read_all_stats to "${seen?.owner ?? ""}";` : undefined,
    };
  }
  const isBad = first.seconds >= tooLongSeconds;
  return {
    result: isBad ? "problem" : "warning",
    evidence: [
      ...some(
        rows.map(
          ({ pid, role, application, state, seconds }) =>
            `process ${pid} of ${role ?? "?"}${application ? ` (${application})` : ""}: open for ${durationText(seconds)}, ${state ?? "?"}`,
        ),
        rows.length,
      ),
      ...hidden,
    ],
    next: `select pg_terminate_backend(${first.pid});`,
    because: isBad ? `a transaction has been open for ${durationText(first.seconds)}` : undefined,
  };
};

const sessions = sql<{ used: number; most: number }>`select count(*)::int as used,
    greatest(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int, 1) as most
  from pg_stat_activity where backend_type = 'client backend'`.compile(build);

/** The pools of the process that answers, and PostgreSQL's own limit. */
export const pools = async ({ app, ask }: Looking): Promise<Seen> => {
  const [server] = await ask(sessions);
  const { used = 0, most = 1 } = server ?? {};
  const counts = Object.entries(app.db.connections);
  const waiting = counts.filter(([, pool]) => pool.waiting > 0);
  const percent = Math.floor((used * 100) / most);
  const crowded = waiting.map(([name]) => name).join(", ");
  const [first] = waiting;
  return {
    result: percent >= 95 || waiting.length > 0 ? "problem" : percent >= 80 ? "warning" : "ok",
    evidence: [
      `PostgreSQL: ${used} of ${most} connections, ${percent} %`,
      ...counts.map(
        ([name, { total, idle, max, waiting: queue }]) =>
          `pool ${name}: ${total - idle} of ${max} in use${queue > 0 ? `, ${plural(queue, "request")} waiting` : ""}`,
      ),
      "the pools are those of the process that answered; each process has its own",
    ],
    next:
      first !== undefined
        ? `set TENANTCTL_POOL_SIZE=${first[1].max * 2} and start the API again`
        : percent >= 80
          ? `alter system set max_connections = ${Math.ceil((most * 2) / 10) * 10}; -- and restart PostgreSQL`
          : undefined,
    because:
      waiting.length > 0
        ? `requests wait for a connection of the pool ${crowded}`
        : percent >= 95
          ? "PostgreSQL's connections are used up"
          : undefined,
  };
};

interface Cache {
  readonly hits: number;
  readonly reads: number;
  readonly buffers: number;
  readonly temporary: number;
}

const cacheUse = sql<Cache>`select blks_hit as hits, blks_read as reads, temp_bytes as temporary,
    pg_size_bytes(current_setting('shared_buffers')) as buffers
  from pg_stat_database where datname = current_database()`.compile(build);
/** Of the blocks asked for, how many were in PostgreSQL's memory; below that it reads too much. */
const goodShare = 0.95;
const fewestReads = 100_000;

export const cache = async ({ ask }: Looking): Promise<Seen> => {
  const [use] = await ask(cacheUse);
  const { hits = 0, reads = 0, buffers = 0, temporary = 0 } = use ?? {};
  const share = hits + reads === 0 ? 1 : hits / (hits + reads);
  const isLow = share < goodShare && reads >= fewestReads;
  return {
    result: isLow ? "warning" : "ok",
    evidence: [
      `${(share * 100).toFixed(1)} % of ${whole(hits + reads)} blocks were in PostgreSQL's memory, since its statistics began`,
      `shared_buffers: ${bytes(buffers)}; ${bytes(temporary)} went through temporary files`,
    ],
    next: isLow
      ? `alter system set shared_buffers = '${Math.round((buffers * 2) / 1_048_576)}MB'; -- at most a quarter of the memory, and restart PostgreSQL`
      : undefined,
  };
};
