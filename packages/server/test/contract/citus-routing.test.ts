import type { Database, Scope } from "@tenantctl/database";
import type { CompiledQuery } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import { resolveRoleUrls } from "../../../database/src/role-urls.ts";
import { createMigratedDatabase, withClient } from "../../../database/test/harness/database.ts";
import { citusPatienceMs, describeOnCitus } from "../../../database/test/harness/describe-on-citus.ts";
import { callerFor, prepare, routesWith, send } from "./calls.ts";
import { makeWorld, type World } from "./world.ts";

/** Makes every scope of a tenant note what is run in it. */
const noteStatements = (db: Database, note: (query: CompiledQuery<unknown>) => void): void => {
  const original = db.tenant;
  db.tenant = (...of) => {
    const scope = original(...of);
    const noting: Scope = {
      run: (query) => {
        note(query);
        return scope.run(query);
      },
      batch: (queries) => {
        for (const query of queries) note(query);
        return scope.batch(queries);
      },
      transaction: (fn) =>
        scope.transaction((transaction) =>
          fn({
            run: (query) => {
              note(query);
              return transaction.run(query);
            },
          }),
        ),
    };
    return noting;
  };
};

describeOnCitus("statements in tenants' scopes", (cluster) => {
  let world: World;
  const seen = new Map<string, CompiledQuery<unknown>>();

  beforeAll(async () => {
    world = await makeWorld({ database: await createMigratedDatabase({ cluster: cluster() }) });
    noteStatements(world.server.app.db, (query) => {
      if (!seen.has(query.sql)) seen.set(query.sql, query);
    });
  }, citusPatienceMs);
  afterAll(() => world?.stop());

  it("are all run by a walk over the routes of tenants", { timeout: 300_000 }, async () => {
    const refused: string[] = [];
    for (const id of routesWith(({ access }) => access.kind === "tenant")) {
      const caller = await callerFor(world, id, "tenantAdmin");
      const { status, text } = await send(world, id, caller, await prepare(world, id, caller));
      if (status >= 300) refused.push(`${id}: ${status} ${text}`);
    }
    expect(refused).toEqual([]);
    expect(seen.size).toBeGreaterThan(20);
  });

  it("each go to one shard", async () => {
    const { url, prefix } = world.server.database;
    const { tenant } = await resolveRoleUrls({ url, prefix });
    const elsewhere: string[] = [];
    let routed = 0;
    await withClient(tenant, async (client) => {
      for (const { sql, parameters } of seen.values()) {
        await client.query("begin");
        await client.query(`set local app.tenant_id = '${world.own.id}'`);
        const { rows } = await client.query<{ "QUERY PLAN": string }>(`explain ${sql}`, [...parameters]);
        await client.query("rollback");
        const counts = rows.flatMap((row) => /Task Count: (\d+)/.exec(row["QUERY PLAN"])?.[1] ?? []);
        if (counts.some((count) => count !== "1")) elsewhere.push(`${counts.join(", ")} tasks: ${sql}`);
        if (counts.length > 0) routed += 1;
      }
    });
    expect(elsewhere).toEqual([]);
    expect(routed).toBeGreaterThan(20);
  });
});
