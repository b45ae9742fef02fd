import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { endLeftovers } from "../../src/embedded/end-processes.ts";
import { liveOwner } from "../../src/embedded/owner-lock.ts";
import { startCluster } from "../../src/embedded/start-cluster.ts";
import { workersOf } from "./citus-databases.ts";
import type { Cluster } from "./clusters.ts";
import { dropDatabase, dropRoles, withClient } from "./owned-database.ts";
import { startSystem15 } from "./system15.ts";
import { templateName, templateUrl } from "./template-name.ts";

/** One PostgreSQL that tests may use: its admin's connection string, or why it is missing. */
export type ProvidedCluster = Cluster | { name: string; missing: string };

declare module "vitest" {
  export interface ProvidedContext {
    /** The first is the default one and always there. */
    clusters: ProvidedCluster[];
    /** Names what this run makes, so that runs on one server don't meet. */
    runId: string;
  }
}

const prefix = "tenantctl-test-";
const leftBy = /^tenantctl-(test|embedded)-/;

/** A folder this old without an owner is no run's that is just beginning, and no test's between two starts. */
const abandonedMs = 10 * 60_000;

/** Removes the clusters of runs that were killed. */
async function sweep(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((entry) => leftBy.test(entry))) {
    try {
      const root = join(tmpdir(), name);
      if (Date.now() - statSync(root).mtimeMs < abandonedMs) continue;
      const clusters = readdirSync(root).map((entry) => join(root, entry));
      if (clusters.some((cluster) => liveOwner(cluster) !== undefined)) continue;
      for (const cluster of clusters) await endLeftovers(join(cluster, "data"));
      rmSync(root, { recursive: true, force: true, maxRetries: 5 });
    } catch {
      // Another user's, or another run's sweep was quicker: not ours to tidy.
    }
  }
}

/** Removes what the run's migrated databases leave on a server that outlives it. */
async function dropTemplate(cluster: Cluster, runId: string): Promise<void> {
  const template = templateName(runId);
  const { rows } = await withClient(cluster.adminUrl, (client) =>
    client.query<{ name: string }>("select datname as name from pg_database where starts_with(datname, $1)", [
      template,
    ]),
  );
  if (rows.length === 0) return;
  for (const { name } of rows) await dropDatabase(cluster, name);
  await dropRoles(cluster, templateUrl(cluster, runId), template);
}

/**
 * Starts what a test run needs: one embedded cluster and, where its binaries are, the system's PostgreSQL 15; with
 * TEST_DATABASE_URL (a user who may create roles and databases; of a Citus coordinator a superuser) that server alone.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const runId = randomBytes(4).toString("hex");
  project.provide("runId", runId);
  const given = process.env.TEST_DATABASE_URL;
  if (given !== undefined && given !== "") {
    const workers = await workersOf(given);
    const cluster = { name: "TEST_DATABASE_URL", adminUrl: given, ...(workers === undefined ? {} : { workers }) };
    project.provide("clusters", [cluster]);
    return () => dropTemplate(cluster, runId);
  }
  await sweep();
  const root = mkdtempSync(join(tmpdir(), prefix));
  chmodSync(root, 0o755);
  const [embedded, system15] = await Promise.all([
    startCluster({ dataDir: join(root, "embedded"), durable: false }),
    startSystem15(join(root, "system15")),
  ]);
  project.provide("clusters", [
    { name: `embedded PostgreSQL ${embedded.version}`, adminUrl: embedded.superuserUrl },
    "missing" in system15
      ? { name: "system PostgreSQL 15", missing: system15.missing }
      : { name: `system PostgreSQL ${system15.version}`, adminUrl: system15.superuserUrl },
  ]);
  let ending: Promise<void> | undefined;
  const teardown = () => {
    ending ??= Promise.all([embedded.stop(), "missing" in system15 ? undefined : system15.stop()]).then(() =>
      rmSync(root, { recursive: true, force: true, maxRetries: 5 }),
    );
    return ending;
  };
  // The runner leaves without teardown on a signal; whatever slips through is swept by the next run.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      teardown().finally(() => process.kill(process.pid, signal));
    });
  }
  return teardown;
}
