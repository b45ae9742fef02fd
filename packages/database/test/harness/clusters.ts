import { describe, inject } from "vitest";

export interface Cluster {
  readonly name: string;
  /** Connection string of a user who may create roles and databases. */
  readonly adminUrl: string;
  /** Of a Citus cluster: its worker nodes, as the same superuser. Absent on plain PostgreSQL. */
  readonly workers?: readonly string[];
}

/** The cluster tests use unless they say otherwise. */
export function defaultCluster(): Cluster {
  const [first] = inject("clusters");
  if (first === undefined || "missing" in first) throw new Error("the test run has no PostgreSQL");
  return first;
}

/** Every PostgreSQL of this run. */
export function clusters(): Cluster[] {
  return inject("clusters").filter((cluster): cluster is Cluster => "adminUrl" in cluster);
}

/** The suite once per PostgreSQL; one whose binaries are absent appears as skipped, with the reason in its name. */
export function describeOnEachCluster(name: string, suite: (cluster: Cluster) => void): void {
  for (const cluster of inject("clusters")) {
    if ("missing" in cluster) describe.skip(`${name} on ${cluster.name}: skipped, ${cluster.missing}`, () => {});
    else describe(`${name} on ${cluster.name}`, () => suite(cluster));
  }
}
