import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { type Exit, runCli, startCli, type TestProcess } from "../../database/test/harness/process.ts";
import { answers, type Received, type Receiver, startReceiver } from "./fixture/receiver.ts";
import { type Credentials, firstOperator, startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

// The way of a page, from a rule that fires in a real process of the API to a receiver that checks the signature. The test's
// own server only prepares and looks on.
let server: TestServer;
let receiver: Receiver;
let secret: string;
let api: { process: TestProcess; url: string };
let port = "0";
const dir = mkdtempSync(join(tmpdir(), "tenantctl-paging-"));
const processes: TestProcess[] = [];

const serve = async (): Promise<typeof api> => {
  const process = startCli(["serve"], {
    env: {
      PATH: globalThis.process.env.PATH,
      // The address that the operators have logged in to stays.
      PORT: port,
      DATABASE_URL: server.database.url,
      TENANTCTL_ROLE_PREFIX: server.database.prefix,
      TENANTCTL_JWT_SECRET: "a secret of the tests longer than 32 characters",
      TENANTCTL_WEBHOOK_ALLOW: "127.0.0.0/8",
    },
  });
  processes.push(process);
  const [, url = ""] = await process.waitFor(/serving (http:\/\/\S+)/, 60_000);
  port = new URL(url).port;
  return { process, url };
};

const killed = async (): Promise<void> => {
  api.process.kill("SIGKILL");
  await api.process.exit;
};

/** `tenantctl` as one of the operators, each with a login of their own. */
const tenantctl = (who: string, args: readonly string[], input?: string): Promise<Exit> =>
  runCli(args, {
    env: { PATH: process.env.PATH, HOME: dir, TENANTCTL_CONFIG_DIR: join(dir, who), TENANTCTL_API_URL: api.url },
    ...(input === undefined ? {} : { input }),
  });

const logIn = async (who: string, { email, password }: Credentials): Promise<void> => {
  const { code, stderr } = await tenantctl(
    who,
    ["login", "--api-url", api.url, "--email", email, "--password-stdin"],
    password,
  );
  expect([code, stderr.includes("error")]).toEqual([0, false]);
};

beforeAll(async () => {
  server = await startTestServer();
  receiver = await startReceiver();
  api = await serve();
  await server.request("POST", "/api/admin/operators", {
    token: await server.operatorToken(),
    body: { name: "Second", email: "second@example.com", password: "the-second-operator" },
  });
  await Promise.all([
    logIn("first", firstOperator),
    logIn("second", { email: "second@example.com", password: "the-second-operator" }),
  ]);
  const set = await tenantctl("first", [
    ...["contacts", "set", "on-call", "--role", "on_call", "--webhook-url", receiver.url, "-o", "json"],
  ]);
  secret = JSON.parse(set.stdout).signingSecret;
});
afterAll(async () => {
  for (const started of processes) {
    started.kill("SIGKILL");
    await started.exit;
  }
  rmSync(dir, { recursive: true, force: true });
  await receiver.close();
  await server.stop();
});

/** Makes a rule hold for a tenant of its own: a quota that is used up. */
const fillQuota = async (): Promise<string> => {
  const { id, slug } = await server.provision();
  const { status } = await server.request("PUT", `/api/admin/tenants/${id}/quotas`, {
    token: await server.operatorToken(),
    body: { resource: "users", limit: 1, reason: "test" },
  });
  expect(status).toBe(200);
  return slug;
};
const evaluate = (): Promise<unknown> =>
  withClient(server.app.db.jobsUrl, (client) => client.query("select graphile_worker.add_job('evaluate_alerts')"));

interface Alert {
  id: string;
  status: string;
  acknowledgedBy: string | null;
}
const alertsOf = (slug: string): Promise<Alert[]> =>
  server
    .operatorToken()
    .then((token) => server.request<Alert[]>("GET", `/api/admin/alerts?tenantId=${slug}&status=all`, { token }))
    .then(({ body }) => body);
const alertOf = (slug: string): Promise<Alert> =>
  until(`an alert of ${slug}`, async () => {
    const [alert] = await alertsOf(slug);
    if (alert === undefined) await evaluate();
    return alert;
  });

const aboutAlert = (id: string, type = "alert.opened"): Received[] =>
  receiver.received.filter(({ body }) => body.includes(id) && JSON.parse(body).type === type);
const verified = (one: Received): Record<string, unknown> => receiver.verified(receiver.received.indexOf(one), secret);

it("a page whose process is killed after the evaluation, before anything is sent, arrives when the next one starts", async () => {
  const slug = await fillQuota();
  const operator = `${server.database.prefix}_operator`;
  // Deliveries can be written and not claimed: the process stands between the two.
  await server.asOwner(`revoke update on app.deliveries from ${operator}`);
  const { id } = await alertOf(slug);
  await killed();
  expect(aboutAlert(id)).toEqual([]);
  await server.asOwner(`grant update on app.deliveries to ${operator}`);
  api = await serve();
  const [page] = await until("the page", () => aboutAlert(id).length > 0 && aboutAlert(id));
  if (page === undefined) throw new Error("no page");
  const [delivery] = await server.asOwner("select id from app.deliveries where subject_id = $1", [id]);
  expect(page.headers["webhook-id"]).toBe(delivery.id);
  expect(verified(page)).toMatchObject({
    type: "alert.opened",
    data: {
      severity: "critical",
      alert: { tenantSlug: slug, rule: "quota_reached", next: expect.stringContaining("tenantctl") },
    },
  });
});

it("a page that was being sent when its process was killed is sent again under the same id, byte for byte", async () => {
  receiver.behave(() => undefined); // takes the page and says nothing
  const slug = await fillQuota();
  const { id } = await alertOf(slug);
  const [first] = await until("the first try", () => aboutAlert(id).length > 0 && aboutAlert(id));
  await killed();
  receiver.behave(answers(204));
  // The dead process's lease: a minute, which need not be waited for here.
  await server.asOwner("update app.deliveries set lease_until = now() - interval '1 ms' where status = 'pending'");
  api = await serve();
  const [, second] = await until("the second try", () => aboutAlert(id).length > 1 && aboutAlert(id));
  if (first === undefined || second === undefined) throw new Error("no page");
  expect(second.headers["webhook-id"]).toBe(first.headers["webhook-id"]);
  expect(second.body).toBe(first.body);
  expect(verified(second)).toEqual(verified(first));
  await until("the delivery's end", async () => {
    const [{ status }] = await server.asOwner("select status from app.deliveries where subject_id = $1", [id]);
    return status === "delivered";
  });
  expect(new Set(aboutAlert(id).map(({ headers }) => headers["webhook-id"])).size).toBe(1);
});

it("an evaluation that is killed leaves nothing half done: the next one opens one alert and pages once", async () => {
  const slug = await fillQuota();
  let release = (): void => undefined;
  let took = (): void => undefined;
  const locked = new Promise<void>((resolve) => {
    took = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const holder = withClient(server.database.url, async (client) => {
    await client.query(`set role ${server.database.prefix}_owner`);
    await client.query("begin");
    await client.query("lock table app.deliveries in share row exclusive mode");
    took();
    await released;
    await client.query("rollback");
  });
  await locked;
  await evaluate();
  await until("the evaluation to wait in its middle", async () => {
    const rows = await withClient(server.database.url, async (client) => {
      const { rows } = await client.query(
        "select from pg_locks where relation = 'app.deliveries'::regclass and not granted",
      );
      return rows;
    });
    return rows.length > 0;
  });
  await killed();
  release();
  await holder;
  expect(await alertsOf(slug)).toEqual([]);
  api = await serve();
  const { id } = await alertOf(slug);
  await until("the page", () => aboutAlert(id).length > 0);
  await evaluate();
  await evaluate();
  expect(await alertsOf(slug)).toHaveLength(1);
  const [{ pages }] = await server.asOwner(
    "select count(*)::int as pages from app.deliveries where subject_id = $1 and event = 'alert.opened'",
    [id],
  );
  expect(pages).toBe(1);
});

it("of two operators who take an alert at once one has it, the other is told who, and it is said once", async () => {
  const slug = await fillQuota();
  const { id } = await alertOf(slug);
  const status = await tenantctl("first", ["status"]);
  expect(status.code).toBe(10);
  expect(status.stdout).toContain(slug);
  const answered = await Promise.all(
    ["first", "second"].map((who) =>
      tenantctl(who, ["alerts", "acknowledge", id, "--note", `${who} looks`, "-o", "json"]),
    ),
  );
  expect(answered.map(({ code }) => code)).toEqual([0, 0]);
  const [alert] = await alertsOf(slug);
  expect(alert?.status).toBe("acknowledged");
  for (const { stdout } of answered) expect(JSON.parse(stdout).acknowledgedBy).toBe(alert?.acknowledgedBy);
  expect(answered.map(({ stdout }) => JSON.parse(stdout).changed).sort()).toEqual([false, true]);
  const rows = await server.asOwner(
    "select actor_name from app.audit_log where resource_type = 'alert' and action = 'acknowledge' and resource_id = $1",
    [id],
  );
  expect(rows).toHaveLength(1);
  await until("the others to be told", () => aboutAlert(id, "alert.acknowledged").length > 0);
  expect(aboutAlert(id, "alert.acknowledged")).toHaveLength(1);
  expect(JSON.parse((await tenantctl("second", ["status", "-o", "json"])).stdout).needsAttention).not.toContainEqual(
    expect.objectContaining({ what: expect.stringContaining(slug) }),
  );
});
