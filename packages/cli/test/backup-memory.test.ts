import { existsSync, readFileSync } from "node:fs";
import { generateKey } from "@tenantctl/archive";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCli } from "../../database/test/harness/process.ts";
import { type Serving, servedBeside } from "../../server/test/fixture/served.ts";
import { startTestServer, type TestServer } from "../../server/test/fixture/server.ts";
import { type BackupHome, makeBackupHome } from "./fixture/backup-home.ts";

const mebibyte = 1024 * 1024;
// Node itself takes a tenth more from version 24 on.
const mostMebibytes = Number.parseInt(process.versions.node, 10) < 24 ? 150 : 175;
const rows = 208;

/** The most resident memory that a running process has had so far, in MiB; undefined once it is gone. */
const peakOf = (pid: number): number | undefined => {
  try {
    const kibibytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) / 1024;
  } catch {
    return undefined;
  }
};

let server: TestServer;
let home: BackupHome;
let api: Serving;
let token: string;
const { serve, end } = servedBeside(() => server);

const backUp = async (...flags: string[]): Promise<{ cli: number; api: number; bytes: number }> => {
  const env = { ...home.options().env, TENANTCTL_TOKEN: token, TENANTCTL_API_URL: api.url };
  const cli = startCli(["backup", "--repo", home.repo, "--tenant", "large", ...flags], { ...home.options(), env });
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, peakOf(cli.pid) ?? 0);
  }, 20);
  const { code, stderr } = await cli.exit;
  clearInterval(watch);
  expect(code, stderr).toBe(0);
  return { cli: peak, api: peakOf(api.pid) ?? Number.POSITIVE_INFINITY, bytes: home.record().bytes };
};

const where = existsSync("/proc/self/status") ? "" : ": skipped, this system does not tell a process's memory";
describe.skipIf(where !== "")(`a backup of a large tenant${where}`, () => {
  beforeAll(async () => {
    home = makeBackupHome();
    server = await startTestServer();
    const { id } = await server.provision({ slug: "large" });
    await server.asOwner(
      "create table app.documents (tenant_id uuid not null, id int not null, body text not null, primary key (tenant_id, id))",
    );
    await server.asOwner("alter table app.documents alter body set storage external");
    await server.asOwner("select tenancy.protect('app.documents')");
    // Hex digits, which gzip makes little smaller, each row begun elsewhere.
    await server.asOwner(
      `with noise as materialized (select string_agg(md5(n::text), '') as text from generate_series(1, 32768) n)
      insert into app.documents select $1, n, substr(text, 9000 + n * 997) || substr(text, 1, 8999 + n * 997 - (n % 5) * 1000)
      from noise, generate_series(1, $2::int) n`,
      [id, rows],
    );
    // A token, as cron has one: a login, whose hash alone takes memory, is not what this measures.
    const made = await server.request("POST", "/api/admin/tokens", {
      token: await server.operatorToken(),
      body: { name: "cron", scopes: ["backup:read"], expiresInDays: 1 },
    });
    token = made.body.token;
    api = await serve();
  });
  afterAll(async () => {
    await end();
    await server?.stop();
    home?.remove();
  });

  it.each([
    ["plain", async () => []],
    ["encrypted", async () => ["--recipient", (await generateKey()).recipient]],
  ] as const)(`takes the API and the command line less than ${mostMebibytes} MiB each, %s`, async (_, flags) => {
    const peak = await backUp(...(await flags()));
    expect(peak.bytes).toBeGreaterThan(100 * mebibyte);
    expect(peak.cli).toBeGreaterThan(0);
    expect(Math.round(peak.cli)).toBeLessThan(mostMebibytes);
    expect(Math.round(peak.api)).toBeLessThan(mostMebibytes);
  });
});
