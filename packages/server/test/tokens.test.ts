import { scopeBundles, scopes, tenantScopes } from "@tenantctl/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

describe("tokens", () => {
  let server: TestServer;
  let tenant: Provisioned;
  let operator: string;

  const request = (method: string, path: string, token: string, body?: unknown) =>
    server.request(method, path, { token, body });
  const make = async (path: string, as: string, names: readonly string[], more = {}) => {
    const reply = await request("POST", path, as, { name: "made by a test", scopes: names, ...more });
    expect([reply.status, reply.text]).toEqual([201, reply.text]);
    return reply.body;
  };

  beforeAll(async () => {
    server = await startTestServer();
    tenant = await server.provision();
    operator = await server.operatorToken();
  });
  afterAll(() => server.stop());

  it("of operators work wherever the guide writes <super_admin_token>, within their scopes", async () => {
    const made = await make("/api/admin/tokens", operator, ["backup:read"]);
    expect(made.token).toMatch(/^tctl_[0-9A-Za-z]{49}$/);
    expect(made).toMatchObject({ scopes: [...scopeBundles["backup:read"]], createdBy: server.operator.email });
    const list = await request("GET", "/api/admin/tenants", made.token);
    expect(list.body.map((row: { id: string }) => row.id)).toContain(tenant.id);
    expect((await request("GET", `/api/tenants/export?tenantId=${tenant.id}`, made.token)).status).toBe(200);
    for (const [method, path] of [
      ["POST", `/api/admin/tenants/${tenant.id}/suspend`],
      ["GET", `/api/customers?tenantId=${tenant.id}`],
      ["GET", "/api/admin/tokens"],
    ] as const) {
      const reply = await request(method, path, made.token);
      expect([path, reply.status, reply.body.code]).toEqual([path, 403, "scope_missing"]);
    }
    const all = await make("/api/admin/tokens", operator, ["all"]);
    expect(all.scopes).toEqual([...scopes]);
  });

  it("of a tenant work in that tenant alone, within their scopes", async () => {
    const made = await make("/api/tenants/tokens", tenant.token, ["customers:read"]);
    expect(made.token).toMatch(/^tctl_[0-9a-f]{32}_[0-9A-Za-z]{49}$/);
    expect((await request("GET", "/api/customers", made.token)).status).toBe(200);
    expect((await request("POST", "/api/customers", made.token, { name: "X" })).body.code).toBe("scope_missing");
    expect((await request("GET", "/api/admin/tenants", made.token)).status).toBe(403);
    const other = await server.provision();
    expect((await request("GET", `/api/customers?tenantId=${other.id}`, made.token)).body.code).toBe(
      "tenant_not_found",
    );
    const moved = made.token.replace(tenant.id.replaceAll("-", ""), other.id.replaceAll("-", ""));
    expect((await request("GET", "/api/customers", moved)).body.code).toBe("token_invalid");
  });

  it("are shown once, stored as hashes, listed without themselves, and audited", async () => {
    const made = await make("/api/admin/tokens", operator, ["tenants:read"], { name: "audited one" });
    const list = await request("GET", "/api/admin/tokens", operator);
    expect(list.text).not.toContain(made.token);
    const row = list.body.find((token: { id: string }) => token.id === made.id);
    const { token: _, ...rest } = made;
    expect(row).toEqual(rest);
    const [audit] = (await request("GET", `/api/audit-logs?resourceType=token&resourceId=${made.id}`, operator)).body;
    expect(audit).toMatchObject({ action: "create", tenantId: null, after: { name: "audited one" } });
    expect(JSON.stringify(audit)).not.toContain(made.token);
    const stored = await server.asOwner("select t::text as row from app.operator_tokens t");
    expect(JSON.stringify(stored)).not.toContain(made.token);
  });

  it("can't be given what their maker lacks", async () => {
    const narrow = await make("/api/admin/tokens", operator, ["tokens:write", "tenants:read", "customers:read"]);
    const refused = await request("POST", "/api/admin/tokens", narrow.token, {
      name: "x",
      scopes: ["tenants:read", "plans:write"],
    });
    expect([refused.status, refused.body.code]).toEqual([403, "scope_missing"]);
    expect(refused.body.detail).toContain("plans:write");
    expect(refused.body.detail).not.toContain("tenants:read");
    const child = await make("/api/admin/tokens", narrow.token, ["tenants:read"]);
    expect(child.createdBy).toBe(server.operator.email);
    const inside = `/api/tenants/tokens?tenantId=${tenant.id}`;
    expect((await request("POST", inside, narrow.token, { name: "x", scopes: ["users:read"] })).body.code).toBe(
      "scope_missing",
    );
    const within = await make(inside, narrow.token, ["customers:read"]);
    expect(within.createdBy).toBe(server.operator.email);

    const own = await make("/api/tenants/tokens", tenant.token, ["tokens:write", "customers:read"]);
    const more = await request("POST", "/api/tenants/tokens", own.token, { name: "x", scopes: ["users:write"] });
    expect(more.body.code).toBe("scope_missing");
    const grandchild = await make("/api/tenants/tokens", own.token, ["customers:read"]);
    expect(grandchild.createdBy).toBe(tenant.admin.email);
    const everything = await make("/api/tenants/tokens", tenant.token, tenantScopes);
    expect(everything.scopes).toHaveLength(tenantScopes.length);
    expect(
      (await request("POST", "/api/tenants/tokens", tenant.token, { name: "x", scopes: ["plans:write"] })).status,
    ).toBe(400);
  });

  it("can't outlive the token that made them", async () => {
    const short = await make("/api/admin/tokens", operator, ["tokens:write"], { expiresInDays: 1 });
    const child = await make("/api/admin/tokens", short.token, ["tokens:write"], { expiresInDays: 700 });
    expect(child.expiresAt).toBe(short.expiresAt);
    const own = await make("/api/tenants/tokens", tenant.token, ["tokens:write"], { expiresInDays: 2 });
    expect((await make("/api/tenants/tokens", own.token, ["tokens:write"])).expiresAt).toBe(own.expiresAt);
  });

  it("end when they are revoked or expire; revoking again changes nothing", async () => {
    for (const [path, as, use, table] of [
      ["/api/admin/tokens", operator, "/api/admin/tokens", "app.operator_tokens"],
      ["/api/tenants/tokens", tenant.token, "/api/tenants/tokens", "app.api_tokens"],
    ] as const) {
      const made = await make(path, as, ["tokens:read"]);
      expect((await request("GET", use, made.token)).status).toBe(200);
      const revoked = await request("DELETE", `${path}/${made.id.toUpperCase()}`, as);
      expect(revoked.body.revokedAt).toMatch(/Z$/);
      expect((await request("GET", use, made.token)).body.code).toBe("token_invalid");
      const again = await request("DELETE", `${path}/${made.id}`, as);
      expect([again.status, again.body.revokedAt]).toEqual([200, revoked.body.revokedAt]);
      const rows = await request("GET", `/api/audit-logs?action=revoke&resourceId=${made.id}`, operator);
      expect(rows.body).toHaveLength(1);
      const expiring = await make(path, as, ["tokens:read"], { expiresInDays: 1 });
      await server.asOwner(`update ${table} set expires_at = now() - interval '1 ms' where id = $1`, [expiring.id]);
      expect((await request("GET", use, expiring.token)).body.code).toBe("token_invalid");
      const absent = await request("DELETE", `${path}/01890000-0000-7000-8000-000000000004`, as);
      expect([absent.status, absent.body.code]).toEqual([404, "not_found"]);
    }
  });

  it("that are mistyped, cut or made up are refused", async () => {
    const { token } = await make("/api/admin/tokens", operator, ["tenants:read"]);
    const swapped = token.endsWith("a") ? "b" : "a";
    for (const wrong of [
      token.slice(0, -1),
      token.slice(0, -1) + swapped,
      `${token}x`,
      "tctl_",
      "tctl_x".padEnd(200, "y"),
    ]) {
      expect((await request("GET", "/api/admin/tenants", wrong)).body.code).toBe("token_invalid");
    }
    await server.asOwner("delete from app.operator_tokens");
    expect((await request("GET", "/api/admin/tenants", token)).body.code).toBe("token_invalid");
  });

  it("show when they were last used, soon after; the audit log names them and not their maker", async () => {
    for (const [path, as, use] of [
      ["/api/admin/tokens", operator, `/api/admin/tenants/${tenant.id}`],
      ["/api/tenants/tokens", tenant.token, "/api/customers"],
    ] as const) {
      const made = await make(path, as, ["tenants:read", "customers:read"].slice(path.includes("tenants") ? 1 : 0));
      expect(made.lastUsedAt).toBeNull();
      expect((await request("GET", use, made.token)).status).toBe(200);
      const used = await until("its use is noted", async () => {
        const list = await request("GET", path, as);
        return (
          list.body.find((row: { id: string; lastUsedAt: string | null }) => row.id === made.id)?.lastUsedAt ??
          undefined
        );
      });
      expect(Math.abs(Date.parse(used) - Date.now())).toBeLessThan(60_000);
    }
    const writer = await make("/api/tenants/tokens", tenant.token, ["customers:write"], { name: "the writer" });
    expect((await request("POST", "/api/customers", writer.token, { name: "By token" })).status).toBe(201);
    const [row] = (await request("GET", "/api/audit-logs?action=create&resourceType=customer", tenant.token)).body;
    expect(row.actor).toEqual({ type: "token", id: writer.id, name: "the writer" });
  });
});
