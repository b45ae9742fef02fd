import type { ResultOf, Routes } from "@tenantctl/contract";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { App } from "../src/app.ts";
import { canaryIds, removeLeftCanaries, takeCanaries } from "../src/diagnose/isolation/canary-lease.ts";
import { createRouteProbe, tenantRoutes } from "../src/diagnose/isolation/probe-routes.ts";
import { withCanaries } from "../src/diagnose/isolation/with-canaries.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";

type Diagnosis = ResultOf<Routes["diagnose.isolation"]>;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await server.provision({ slug: "acme" });
  await server.provision({ slug: "globex" });
  await server.asOwner(`create table app.notes (tenant_id uuid not null, id uuid not null, title text not null check (length(title) > 9),
    customer_id uuid, primary key (tenant_id, id));
    select tenancy.protect('app.notes');
    alter table app.notes add foreign key (tenant_id, customer_id) references app.customers (tenant_id, id)`);
});
afterAll(() => server?.stop());

const diagnose = async (body: object = {}) =>
  server.request<Diagnosis & { code?: string }>("POST", "/api/admin/diagnose/isolation", {
    token: await server.operatorToken(),
    body,
  });

const problems = ({ items }: Diagnosis) => items.filter(({ result }) => result === "problem");

/** Rows of the canaries in every table of the product but the logs, which keep theirs. */
const canaryRows = async (): Promise<string[]> => {
  const tables = await server.asOwner<{ name: string }>(
    `select table_name::text as name from tenancy.table_classes where class = 'protected'`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const [row] = await server.asOwner<{ rows: number }>(
      `select count(*)::int as rows from ${name} where tenant_id = any ($1::uuid[])`,
      [Object.values(canaryIds)],
    );
    if ((row?.rows ?? 0) > 0) found.push(name);
  }
  return found;
};

const slugs = async (): Promise<string[]> =>
  (
    await server.request<{ slug: string }[]>("GET", "/api/admin/tenants?includeDeleted=true", {
      token: await server.operatorToken(),
    })
  ).body.map(({ slug }) => slug);

describe("on a sound system", () => {
  test("finds nothing, says how much was tried, and leaves nothing", async () => {
    const { status, body } = await diagnose();
    expect(status).toBe(200);
    // Use is rolled up after two days: until then nobody can see anything in that table.
    expect(body.items.filter(({ result }) => result !== "ok").map(({ id, result }) => [id, result])).toEqual([
      ["tables app.usage_rollups, not proven", "needs_person"],
    ]);
    expect(body.verdict).toMatch(
      /^No finding, but 1 not proven: \d+ lints, \d+ statements on \d+ tables, \d+ calls of \d+ routes\.$/,
    );
    expect(body.counts.routes).toBe(tenantRoutes.length);
    expect(body.counts.calls).toBeGreaterThan(tenantRoutes.length * 4);
    expect(body.counts.statements).toBeGreaterThan(body.counts.tables * 5);
    expect(await canaryRows()).toEqual([]);
    expect((await slugs()).toSorted()).toEqual(["acme", "globex"]);
  });

  test("is audited as a diagnosis, and the probes' refusals are nobody's break-in", async () => {
    await diagnose();
    const rows = await server.asOwner(
      `select action, resource_type, outcome from app.audit_log where resource_type = 'isolation' order by at desc limit 1`,
    );
    expect(rows).toEqual([{ action: "diagnose", resource_type: "isolation", outcome: "success" }]);
    await server.app.refusals.flush?.();
    expect(await server.asOwner(`select from app.audit_log where outcome = 'denied'`)).toEqual([]);
  });

  test("hides the canaries while they hold something", async () => {
    await withCanaries(server.app, async ({ fillB }) => {
      await fillB();
      expect(await canaryRows()).toContain("app.customers");
      expect((await slugs()).toSorted()).toEqual(["acme", "globex"]);
      const token = await server.operatorToken();
      for (const path of [`/api/admin/tenants/${canaryIds.a}`, `/api/customers?tenantId=${canaryIds.a}`]) {
        expect((await server.request("GET", path, { token })).status).toBe(404);
      }
    });
    expect(await canaryRows()).toEqual([]);
  });

  test("only reads between two tenants that are there", async () => {
    const { status, body } = await diagnose({ tenants: ["acme", "globex"] });
    expect([status, body.result === "problem", body.counts.calls]).toEqual([200, false, 0]);
    expect((await diagnose({ tenants: ["acme", "nobody"] })).body.code).toBe("tenant_not_found");
    expect((await diagnose({ tenants: ["acme", "acme"] })).body.code).toBe("invalid_request");
  });
});

describe("where isolation is broken", () => {
  test.each([
    [
      "app.notes",
      "alter table app.notes disable row level security",
      "alter table app.notes enable row level security",
    ],
    [
      "app.customers",
      "create policy extra on app.customers for select using (true)",
      "drop policy extra on app.customers",
    ],
  ])("%s is named by what was tried, beside the lint", async (table, breaking, mending) => {
    await server.asOwner(breaking);
    try {
      const { body } = await diagnose();
      const ids = problems(body).map(({ id }) => id);
      expect(ids).toContain(`tables ${table}`);
      expect(ids.some((id) => id.startsWith("lint "))).toBe(true);
      expect(body.verdict).toMatch(/^Isolation does not hold: /);
      expect(await canaryRows()).toEqual([]);
    } finally {
      await server.asOwner(mending);
    }
    expect(problems((await diagnose()).body)).toEqual([]);
  });

  /** The API as it would be if the handlers of these paths forgot whose the caller is. */
  const leaking = (app: App, leaks: (url: string) => string | undefined): App => ({
    ...app,
    inject: ((request: { url: string; headers: object }) => {
      const token = leaks(request.url);
      const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
      return app.inject({ ...request, headers: { ...request.headers, ...authorization } });
    }) as App["inject"],
  });

  test("a route that forgets whose the caller is gives itself away", async () => {
    const report = await withCanaries(server.app, async ({ a, fillB, alive }) => {
      const owner: { token?: string; id?: string } = {};
      const probe = createRouteProbe(
        leaking(server.app, (url) =>
          url === "/api/tenants/users" || (owner.id !== undefined && url === `/api/customers/${owner.id}`)
            ? owner.token
            : undefined,
        ),
      );
      await probe.before(a);
      const b = await fillB();
      owner.token = b.admin.token;
      owner.id = b.held["/api/customers/:id"] ?? "";
      return probe.probe(a, b, alive);
    });
    expect([...new Set(report.findings.map(({ route }) => route))].toSorted()).toEqual(
      expect.arrayContaining(["customers.get", "customers.update", "customers.delete", "users.list"].toSorted()),
    );
    expect(report.findings.map(({ saw }) => saw)).toContain("what another tenant holds was answered to a tenant_admin");
    expect(await canaryRows()).toEqual([]);
  });
});

describe("two at once, and one that dies", () => {
  test("the second of two is told to wait", async () => {
    const replies = await Promise.all([diagnose(), diagnose()]);
    expect(replies.map(({ status, body }) => body.code ?? status).toSorted()).toEqual([200, "lease_held"]);
    expect(await canaryRows()).toEqual([]);
  });

  /** Canaries as a process leaves them that is killed in the middle of a diagnosis. */
  const leave = async (): Promise<void> => {
    await withCanaries(server.app, async ({ fillB }) => {
      await fillB();
      // From here on another process has them, and this one may not empty them any more.
      await server.asOwner(`update app.tenants set status_reason = 'a process that is dead' where id = $1`, [
        canaryIds.a,
      ]);
    }).catch(() => undefined);
    expect(await canaryRows()).toContain("app.customers");
  };
  const age = () =>
    server.asOwner(`update app.tenants set updated_at = now() - interval '2 minutes' where id = $1`, [canaryIds.a]);

  test("what a killed process left is removed by the next minute's task, and not before it is known to be dead", async () => {
    await leave();
    expect(await removeLeftCanaries(server.app.db)).toBe(false);
    expect((await diagnose()).body.code).toBe("lease_held");
    await age();
    expect(await removeLeftCanaries(server.app.db)).toBe(true);
    expect(await canaryRows()).toEqual([]);
    expect(await removeLeftCanaries(server.app.db)).toBe(false);
  });

  test("or by the next diagnosis", async () => {
    await leave();
    await age();
    const { body } = await diagnose();
    expect(problems(body)).toEqual([]);
    expect(await canaryRows()).toEqual([]);
  });

  test("a diagnosis whose canaries were taken over ends without touching them", async () => {
    const lease = await takeCanaries(server.app.db);
    await age();
    const other = await takeCanaries(server.app.db);
    await expect(lease.renew()).rejects.toMatchObject({ code: "lease_lost" });
    await other.release();
  });
});
