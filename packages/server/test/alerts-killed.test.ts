import { afterAll, beforeAll, expect, it } from "vitest";
import { startCli, type TestProcess } from "../../database/test/harness/process.ts";
import { holdLock, waitingForLocks } from "./fixture/hold-row.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";
import { addContact } from "./fixture/watching.ts";

// The test's own server only prepares and looks on; the process that is killed is a whole one, as in production.
let server: TestServer;
const processes: TestProcess[] = [];
beforeAll(async () => {
  server = await startTestServer();
  await addContact(server, "on_call");
});
afterAll(async () => {
  for (const started of processes) {
    started.kill("SIGKILL");
    await started.exit;
  }
  await server.stop();
});

const serve = (): TestProcess => {
  const process = startCli(["serve"], {
    env: {
      PATH: globalThis.process.env.PATH,
      PORT: "0",
      DATABASE_URL: server.database.url,
      TENANTCTL_ROLE_PREFIX: server.database.prefix,
      TENANTCTL_JWT_SECRET: "a secret of the tests longer than 32 characters",
    },
  });
  processes.push(process);
  return process;
};

const opened = () =>
  server.asOwner<{ id: string; status: string; pages: number }>(
    `select a.id, a.status, (select count(*)::int from app.deliveries d where d.subject_id = a.id::text) as pages
     from app.alerts a where a.rule = 'quota_reached'`,
  );

it("a process killed in the middle of an evaluation leaves nothing half, and the next one opens and tells once", async () => {
  const { id } = await server.provision();
  await server.asOwner(
    "insert into app.quota_overrides (tenant_id, resource, quota_limit, reason, set_by) values ($1, 'users', 1, 'test', '{}')",
    [id],
  );
  // The evaluation has opened the alert when it comes to forget this row.
  await server.asOwner(
    "insert into app.alert_pending (fingerprint, rule, since_ms, run) values ('left over', 'quota_reached', 0, 0)",
  );
  const release = await holdLock(server.database, "select from app.alert_pending where rule = $1 for update", [
    "quota_reached",
  ]);
  const first = serve();
  await until("the evaluation to wait", async () => (await waitingForLocks(server.database)) > 0, 60);
  first.kill("SIGKILL");
  expect((await first.exit).signal).toBe("SIGKILL");
  await release();
  await until("PostgreSQL to notice", async () => (await waitingForLocks(server.database)) === 0);
  expect(await opened()).toEqual([]);

  serve();
  const [alert] = await until("the alert", async () => ((await opened()).length > 0 ? opened() : undefined), 60);
  expect(alert).toMatchObject({ status: "open", pages: 1 });
  // Every other rule was evaluated, too: none waits for the dead one.
  await until("all rules", async () => {
    const [left] = await server.asOwner(
      "select count(*)::int as n from app.alert_rules r where enabled and not exists (select from app.alert_evaluations e where e.rule = r.name)",
    );
    return left.n === 0;
  });
  expect(await opened()).toEqual([alert]);
});
