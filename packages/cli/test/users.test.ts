import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Exit, runCli } from "../../database/test/harness/process.ts";
import { startTestServer, type TestServer } from "../../server/test/fixture/server.ts";

let server: TestServer;
let dir: string;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  server = await startTestServer();
  dir = mkdtempSync(join(tmpdir(), "tenantctl-users-"));
  writeFileSync(join(dir, "password"), "handed over\n");
  env = {
    PATH: process.env.PATH,
    HOME: dir,
    TENANTCTL_CONFIG_DIR: dir,
    TENANTCTL_API_URL: server.url,
    TENANTCTL_TOKEN: await server.operatorToken(),
  };
});
afterAll(async () => {
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const tenantctl = (...args: string[]): Promise<Exit> => runCli(args, { env, cwd: dir });

it("a user who must change the password that was handed over; disabled, their tokens are pointed out", async () => {
  const { slug } = await server.provision();
  const email = "ann@example.com";
  const password = "handed over";
  const made = await tenantctl(
    ...["users", "create", slug, "--name", "Ann", "--email", email, "--role", "tenant_admin"],
    ...["--password-file", "password", "--must-change-password", "-o", "json"],
  );
  expect(made, made.stderr).toMatchObject({ code: 0 });
  expect(JSON.parse(made.stdout)).toMatchObject({ email, mustChangePassword: true });
  const first = await server.login({ email, password, tenant: slug });
  expect(first.mustChangePassword).toBe(true);
  const reset = (...flags: string[]) =>
    tenantctl("users", "reset-password", slug, email, "--password-file", "password", ...flags);
  expect((await reset()).code).toBe(0);
  const session = await server.login({ email, password, tenant: slug });
  expect(session.mustChangePassword).toBe(false);
  const token = await server.request("POST", "/api/tenants/tokens", {
    token: session.accessToken,
    body: { name: "sync", scopes: ["customers:read"] },
  });
  expect(token.status).toBe(201);
  expect((await reset("--must-change-password")).code).toBe(0);
  expect((await server.login({ email, password, tenant: slug })).mustChangePassword).toBe(true);

  const disabled = await tenantctl("users", "update", slug, email, "--disabled");
  expect(disabled.code).toBe(0);
  expect(disabled.stderr).toMatch(/1 token that they made .* still work.*tenantctl tokens revoke TENANT ID/);
  expect((await tenantctl("tokens", "revoke", slug, token.body.id, "--yes")).code).toBe(0);
  const deleted = await tenantctl("users", "delete", slug, email, "--yes");
  expect([deleted.code, deleted.stderr]).toEqual([0, expect.not.stringContaining("token")]);
});
