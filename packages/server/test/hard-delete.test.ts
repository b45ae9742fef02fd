import { readCatalogue } from "@tenantctl/database";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { resumeOperations } from "../src/operations/resume-operations.ts";
import { purgeDueTenants } from "../src/tenants/purge-due-tenants.ts";
import { asOwner, ownerRow } from "./fixture/as-owner.ts";
import { holdRow, waitingForLocks } from "./fixture/hold-row.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let token: string;

beforeAll(async () => {
  server = await startTestServer();
  token = await server.operatorToken();
});
afterAll(() => server.stop());

const remove = (id: string, body: object = { hardDelete: true, force: true }, query = "") =>
  server.request("POST", `/api/admin/tenants/${id}/delete${query}`, { token, body });
const operator = (method: string, path: string) => server.request(method, `/api/admin/${path}`, { token });
const sql = <R extends object>(text: string, values: readonly unknown[] = []): Promise<R[]> =>
  asOwner(server.database, async (client) => (await client.query<R>(text, [...values])).rows);

/** Rows of a tenant, and a digest of all rows of all others, per protected table. */
const census = async (tenantId: string): Promise<{ rows: Record<string, number>; others: Record<string, string> }> => {
  const tables = (await readCatalogue(server.app.db.operator())).deletionOrder();
  const rows: Record<string, number> = {};
  const others: Record<string, string> = {};
  for (const { name } of tables) {
    const [row] = await sql<{ own: string; digest: string }>(
      `select count(*) filter (where tenant_id = $1) as own,
         coalesce(md5(string_agg(t::text, '|' order by t::text) filter (where tenant_id <> $1)), '') as digest
       from ${name} t`,
      [tenantId],
    );
    rows[name] = Number(row?.own);
    others[name] = row?.digest ?? "";
  }
  return { rows, others };
};

const addCustomers = (tenantId: string, count: number) =>
  sql(
    `insert into app.customers (tenant_id, id, name) select $1, gen_random_uuid(), 'C' || n from generate_series(1, $2::int) n`,
    [tenantId, count],
  );

const operationOf = async (tenantId: string) => (await operator("GET", `operations?tenantId=${tenantId}`)).body[0];

const expectGone = async (tenant: Provisioned): Promise<void> => {
  const { rows } = await census(tenant.id);
  expect(Object.values(rows).every((count) => count === 0)).toBe(true);
  expect((await operator("GET", `tenants/${tenant.slug}`)).status).toBe(404);
  const [tombstone] = await sql<{ row: string }>("select t::text as row from app.tenants t where id = $1", [tenant.id]);
  expect(tombstone?.row).toContain("purged");
  expect(tombstone?.row).not.toMatch(/Tenant t-|contact@/);
};

test("a hard delete removes every row of the tenant, none of another's, and keeps the audit history", async () => {
  const tenant = await server.provision();
  const neighbour = await server.provision();
  await addCustomers(neighbour.id, 50);
  await addCustomers(tenant.id, 12_000);
  const before = await census(tenant.id);
  expect(before.rows["app.customers"]).toBe(12_000);

  const unforced = await remove(tenant.id, { hardDelete: true });
  expect([unforced.status, unforced.body.code]).toEqual([409, "transition_forbidden"]);
  const rehearsed = await remove(tenant.id, { hardDelete: true, force: true }, "?dryRun=true");
  expect(rehearsed.status).toBe(200);
  expect(rehearsed.body).toMatchObject({ dryRun: true, changed: true, hard: true, sessionsEnded: 1, operation: null });
  expect(rehearsed.body.rows).toMatchObject({ customers: 12_000, users: 1, sessions: 1 });
  expect(await census(tenant.id)).toEqual(before);
  expect((await operator("GET", `tenants/${tenant.id}`)).body.status).toBe("active");

  const removed = await remove(tenant.slug);
  expect(removed.status).toBe(200);
  expect(removed.body).toMatchObject({ id: tenant.id, status: "purged", changed: true, hard: true, sessionsEnded: 1 });
  expect(removed.body.rows).toMatchObject({ customers: 12_000, users: 1, sessions: 1 });
  expect(removed.body.operation).toMatchObject({
    kind: "hard_delete",
    status: "succeeded",
    tenantSlug: tenant.slug,
    requestedBy: server.operator.email,
    error: null,
  });
  await expectGone(tenant);
  expect((await census(tenant.id)).others).toEqual(before.others);
  expect((await server.request("GET", "/api/auth/me", { token: tenant.token })).status).toBe(401);

  const history = await sql<{ action: string; detail: string | null; actor_name: string }>(
    "select action, detail, actor_name from app.audit_log where tenant_id = $1 and resource_type = 'tenant' order by at, action",
    [tenant.id],
  );
  expect(history.map(({ action }) => action)).toEqual(["create", "delete", "purge"]);
  expect(history[1]?.detail).toContain(removed.body.operation.id);
  expect(history[2]?.detail).toMatch(/customers 12000/);
  expect(history[2]?.actor_name).toBe(server.operator.email);

  // A repeat by id is told that it is done, and the slug serves a new tenant.
  const repeat = await remove(tenant.id);
  expect(repeat.body).toMatchObject({ changed: false, status: "purged", rows: removed.body.rows });
  expect((await remove(tenant.slug)).status).toBe(404);
  expect((await server.provision({ slug: tenant.slug })).id).not.toBe(tenant.id);
});

test("after a soft delete no force is needed", async () => {
  const tenant = await server.provision();
  await remove(tenant.id, { hardDelete: false });
  expect((await remove(tenant.id, { hardDelete: true })).status).toBe(200);
  await expectGone(tenant);
});

test("a replay of the provisioning does not tell the erased name", async () => {
  const headers = { "idempotency-key": "erased" };
  const body = {
    name: "Very Secret Name",
    contactEmail: "secret@x.example",
    adminName: "A",
    adminEmail: "a@x.example",
    adminPassword: "secure_password",
    plan: "basic",
  };
  const provision = () => server.request("POST", "/api/admin/tenants/provision", { token, body, headers });
  const { id } = (await provision()).body;
  expect((await remove(id)).status).toBe(200);
  const replay = await provision();
  expect([replay.status, replay.body.id]).toEqual([201, id]);
  expect(replay.text).not.toMatch(/Very Secret Name|secret@x/);
});

test("tables that were protected later go too: partitioned ones and ones that refer to themselves or in a ring", async () => {
  await asOwner(server.database, (client) =>
    client.query(`
      create schema if not exists shop authorization current_user;
      create table shop.nodes (tenant_id uuid not null, id int not null, parent int, primary key (tenant_id, id));
      select tenancy.protect('shop.nodes');
      alter table shop.nodes add constraint nodes_parent foreign key (tenant_id, parent) references shop.nodes (tenant_id, id)
        deferrable initially immediate;
      create table shop.carts (tenant_id uuid not null, id int not null, first_line int, primary key (tenant_id, id));
      create table shop.lines (tenant_id uuid not null, id int not null, cart int, primary key (tenant_id, id));
      select tenancy.protect('shop.carts');
      select tenancy.protect('shop.lines');
      alter table shop.lines add constraint lines_cart foreign key (tenant_id, cart) references shop.carts (tenant_id, id)
        deferrable initially immediate;
      alter table shop.carts add constraint carts_first_line foreign key (tenant_id, first_line)
        references shop.lines (tenant_id, id) deferrable initially immediate;
      create table shop."Odd Events" (tenant_id uuid not null, at date not null, primary key (tenant_id, at)) partition by range (at);
      create table shop.events_1 partition of shop."Odd Events" for values from ('2025-01-01') to ('2025-02-01');
      create table shop.events_2 partition of shop."Odd Events" for values from ('2025-02-01') to ('2026-01-01');
      select tenancy.protect('shop."Odd Events"');`),
  );
  const tenant = await server.provision();
  const neighbour = await server.provision();
  for (const { id } of [tenant, neighbour]) {
    await sql("insert into shop.nodes select $1, n, nullif(n - 1, 0) from generate_series(1, 30) n", [id]);
    await sql("insert into shop.carts select $1, 1, null", [id]);
    await sql("insert into shop.lines select $1, n, 1 from generate_series(1, 3) n", [id]);
    await sql("update shop.carts set first_line = 1 where tenant_id = $1", [id]);
    await sql(`insert into shop."Odd Events" select $1, '2025-01-01'::date + n from generate_series(1, 60) n`, [id]);
  }
  const { others } = await census(tenant.id);
  const removed = await remove(tenant.id);
  expect([removed.status, removed.body.code]).toEqual([200, undefined]);
  expect(removed.body.rows).toMatchObject({
    "shop.nodes": 30,
    "shop.carts": 1,
    "shop.lines": 3,
    'shop."Odd Events"': 60,
  });
  await expectGone(tenant);
  expect((await census(tenant.id)).others).toEqual(others);

  await asOwner(server.database, (client) => client.query("create table shop.nobodys (id int primary key)"));
  const refused = await remove(neighbour.id);
  expect([refused.status, refused.body.code]).toEqual([409, "transition_forbidden"]);
  expect(refused.body.detail).toContain("shop.nobodys");
  expect((await operator("GET", `tenants/${neighbour.id}`)).body.status).toBe("active");
  await asOwner(server.database, (client) => client.query("drop table shop.nobodys"));
});

test("writers who are at it while the tenant is removed leave nothing behind", async () => {
  const tenant = await server.provision();
  await addCustomers(tenant.id, 8000);
  let over = false;
  let written = 0;
  const write = async (): Promise<void> => {
    while (!over) {
      const { status } = await server.request("POST", "/api/customers", {
        token: tenant.token,
        body: { name: "Late" },
      });
      if (status === 201) written += 1;
    }
  };
  const writers = [1, 2, 3, 4].map(write);
  await expect.poll(() => written, { timeout: 20_000 }).toBeGreaterThan(10);
  const removed = await remove(tenant.id);
  over = true;
  await Promise.all(writers);
  // A busy machine takes longer than the ten seconds after which the answer is 202.
  expect([200, 202]).toContain(removed.status);
  await expect
    .poll(async () => (await operationOf(tenant.id))?.status, { timeout: 60_000, interval: 250 })
    .toBe("succeeded");
  expect((await operationOf(tenant.id)).progress.customers).toBeGreaterThan(8000);
  await expectGone(tenant);
});

test("a removal that takes long is answered 202 and ends by itself; what it waits for is a writer from before", async () => {
  const tenant = await server.provision();
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let entered = (): void => undefined;
  const inside = new Promise<void>((resolve) => {
    entered = resolve;
  });
  const writer = asOwner(server.database, async (client) => {
    await client.query("begin");
    await client.query("select pg_advisory_xact_lock_shared(tenancy.lock_key($1))", [tenant.id]);
    entered();
    await ended;
    await client.query("insert into app.customers (tenant_id, id, name) values ($1, gen_random_uuid(), 'Early')", [
      tenant.id,
    ]);
    await client.query("commit");
  });
  await inside;
  const accepted = await remove(tenant.id);
  expect(accepted.status).toBe(202);
  expect(accepted.body).toMatchObject({ status: "deleted", changed: true, operation: { status: "running" } });
  expect(accepted.body.rows).toMatchObject({ users: 1 });
  const repeat = await remove(tenant.id);
  expect(repeat.status).toBe(202);
  expect(repeat.body).toMatchObject({ changed: false, operation: { id: accepted.body.operation.id } });
  expect((await server.request("POST", `/api/admin/tenants/${tenant.id}/undelete`, { token })).status).toBe(503);
  end();
  await writer;
  const { id } = accepted.body.operation;
  await expect
    .poll(async () => (await operator("GET", `operations/${id}`)).body.status, { timeout: 20_000 })
    .toBe("succeeded");
  expect((await operator("GET", `operations/${id}`)).body.progress.customers).toBe(1);
  await expectGone(tenant);
  const cancel = await operator("POST", `operations/${id}/cancel`);
  expect([cancel.status, cancel.body.code]).toEqual([409, "operation_finished"]);
});

test("a cancelled removal stops after its batch, stays deleted, and is finished by another", async () => {
  const tenant = await server.provision();
  await addCustomers(tenant.id, 100);
  const release = await holdRow(server.database, "app.customers", tenant.id);
  const removing = remove(tenant.id);
  await expect.poll(async () => (await operationOf(tenant.id))?.progress.users, { timeout: 9000 }).toBe(1);
  await expect.poll(() => waitingForLocks(server.database), { timeout: 9000 }).toBe(1);
  const cancelling = operator("POST", `operations/${(await operationOf(tenant.id)).id}/cancel`);
  await expect.poll(() => waitingForLocks(server.database), { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
  await release();
  const cancelled = await cancelling;
  expect([cancelled.status, cancelled.body.status]).toEqual([200, "cancelled"]);
  expect((await removing).body.operation.status).toBe("cancelled");
  const { action } = await ownerRow<{ action: string }>(
    server.database,
    "select action from app.audit_log where tenant_id = $1 and resource_type = 'operation'",
    [tenant.id],
  );
  expect(action).toBe("cancel");

  const undelete = await server.request("POST", `/api/admin/tenants/${tenant.id}/undelete`, { token });
  expect([undelete.status, undelete.body.code]).toEqual([409, "transition_forbidden"]);
  expect(undelete.body.hint).toContain("--hard");
  const finished = await remove(tenant.id, { hardDelete: true });
  expect(finished.status).toBe(200);
  await expectGone(tenant);
});

test("cancelled before anything was removed, the tenant can be brought back", async () => {
  const tenant = await server.provision();
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let entered = (): void => undefined;
  const inside = new Promise<void>((resolve) => {
    entered = resolve;
  });
  const writer = asOwner(server.database, async (client) => {
    await client.query("begin");
    await client.query("select pg_advisory_xact_lock_shared(tenancy.lock_key($1))", [tenant.id]);
    entered();
    await ended;
  });
  await inside;
  const removing = remove(tenant.id);
  await expect.poll(async () => (await operationOf(tenant.id))?.status, { timeout: 9000 }).toBe("running");
  expect((await operator("POST", `operations/${(await operationOf(tenant.id)).id}/cancel`)).status).toBe(200);
  expect((await removing).status).toBe(202);
  end();
  await writer;
  const back = await server.request("POST", `/api/admin/tenants/${tenant.id}/undelete`, { token });
  expect([back.status, back.body.status]).toEqual([200, "active"]);
  await server.login(tenant.admin);
});

test("a removal whose process died is finished by whoever finds it", async () => {
  const tenant = await server.provision();
  await addCustomers(tenant.id, 100);
  const release = await holdRow(server.database, "app.customers", tenant.id);
  const removing = remove(tenant.id);
  await expect.poll(async () => (await operationOf(tenant.id))?.progress.users, { timeout: 9000 }).toBe(1);
  await expect.poll(() => waitingForLocks(server.database), { timeout: 9000 }).toBe(1);
  await withClient(server.database.cluster.adminUrl, (client) =>
    client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = $1 and application_name = 'tenantctl operator' and query like 'with removed as%' and state = 'active'`,
      [server.database.name],
    ),
  );
  const broken = await removing;
  expect([broken.status, broken.body.code]).toEqual([503, "database_unavailable"]);
  await release();
  const operation = await operationOf(tenant.id);
  expect(operation.status).toBe("running");
  // As long as it may still be alive nobody takes it over.
  await resumeOperations(server.app);
  expect((await operationOf(tenant.id)).status).toBe("running");
  await sql("update app.operations set heartbeat_at = now() - interval '1 minute' where id = $1", [operation.id]);
  await Promise.all([resumeOperations(server.app), resumeOperations(server.app)]);
  const after = await operationOf(tenant.id);
  expect(after.status).toBe("succeeded");
  expect(after.progress).toMatchObject({ customers: 100, users: 1 });
  await expectGone(tenant);
});

test("soft-deleted tenants are removed when their time is over, and only those", async () => {
  const [due, later] = [await server.provision(), await server.provision()];
  await remove(due.id, { hardDelete: false });
  await remove(later.id, { hardDelete: false });
  await sql("update app.tenants set purge_at = now() - interval '1 second' where id = $1", [due.id]);
  await Promise.all([purgeDueTenants(server.app), purgeDueTenants(server.app)]);
  await expectGone(due);
  expect((await operator("GET", `tenants/${later.id}`)).body.status).toBe("deleted");
  const { actor_type } = await ownerRow<{ actor_type: string }>(
    server.database,
    "select actor_type from app.audit_log where tenant_id = $1 and action = 'purge'",
    [due.id],
  );
  expect(actor_type).toBe("system");
});

test("operations are listed by status and tenant; an unknown one is not found", async () => {
  const { body } = await operator("GET", "operations?status=succeeded&limit=2");
  expect(body).toHaveLength(2);
  expect((await operator("GET", "operations?status=running")).body).toEqual([]);
  const absent = await operator("GET", "operations/01890000-0000-7000-8000-000000000006");
  expect([absent.status, absent.body.code]).toEqual([404, "not_found"]);
});
