import { afterAll, beforeAll, expect, it } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { startCli, type TestProcess } from "../../database/test/harness/process.ts";
import { verify } from "./fixture/audit-log.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";

// The test's own server only verifies; the processes that seal and are killed are whole ones, as in production.
let server: TestServer;
const processes: TestProcess[] = [];

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  for (const started of processes) {
    started.kill("SIGKILL");
    await started.exit;
  }
  await server.stop();
});

const serve = (): TestProcess => {
  const started = startCli(["serve"], {
    env: {
      PATH: process.env.PATH,
      PORT: "0",
      DATABASE_URL: server.database.url,
      TENANTCTL_ROLE_PREFIX: server.database.prefix,
      TENANTCTL_JWT_SECRET: "a secret of the tests longer than 32 characters",
    },
  });
  processes.push(started);
  return started;
};

/** As `until` of the fixtures, for whole processes on a busy machine: as long as the test may take. */
const until = async (found: () => Promise<true | undefined>): Promise<void> => {
  while ((await found()) === undefined) await new Promise((resolve) => setTimeout(resolve, 50));
};

const count = async (): Promise<{ rows: number; seals: number; batch: number }> => {
  const [row] = await server.asOwner(`select (select count(*) from app.audit_log)::int as rows,
    (select count(*) from app.audit_seals)::int as seals, (select batch from app.audit_register)::int as batch`);
  return row;
};

it("sealing killed again and again leaves no row without a seal, none sealed twice, and a chain that holds", async () => {
  const tenants = [await server.provision(), await server.provision(), await server.provision()];
  let stopped = false;
  const writing = withClient(server.database.url, async (client) => {
    await client.query(`set role ${server.database.prefix}_owner`);
    // Enough to be killed in the middle of, on a machine however slow.
    for (let written = 0; !stopped && written < 15_000; written += 900) {
      await client.query(
        `insert into app.audit_log (tenant_id, at, id, action, resource_type, outcome, actor_type)
          select id, clock_timestamp(), gen_random_uuid(), 'create', 'bulk', 'success', 'system'
          from unnest($1::uuid[]) id, generate_series(1, 300)`,
        [tenants.map(({ id }) => id)],
      );
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  });
  for (let round = 0; round < 3; round += 1) {
    const { batch } = await count();
    const serving = [serve(), serve()];
    await Promise.race(serving.map((each) => each.waitFor(/serving http/, 60_000)));
    await until(async () => ((await count()).batch > batch ? true : undefined));
    for (const each of serving) each.kill("SIGKILL");
    for (const each of serving) expect((await each.exit).signal).toBe("SIGKILL");
  }
  stopped = true;
  await writing;
  const last = serve();
  await last.waitFor(/serving http/, 60_000);
  await until(async () => {
    const { rows, seals } = await count();
    return rows === seals ? true : undefined;
  });
  last.kill("SIGKILL");
  await last.exit;
  const { problems, result } = await verify(server);
  expect(problems).toEqual([]);
  expect(result.rows).toBeGreaterThan(1000);
}, 240_000);
