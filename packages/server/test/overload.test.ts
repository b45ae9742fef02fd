import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ settings: { overloadDelayMs: 500 } });
  // As if it had been running for a while: a process that has just started is given time.
  Object.assign(server.app, { startedAt: Date.now() - 60_000 });
});
afterAll(() => server.stop());

const busyFor = (ms: number): void => {
  const end = Date.now() + ms;
  while (Date.now() < end);
};

it("turns requests away while the process is at its limit, but not health checks, and then takes them again", async () => {
  const load = setInterval(() => busyFor(900), 1);
  try {
    const refused = await until("a refusal", async () => {
      const reply = await server.request("GET", "/api/auth/me");
      return reply.status === 503 && reply;
    });
    expect(refused.body.code).toBe("overloaded");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await server.request("GET", "/api/health/live")).status).toBe(200);
  } finally {
    clearInterval(load);
  }
  await until("service", async () => (await server.request("GET", "/api/auth/me")).status === 401);
});
