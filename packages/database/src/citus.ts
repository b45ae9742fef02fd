import type { Client } from "./client.ts";
import { DatabaseRefusal } from "./database-error.ts";

/** Whether this database is a Citus coordinator's. */
export async function hasCitus(client: Client): Promise<boolean> {
  const { rows } = await client.query("select from pg_catalog.pg_extension where extname = 'citus'");
  return rows.length > 0;
}

/**
 * Runs a statement on every worker node as the connected user, for what Citus does not pass on itself. Throws DatabaseRefusal
 * where a node refuses it; what other nodes did stays, so only statements that may be repeated.
 */
export async function runOnWorkers(client: Client, statement: string): Promise<void> {
  const { rows } = await client.query<{ node: string; result: string }>(
    `select concat(nodename, ':', nodeport) as node, result from run_command_on_workers($1) where not success`,
    [statement],
  );
  const [failed] = rows;
  if (failed !== undefined) {
    throw new DatabaseRefusal(
      "citus_node_refused",
      `The node ${failed.node} refused “${statement}”: ${failed.result}`,
      "Let the database's user log in from node to node with the rights it has on the coordinator; docs/scaling.md says how.",
    );
  }
}
