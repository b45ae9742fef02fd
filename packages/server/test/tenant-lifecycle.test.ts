import { type LifecycleState, lifecycle, tenantStatuses } from "@tenantctl/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asOwner, ownerRow } from "./fixture/as-owner.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let token: string;

beforeAll(async () => {
  server = await startTestServer();
  token = await server.operatorToken();
});
afterAll(() => server.stop());

const step = (id: string, name: string, body?: object, query = "") =>
  server.request("POST", `/api/admin/tenants/${id}/${name}${query}`, {
    token,
    ...(body === undefined ? {} : { body }),
  });
const audits = async (id: string): Promise<number> =>
  await ownerRow<{ n: string }>(server.database, "select count(*) as n from app.audit_log where tenant_id = $1", [
    id,
  ]).then(({ n }) => Number(n));
const me = ({ token: own }: Provisioned) => server.request("GET", "/api/auth/me", { token: own });

test("suspend, reactivate and cancel end sessions, say how many, and are audited once each", async () => {
  const tenant = await server.provision();
  await server.login(tenant.admin);
  const suspended = await step(tenant.slug, "suspend", { reason: "unpaid invoice" });
  expect(suspended.status).toBe(200);
  expect(suspended.body).toMatchObject({
    id: tenant.id,
    status: "suspended",
    statusReason: "unpaid invoice",
    changed: true,
    dryRun: false,
    sessionsEnded: 2,
  });
  expect((await me(tenant)).status).toBe(403);
  expect((await server.request("POST", "/api/auth/login", { body: tenant.admin })).body.code).toBe("tenant_suspended");

  const before = await audits(tenant.id);
  const repeat = await step(tenant.id, "suspend");
  expect([repeat.status, repeat.body.changed, repeat.body.statusReason]).toEqual([200, false, "unpaid invoice"]);
  expect(await audits(tenant.id)).toBe(before);

  const active = await step(tenant.id, "reactivate");
  expect(active.body).toMatchObject({ status: "active", changed: true, statusReason: null });
  // A session from before the suspension does not come back to life.
  expect((await me(tenant)).status).toBe(401);
  await server.login(tenant.admin);

  const cancelled = await step(tenant.id, "cancel");
  expect(cancelled.body).toMatchObject({ status: "cancelled", sessionsEnded: 1 });
  const row = await ownerRow(
    server.database,
    `select l.action, l.actor_name, d.before, d.after from app.audit_log l
     join app.audit_details d on d.tenant_id = l.tenant_id and d.audit_id = l.id
     where l.tenant_id = $1 and l.action = 'cancel'`,
    [tenant.id],
  );
  expect(row).toEqual({
    action: "cancel",
    actor_name: server.operator.email,
    before: { status: "active" },
    after: { status: "cancelled" },
  });
});

test("every step is allowed exactly where the lifecycle's table says so", async () => {
  const names = {
    suspend: "suspend",
    reactivate: "reactivate",
    cancel: "cancel",
    delete: "delete",
    undelete: "undelete",
  };
  const own = { active: "reactivate", suspended: "suspend", cancelled: "cancel", deleted: "delete", purged: "" };
  for (const status of tenantStatuses.filter((each) => each !== "purged")) {
    const { steps }: LifecycleState = lifecycle[status];
    for (const name of Object.keys(names)) {
      const { id } = await server.provision();
      await asOwner(server.database, (client) =>
        client.query(
          `update app.tenants set status = $2, deleted_at = case when $2 = 'deleted' then now() end,
             previous_status = case when $2 = 'deleted' then 'suspended' end where id = $1`,
          [id, status],
        ),
      );
      const reply = await step(id, name);
      const target = steps[name as keyof typeof names];
      if (own[status] === name)
        expect([status, name, reply.status, reply.body.changed]).toEqual([status, name, 200, false]);
      else if (target === undefined) {
        expect([status, name, reply.status, reply.body.code]).toEqual([status, name, 409, "transition_forbidden"]);
        for (const allowed of Object.keys(steps)) expect(reply.body.detail).toContain(allowed);
      } else {
        expect([status, name, reply.status]).toEqual([status, name, 200]);
        expect(reply.body.status).toBe(target === "former" ? "suspended" : target);
      }
    }
  }
});

test("a dry run says what would happen and changes nothing", async () => {
  const tenant = await server.provision();
  const before = await audits(tenant.id);
  const rehearsed = await step(tenant.id, "suspend", {}, "?dryRun=true");
  expect(rehearsed.body).toMatchObject({ status: "suspended", changed: true, dryRun: true, sessionsEnded: 1 });
  const deleted = await step(tenant.id, "delete", {}, "?dryRun=true");
  expect(deleted.body).toMatchObject({ status: "deleted", dryRun: true, hard: false });
  expect((await step(tenant.id, "undelete", {}, "?dryRun=true")).status).toBe(409);
  expect((await me(tenant)).status).toBe(200);
  expect(await audits(tenant.id)).toBe(before);
});

test("a soft delete hides, ends sessions and tokens, and is taken back whole", async () => {
  const tenant = await server.provision();
  const made = await server.request("POST", "/api/tenants/tokens", {
    token: tenant.token,
    body: { name: "cron", scopes: ["customers:read"] },
  });
  expect(made.status).toBe(201);
  await step(tenant.id, "suspend");
  await step(tenant.id, "reactivate");
  expect((await server.request("GET", "/api/customers", { token: made.body.token })).status).toBe(200);
  await step(tenant.id, "suspend");
  const deleted = await step(tenant.id, "delete", { hardDelete: false });
  expect(deleted.body).toMatchObject({ status: "deleted", changed: true, sessionsEnded: 1, hard: false, rows: null });
  const days = (Date.parse(deleted.body.purgeAt) - Date.parse(deleted.body.deletedAt)) / 86_400_000;
  expect(days).toBeCloseTo(server.settings.purgeDays, 0);
  const listed = await server.request("GET", `/api/admin/tenants?search=${tenant.slug}`, { token });
  expect(listed.body).toEqual([]);
  expect((await server.request("POST", "/api/auth/login", { body: tenant.admin })).status).toBe(401);
  expect((await step(tenant.id, "delete")).body).toMatchObject({ changed: false, purgeAt: deleted.body.purgeAt });

  const back = await step(tenant.slug, "undelete");
  expect(back.body).toMatchObject({ status: "suspended", changed: true, deletedAt: null, purgeAt: null });
  await step(tenant.id, "reactivate");
  await server.login(tenant.admin);
  expect((await server.request("GET", "/api/customers", { token: made.body.token })).status).toBe(401);
});

test("no request that starts after the answer to a suspension is served", async () => {
  const tenant = await server.provision();
  let answered = false;
  const late: number[] = [];
  let served = 0;
  let over = false;
  const fire = async (method: string, body?: object): Promise<void> => {
    while (!over) {
      const startedLate = answered;
      const reply = await server.request(method, "/api/customers", {
        token: tenant.token,
        ...(body === undefined ? {} : { body }),
      });
      if (startedLate) late.push(reply.status);
      else if (reply.status < 300) served += 1;
    }
  };
  const traffic = [1, 2, 3].flatMap(() => [fire("GET"), fire("POST", { name: "A customer" })]);
  while (served < 40) await server.request("GET", "/api/health/live");
  const { status } = await step(tenant.id, "suspend");
  answered = true;
  expect(status).toBe(200);
  while (late.length < 60) await server.request("GET", "/api/health/live");
  over = true;
  await Promise.all(traffic);
  expect(new Set(late)).toEqual(new Set([403]));
});

test("two operators at once: one changes, the other finds it done", async () => {
  const { id } = await server.provision();
  const before = await audits(id);
  const replies = await Promise.all(Array.from({ length: 6 }, () => step(id, "suspend")));
  expect(replies.map(({ status }) => status)).toEqual(Array(6).fill(200));
  expect(replies.filter(({ body }) => body.changed)).toHaveLength(1);
  expect(await audits(id)).toBe(before + 1);
});

test("an unknown tenant, the system's own and another form of id are simply not found", async () => {
  for (const id of ["00000000-0000-7000-8000-000000000000", "system", "nobody", "%00", "..%2f", "a'b"]) {
    const reply = await step(id, "suspend");
    expect([id, reply.status < 500, reply.status >= 400]).toEqual([id, true, true]);
  }
});

test("an operator's token acts in its own name, within its scopes", async () => {
  const { id } = await server.provision();
  const make = async (name: string, scopes: string[]): Promise<string> => {
    const made = await server.request("POST", "/api/admin/tokens", { token, body: { name, scopes } });
    expect(made.status).toBe(201);
    return made.body.token;
  };
  const reader = await make("reader", ["tenants:read"]);
  const writer = await make("nightly", ["tenants:write"]);
  const suspend = (own: string) => server.request("POST", `/api/admin/tenants/${id}/suspend`, { token: own });
  expect((await suspend(reader)).body.code).toBe("scope_missing");
  expect((await server.request("GET", "/api/admin/tenants", { token: reader })).body).toContainEqual(
    expect.objectContaining({ id, status: "active" }),
  );
  const refused = await server.request("GET", "/api/admin/tenants", { token: writer });
  expect([refused.status, refused.body.code]).toEqual([403, "scope_missing"]);
  expect((await suspend(writer)).status).toBe(200);
  const { actor_type, actor_name } = await ownerRow<{ actor_type: string; actor_name: string }>(
    server.database,
    "select actor_type, actor_name from app.audit_log where tenant_id = $1 and action = 'suspend' and outcome = 'success'",
    [id],
  );
  expect([actor_type, actor_name]).toEqual(["token", "nightly"]);
});
