import { SYSTEM_TENANT_ID } from "@tenantctl/database";
import { afterAll, beforeAll, expect, it } from "vitest";
import { seal, writeRows } from "./fixture/audit-log.ts";
import { type Checklist, checklistOf } from "./fixture/checklist.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let operator: string;
let checklist: Checklist;
beforeAll(async () => {
  server = await startTestServer();
  operator = await server.operatorToken();
  checklist = checklistOf(server);
});
afterAll(() => server.stop());

it("tenants: what changed within the week, with why, and what goes for good soon", async () => {
  const [suspended, old] = [await server.provision(), await server.provision()];
  await server.request("POST", `/api/admin/tenants/${suspended.id}/suspend`, {
    token: operator,
    body: { reason: "unpaid invoice" },
  });
  await server.asOwner(
    "update app.tenants set created_at = now() - interval '60 days', status_changed_at = created_at where id = $1",
    [old.id],
  );
  await server.asOwner("update app.tenants set created_at = now() - interval '1 hour' where id = $1", [suspended.id]);
  const item = await checklist.item("weekly", "tenant_statuses");
  expect(item.result).toBe("needs_person");
  expect(item.evidence[0]).toBe("1 active, 1 suspended");
  expect(item.evidence).toContain(`1 provisioned: ${suspended.slug}`);
  expect(item.evidence).toContain(`1 now suspended: ${suspended.slug} (unpaid invoice)`);
  // A second run on the same day hides nothing.
  expect((await checklist.item("weekly", "tenant_statuses")).evidence).toEqual(item.evidence);
});

it("backups: a tenant without one is a problem, one that nobody verified or drilled a warning", async () => {
  await server.asOwner("delete from app.backup_facts");
  await server.asOwner("update app.tenants set created_at = now() - interval '60 days' where slug <> 'system'");
  const missing = await checklist.item("weekly", "backup_status");
  expect(missing).toMatchObject({ result: "problem", next: "tenantctl backup" });
  expect(missing.evidence[0]).toMatch(/^2 of 2 tenants without a backup of the last 26 hours: t-/);
  await server.asOwner(
    "insert into app.backup_facts (tenant_id, last_backup_at) select id, now() from app.tenants where slug <> 'system'",
  );
  expect(await checklist.item("weekly", "backup_status")).toMatchObject({
    result: "warning",
    next: "tenantctl backup verify --latest",
  });
  await server.asOwner("update app.backup_facts set last_verified_at = now()");
  expect(await checklist.item("weekly", "backup_status")).toMatchObject({
    result: "warning",
    next: "tenantctl backup drill",
  });
  await server.asOwner("update app.backup_facts set last_drilled_at = now()");
  expect(await checklist.item("weekly", "backup_status")).toMatchObject({ result: "ok", next: null });
});

it("the audit log: guessed passwords, an operator's new address, exports and deletions, each named", async () => {
  const tenant = await server.provision();
  const { email, password } = tenant.admin;
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await server.request("POST", "/api/auth/login", { body: { email, tenant: tenant.slug, password: "wrong" } });
  }
  await server.login({ email, password, tenant: tenant.slug }).catch(() => undefined);
  await server.app.refusals.flush();
  await server.asOwner("delete from app.login_throttles");
  await server.login({ email, password, tenant: tenant.slug });
  await server.asOwner(
    `insert into app.audit_log (tenant_id, at, id, action, resource_type, outcome, actor_type, actor_id, actor_name, address)
      select tenant_id, now(), gen_random_uuid(), action, resource_type, outcome, actor_type, actor_id, actor_name, '203.0.113.9'
      from app.audit_log where tenant_id = $1 and action = 'login' and outcome = 'success' limit 1`,
    [SYSTEM_TENANT_ID],
  );
  await server.request("GET", `/api/tenants/export?tenantId=${tenant.id}`, { token: operator });
  await server.request("POST", `/api/admin/tenants/${tenant.id}/delete`, {
    token: operator,
    body: { hardDelete: false },
  });
  const { result, evidence } = await checklist.item("weekly", "audit_logs");
  const all = evidence.join("\n");
  expect(result).toBe("warning");
  expect(all).toContain(`${email} of ${tenant.slug}: 5 failed logins, then one that worked`);
  expect(all).toContain(`${server.operator.email} for the first time from 203.0.113.9`);
  expect(all).toContain(`${server.operator.email} deleted 1 time: ${tenant.slug}`);
  expect(all).toContain(`${server.operator.email} exported 1 time: ${tenant.slug}`);
  expect(all).toContain(`1 new operator: ${server.operator.email}`);
});

it("the audit log: a row that was altered past the server is a problem", async () => {
  await writeRows(server, null, 3, "proof");
  await seal(server);
  const proven = (await checklist.item("weekly", "audit_logs")).evidence.find((line) => line.startsWith("integrity:"));
  expect(proven).toMatch(/^integrity: \d+ rows sealed since .* are as they were written$/);
  await server.asOwner("update app.audit_log set detail = 'forged' where action = 'proof' and resource_id = '1'");
  const { result, evidence, next } = await checklist.item("weekly", "audit_logs");
  expect({ result, next }).toEqual({ result: "problem", next: "tenantctl audit verify" });
  expect(evidence.join("\n")).toMatch(/integrity: 1 problem in .*\n.*row_altered/);
  await server.asOwner("update app.audit_log set detail = null where action = 'proof' and resource_id = '1'");
});

it("documentation: what the caller tried is what counts; nobody trying is for a person", async () => {
  expect(await checklist.item("weekly", "documentation")).toMatchObject({ result: "needs_person" });
  const tried = (outcome: string) => ({
    documentation: [
      { command: "List All Tenants", outcome: "ok" },
      { command: "View Tenant Quotas", outcome, detail: "GET /api/tenants/quotas: 500" },
    ],
  });
  expect(await checklist.item("weekly", "documentation", tried("failed"))).toMatchObject({
    result: "problem",
    evidence: [
      "1 of 2 steps of the guide work on this server",
      "failed: View Tenant Quotas: GET /api/tenants/quotas: 500",
    ],
  });
  expect(await checklist.item("weekly", "documentation", tried("not_allowed"))).toMatchObject({
    result: "needs_person",
  });
  expect(await checklist.item("weekly", "documentation", tried("ok"))).toMatchObject({ result: "ok", next: null });
});
