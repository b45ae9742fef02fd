import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { runCli, startCli } from "../../database/test/harness/process.ts";
import { type Serving, servedBeside } from "../../server/test/fixture/served.ts";
import { startTestServer, type TestServer } from "../../server/test/fixture/server.ts";
import { type BackupHome, makeBackupHome } from "./fixture/backup-home.ts";

/** With --concurrency 1 they are asked for in groups of two: t-1 and t-2, t-3 and t-4, and so on. */
const slugs = ["t-1", "t-2", "t-3", "t-4", "t-5", "t-6", "t-7", "t-8"];
const inTheMiddle = "t-4";
/** Of the advisory lock at which reading a tenant's rows can be made to wait. */
const gate = 190_523;

let server: TestServer;
let home: BackupHome;
let api: Serving;
let token: string;
const ids = new Map<string, string>();
const { serve, end } = servedBeside(() => server);

/** No API would begin to serve with the traps in place. */
const serveWithTraps = async (): Promise<void> => {
  api = await serve();
  await server.asOwner("grant execute on function app.spring to public");
  await server.asOwner("create policy springs on app.notes as restrictive for select using (app.spring(tenant_id))");
};

beforeAll(async () => {
  server = await startTestServer();
  for (const slug of slugs) ids.set(slug, (await server.provision({ slug })).id);
  // Reading a row of a tenant that `app.traps` names fails, or waits.
  await server.asOwner(
    "create table app.notes (tenant_id uuid not null, id int not null, body text, primary key (tenant_id, id))",
  );
  await server.asOwner("select tenancy.protect('app.notes')");
  await server.asOwner("create table app.traps (tenant_id uuid primary key, fails boolean not null)");
  await server.asOwner("select tenancy.global('app.traps')");
  await server.asOwner(
    `create function app.spring(tenant uuid) returns boolean language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
    declare trap app.traps;
    begin
      select * into trap from app.traps t where t.tenant_id = tenant;
      if trap.fails then raise exception 'this row cannot be read'; end if;
      if found then perform pg_advisory_xact_lock_shared(${gate}); end if;
      return true;
    end $$`,
  );
  for (const id of ids.values()) await server.asOwner("insert into app.notes values ($1, 1, 'a note')", [id]);
  const made = await server.request("POST", "/api/admin/tokens", {
    token: await server.operatorToken(),
    body: { name: "cron", scopes: ["backup:read"], expiresInDays: 1 },
  });
  token = made.body.token;
  await serveWithTraps();
});
afterAll(async () => {
  await end();
  await server?.stop();
});
beforeEach(() => {
  home = makeBackupHome();
});
afterEach(async () => {
  await server.asOwner("delete from app.traps");
  home.remove();
});

const options = () => ({
  ...home.options(),
  env: { ...home.options().env, TENANTCTL_TOKEN: token, TENANTCTL_API_URL: api.url },
});
const args = () => ["backup", "--repo", home.repo, "--concurrency", "1"];
const outcomes = () =>
  Object.fromEntries(home.record().tenants.map(({ slug, outcome, error }) => [slug, error?.code ?? outcome]));
const allBut = (missing: readonly string[], code: string) =>
  Object.fromEntries(slugs.map((slug) => [slug, missing.includes(slug) ? code : "saved"]));
const trap = (slug: string, fails: boolean) =>
  server.asOwner("insert into app.traps values ($1, $2)", [ids.get(slug), fails]);
/** Every file that the run says is there is whole. */
const expectWhole = async (files: number) => {
  const verified = await home.run(["backup", "verify", "--repo", home.repo]);
  expect(verified.code, verified.stderr).toBe(0);
  expect(verified.stdout).toContain(String(files));
};

it("tenants come in groups, one at a time, and each has one record of it", async () => {
  const { code, stdout, stderr } = await runCli(args(), options());
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^backed up 8 tenants, /);
  expect(outcomes()).toEqual(allBut([], ""));
  for (const id of ids.values())
    expect(
      await server.asOwner("select from app.audit_log where tenant_id = $1 and action = 'backup'", [id]),
    ).toHaveLength(1);
  await expectWhole(9);
});

it("one that cannot be read in the middle of its group is named; the others of it, before and behind it, are saved", async () => {
  await trap(inTheMiddle, true);
  await trap("t-5", true);
  const { code, stdout, stderr } = await runCli(args(), options());
  expect(code).toBe(3);
  const { [inTheMiddle]: reason = "", ...others } = outcomes();
  expect(reason).not.toBe("saved");
  expect(others).toEqual({ ...allBut(["t-5"], reason), [inTheMiddle]: undefined });
  expect(stderr).toMatch(/^failed: t-4: /m);
  expect(stdout).toMatch(/^backed up 6 of 8 tenants, .*; failed: t-4 \(\w+\), t-5 \(\w+\)\n$/);
  await expectWhole(7);
});

it("one that is held is named with that reason, though its whole group was refused for it", async () => {
  const held = ids.get(inTheMiddle);
  await withClient(server.database.url, async (client) => {
    await client.query("begin");
    await client.query("select pg_advisory_xact_lock(tenancy.lock_key($1))", [held]);
    const { code, stderr } = await runCli(args(), options());
    await client.query("rollback");
    expect(code).toBe(3);
    expect(outcomes()).toEqual(allBut([inTheMiddle], "tenant_busy"));
    expect(stderr).toMatch(/^failed: t-4: This tenant is being deleted or restored/m);
    await expectWhole(8);
  });
});

it("the API killed in the middle of a group: what came before is kept, what is missing is named, the next run has all", async () => {
  await trap(inTheMiddle, false);
  await withClient(server.database.url, async (client) => {
    await client.query("select pg_advisory_lock($1)", [gate]);
    const run = startCli(args(), options());
    await run.waitFor(/^t-2: saved/m);
    await expect
      .poll(
        async () =>
          (
            await client.query("select from pg_locks where locktype = 'advisory' and not granted and objid = $1", [
              gate,
            ])
          ).rowCount,
        { timeout: 30_000 },
      )
      .toBe(1);
    await api.kill();
    await client.query("select pg_advisory_unlock($1)", [gate]);
    const { code, stdout, stderr } = await run.exit;
    expect(code).toBe(3);
    const found = outcomes();
    expect(found).toMatchObject({ "t-1": "saved", "t-2": "saved" });
    const missing = Object.keys(found).filter((slug) => found[slug] !== "saved");
    expect(missing).toEqual(expect.arrayContaining(["t-4", "t-5", "t-6", "t-7", "t-8"]));
    for (const slug of missing) expect(found[slug]).toMatch(/^(unreachable|not_tried)$/);
    expect(stderr).toMatch(/^failed: t-4: /m);
    expect(stdout).toContain(`backed up ${8 - missing.length} of 8 tenants`);
    await expectWhole(9 - missing.length);
  });
  await server.asOwner("delete from app.traps");
  await server.asOwner("drop policy springs on app.notes");
  await server.asOwner("revoke execute on function app.spring from public");
  await serveWithTraps();
  // The run could not give its lease back to an API that was gone; it would run out within a minute.
  await server.asOwner("delete from app.backup_lease");
  const again = await runCli(args(), options());
  expect(again.code, again.stderr).toBe(0);
  expect(outcomes()).toEqual(allBut([], ""));
});
