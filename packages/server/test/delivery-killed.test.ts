import { createServer } from "node:https";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startCli, type TestProcess } from "../../database/test/harness/process.ts";
import { type Authority, makeAuthority } from "./fixture/authority.ts";
import { deliveryOf, notify } from "./fixture/notify.ts";
import { answers, type Receiver, startReceiver } from "./fixture/receiver.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

// The test's own server only prepares and looks on; the processes that are killed are whole ones, as in production.
let server: TestServer;
let token: string;
let authority: Authority;
let receiver: Receiver;
const processes: TestProcess[] = [];

beforeAll(async () => {
  server = await startTestServer({ settings: { webhookAllow: ["127.0.0.1"] } });
  token = await server.operatorToken();
  authority = makeAuthority();
  receiver = await startReceiver(answers(204), (listener) =>
    createServer({ cert: authority.cert, key: authority.key }, listener),
  );
});
afterAll(async () => {
  for (const started of processes) {
    started.kill("SIGKILL");
    await started.exit;
  }
  await receiver.close();
  authority.remove();
  await server.stop();
});

const serve = async (): Promise<TestProcess> => {
  const process = startCli(["serve"], {
    env: {
      PATH: globalThis.process.env.PATH,
      PORT: "0",
      DATABASE_URL: server.database.url,
      TENANTCTL_ROLE_PREFIX: server.database.prefix,
      TENANTCTL_JWT_SECRET: "a secret of the tests longer than 32 characters",
      TENANTCTL_WEBHOOK_ALLOW: "127.0.0.1",
      TENANTCTL_METRICS_PORT: "0",
      NODE_EXTRA_CA_CERTS: authority.caFile,
    },
  });
  processes.push(process);
  await process.waitFor(/serving (http:\/\/\S+)/, 60_000);
  return process;
};

it("a process killed right after the receiver got it leaves what the next one sends again, under the same id", async () => {
  const set = await server.request("PUT", "/api/admin/contacts/guard", {
    token,
    body: { role: "security", webhookUrls: [receiver.url.replace("http:", "https:")] },
  });
  const { signingSecret } = set.body;

  // Whoever does not know the authority sends nothing to it.
  const untrusting = await server.request("POST", "/api/admin/contacts/guard/test", { token });
  expect(untrusting.body.results).toMatchObject([
    { ok: false, error: expect.stringContaining("certificate"), next: expect.stringContaining("NODE_EXTRA_CA_CERTS") },
  ]);
  expect(receiver.received).toHaveLength(0);

  await notify(server, "killed", { roles: ["security"] });
  receiver.behave(() => first.kill("SIGKILL"));
  const first = await serve();
  await until("the receiver has it", () => receiver.received.length === 1);
  expect((await first.exit).signal).toBe("SIGKILL");
  expect(await deliveryOf(server, "killed")).toMatchObject({ status: "pending", attempts: 1, last_status: null });

  // As it would a minute later: the lease of the killed process has ended.
  await server.asOwner("update app.deliveries set lease_until = now() - interval '1 ms'");
  receiver.behave(answers(204));
  await serve();
  await until("it arrived", async () => (await deliveryOf(server, "killed")).status === "delivered");
  expect(await deliveryOf(server, "killed")).toMatchObject({ attempts: 2, last_status: 204 });
  expect(receiver.received.map(({ headers }) => headers["webhook-id"])).toEqual(
    Array.from({ length: 2 }, () => receiver.received[0]?.headers["webhook-id"]),
  );
  for (const at of [0, 1]) {
    expect(receiver.verified(at, signingSecret)).toMatchObject({
      type: "alert.opened",
      data: { alert: { id: "killed" } },
    });
  }
});
