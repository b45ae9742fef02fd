import { afterAll, beforeAll, expect, it } from "vitest";
import { startCli, type TestProcess } from "../../database/test/harness/process.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

// The test's own server only prepares and looks on; the process that is killed is a whole one, as in production.
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

const serve = async () => {
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
  const [, url = ""] = await process.waitFor(/serving (http:\/\/\S+)/, 60_000);
  return { process, url };
};

it("a killed process has lost nothing but what it noted since its last write, and the next goes on counting", async () => {
  const { id, admin } = await server.provision();
  const login = async (url: string): Promise<string> => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${url}/api/auth/login`, { method: "POST", headers, body: JSON.stringify(admin) });
    const { accessToken } = (await response.json()) as { accessToken: string };
    return accessToken;
  };
  const read = async (url: string, token: string) =>
    (await fetch(`${url}/api/customers`, { headers: { authorization: `Bearer ${token}` } })).status;
  const written = async (): Promise<number> =>
    (
      await server.asOwner(
        "select coalesce(sum(requests), 0)::int as n from app.access_log where tenant_id = $1 and route = 'customers.list'",
        [id],
      )
    )[0].n;
  const failed = async (): Promise<number> =>
    (
      await server.asOwner(
        "select coalesce(sum(occurrences), 0)::int as n from app.error_groups where place = 'customers.list'",
      )
    )[0].n;

  const first = await serve();
  const token = await login(first.url);
  for (let time = 0; time < 10; time += 1) expect(await read(first.url, token)).toBe(200);
  await server.asOwner("alter table app.customers rename to customers_away");
  for (let time = 0; time < 5; time += 1) expect(await read(first.url, token)).toBe(500);
  // It writes by itself, without being asked or stopped.
  await until("the lines", async () => (await written()) === 10 && (await failed()) === 5);
  await server.asOwner("alter table app.customers_away rename to customers");

  // What comes after the last write may be lost, and nothing else.
  expect(await read(first.url, token)).toBe(200);
  first.process.kill("SIGKILL");
  expect((await first.process.exit).signal).toBe("SIGKILL");

  const second = await serve();
  const kept = await written();
  expect([10, 11]).toContain(kept);
  const again = await login(second.url);
  for (let time = 0; time < 3; time += 1) expect(await read(second.url, again)).toBe(200);
  // Stopped in order, it writes what is left.
  second.process.kill("SIGTERM");
  await second.process.exit;
  expect([await written(), await failed()]).toEqual([kept + 3, 5]);
});
