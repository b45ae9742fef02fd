import { build, type Database, pendingMigrations, sql } from "@tenantctl/database";

export interface DatabaseHealth {
  readonly reachable: boolean;
  /** Milliseconds of one round trip. */
  readonly latencyMs: number | null;
  readonly migrations: "current" | "pending" | "unknown";
}

/** A database that takes longer counts as unreachable: health checks must hear so before they give up themselves. */
const patienceMs = 1500;
const migrationsHoldMs = 10_000;

const unreachable: DatabaseHealth = { reachable: false, latencyMs: null, migrations: "unknown" };

interface Probe {
  underWay: Promise<DatabaseHealth> | undefined;
  migrations: { readonly state: DatabaseHealth["migrations"]; readonly until: number } | undefined;
}

/** One probe per database, however many ask: a database that hangs must not collect connections. */
const probes = new WeakMap<Database, Probe>();

const ask = async (db: Database, probe: Probe): Promise<DatabaseHealth> => {
  const scope = db.operator();
  const begun = performance.now();
  await scope.run(sql`select 1`.compile(build));
  const latencyMs = Math.round((performance.now() - begun) * 100) / 100;
  if (probe.migrations === undefined || probe.migrations.until < Date.now()) {
    // A newer version's migrations are refused as unknown: neither current nor pending.
    const state = await pendingMigrations(scope).then(
      (pending) => (pending.length === 0 ? "current" : "pending"),
      () => "unknown" as const,
    );
    probe.migrations = { state, until: Date.now() + migrationsHoldMs };
  }
  return { reachable: true, latencyMs, migrations: probe.migrations.state };
};

/** How the database is; answers within 1.5 s even when it hangs. */
export const probeDatabase = async (db: Database): Promise<DatabaseHealth> => {
  const probe: Probe = probes.get(db) ?? { underWay: undefined, migrations: undefined };
  probes.set(db, probe);
  probe.underWay ??= ask(db, probe)
    .catch(() => unreachable)
    .finally(() => {
      probe.underWay = undefined;
    });
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<DatabaseHealth>((resolve) => {
    timer = setTimeout(() => resolve(unreachable), patienceMs);
  });
  try {
    return await Promise.race([probe.underWay, tooLong]);
  } finally {
    clearTimeout(timer);
  }
};
