import type { CheckItem } from "@tenantctl/contract";
import { build, type Scope, sql } from "@tenantctl/database";
import { jsonTime } from "../json-time.ts";

interface Connections {
  readonly used: number;
  readonly most: number;
  readonly version: string;
  readonly bytes: number;
}

interface Waiting {
  readonly pid: number;
  readonly blockers: string;
  readonly what: string;
  readonly seconds: number;
}

interface Open {
  readonly pid: number;
  readonly role: string;
  readonly state: string | null;
  readonly seconds: number;
}

interface Disk {
  readonly host: string;
  readonly path: string;
  readonly value: number | null;
  readonly problem: string | null;
  readonly readAt: string;
}

const connections = sql<Connections>`select (select count(*) from pg_stat_activity) as used,
  current_setting('max_connections')::int as most, current_setting('server_version') as version,
  pg_database_size(current_database()) as bytes`.compile(build);

const waiting = sql<Waiting>`select l.pid, array_to_string(pg_blocking_pids(l.pid), ', ') as blockers,
    case when l.relation is null then l.locktype else l.relation::regclass::text end as what,
    greatest(extract(epoch from clock_timestamp() - l.waitstart), 0)::float8 as seconds
  from pg_locks l where not l.granted order by l.waitstart nulls last limit 10`.compile(build);

const open = sql<Open>`select t.pid, t.role, t.state, t.seconds from app.open_transactions() t
  where t.seconds >= 60 order by t.seconds desc limit 10`.compile(build);

const disks = sql<Disk>`select r.host, r.subject as path, r.value, r.problem, ${jsonTime("r.read_at")} as "readAt"
  from app.host_readings r where r.metric in ('disk_used', 'database_disk_used') order by r.value desc nulls last limit 10`.compile(
  build,
);

const seconds = (value: number): string => `${Math.round(value)} s`;

/** The state of the database as whoever has an outage needs to know it. */
export const lookAtDatabase = async (scope: Scope): Promise<CheckItem[]> => {
  const [[used], locks, transactions, seen] = await scope.batch([connections, waiting, open, disks]);
  if (used === undefined) throw new Error("a look without a group is one row");
  const percent = Math.round((used.used / used.most) * 100);
  const fullest = seen[0]?.value ?? null;
  const stuck = locks.some((lock) => lock.seconds >= 60);
  return [
    {
      id: "connections",
      title: "Connections",
      result: percent >= 95 ? "problem" : percent >= 80 ? "warning" : "ok",
      evidence: [
        `${used.used} of ${used.most} connections are open (${percent} %)`,
        `PostgreSQL ${used.version}, ${Math.round(used.bytes / 1_000_000)} MB in this database`,
      ],
      next:
        percent >= 80
          ? "psql \"$DATABASE_URL\" -c 'select usename, state, count(*) from pg_stat_activity group by 1, 2'"
          : null,
    },
    {
      id: "locks",
      title: "Locks and long transactions",
      result: stuck ? "problem" : locks.length + transactions.length > 0 ? "warning" : "ok",
      evidence: [
        ...locks.map(
          ({ pid, blockers, what, seconds: time }) =>
            `process ${pid} waits for ${what} since ${seconds(time)}, held by ${blockers || "nobody any more"}`,
        ),
        ...transactions.map(
          ({ pid, role, state, seconds: time }) =>
            `process ${pid} (${role}) has had a transaction open for ${seconds(time)}${state === null ? "" : `, ${state}`}`,
        ),
        ...(locks.length + transactions.length === 0
          ? ["nobody waits for a lock, and no transaction is open for a minute"]
          : []),
      ],
      next: stuck
        ? `psql "$DATABASE_URL" -c 'select pg_terminate_backend(${locks[0]?.blockers.split(",")[0] || "PID"})'`
        : null,
    },
    {
      id: "disk",
      title: "Disks",
      result: fullest === null ? "needs_person" : fullest >= 95 ? "problem" : fullest >= 85 ? "warning" : "ok",
      evidence:
        seen.length === 0
          ? ["no process of the API has told of a disk; look at the database's own host"]
          : seen.map(
              ({ host, path, value, problem, readAt }) =>
                `${host}:${path} ${value === null ? (problem ?? "unknown") : `${Math.floor(value)} % used`}, seen ${readAt}`,
            ),
      next: fullest === null || fullest >= 85 ? "df -h" : null,
    },
  ];
};
