import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Diagnosis } from "@tenantctl/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createMigratedDatabase, withClient } from "../../database/test/harness/database.ts";
import { type Exit, runCli } from "../../database/test/harness/process.ts";
import { startSystem15 } from "../../database/test/harness/system15.ts";
import { startTestServer, type TestServer } from "../../server/test/fixture/server.ts";
import { until } from "../../server/test/fixture/until.ts";

let server: TestServer;
let dir: string;
beforeAll(async () => {
  server = await startTestServer();
  dir = mkdtempSync(join(tmpdir(), "tenantctl-diagnose-"));
});
afterAll(async () => {
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const tenantctl = async (on: TestServer, ...args: string[]): Promise<Exit> =>
  runCli(args, {
    env: {
      PATH: process.env.PATH,
      HOME: dir,
      TENANTCTL_CONFIG_DIR: dir,
      TENANTCTL_API_URL: on.url,
      TENANTCTL_TOKEN: await on.operatorToken(),
    },
    cwd: dir,
  });

const diagnose = async (on: TestServer, ...args: string[]) => {
  const { stdout, stderr, code } = await tenantctl(on, "diagnose", ...args, "-o", "json");
  expect(stdout, stderr).not.toBe("");
  const found: Diagnosis = JSON.parse(stdout);
  return { ...found, code, item: (id: string) => found.items.find((one) => one.id === id) };
};

/** Runs a command as it was advised, the words of a shell included. */
const advised = (next: string | null | undefined): string[] =>
  [...(next ?? "").matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "").slice(1);

describe("diagnose quota", () => {
  const customers = (id: string, count: number, daysBack: number) =>
    server.asOwner(
      `with made as (insert into app.customers (tenant_id, id, name, created_at)
          select $1, gen_random_uuid(), 'customer ' || n, now() - make_interval(days => $3 * n / $2) from generate_series(1, $2::int) n returning 1)
        insert into app.usage_counters as c (tenant_id, resource, used) select $1, 'customers', count(*) from made
        on conflict (tenant_id, resource) do update set used = c.used + excluded.used`,
      [id, count, daysBack],
    );

  it("says that there is room, and answers 6 for an unknown tenant", async () => {
    const { slug } = await server.provision({ plan: "pro" });
    const found = await diagnose(server, "quota", slug);
    expect(found).toMatchObject({ code: 0, result: "ok" });
    expect(found.verdict).toContain(`${slug} has room`);
    expect((await tenantctl(server, "diagnose", "quota", "no-such-tenant")).code).toBe(6);
  });

  it("finds a quota that is used up, and each of the three options works", async () => {
    const { slug, id } = await server.provision({ plan: "basic" });
    await server.asOwner("update app.tenants set created_at = now() - interval '60 days' where id = $1", [id]);
    const [plan] = await server.asOwner<{ most: number }>(
      "select customers_limit::int as most from app.plans where name = 'basic'",
    );
    const most = plan?.most ?? 0;
    await customers(id, most, 20);
    const full = await diagnose(server, "quota", slug);
    expect(full.code).toBe(10);
    expect(full.verdict).toMatch(new RegExp(`^${slug} has used up its quota of customers: `));
    expect(full.item("customers")?.evidence.join("\n")).toMatch(/at this rate full in 0 days/);
    expect(full.item("upgrade_plan")?.next).toBe(`tenantctl update ${slug} --plan pro`);
    expect(full.item("reduce_use")?.evidence[0]).toMatch(/^[\d,]+ of customers would have to go/);
    for (const option of ["raise_quota", "upgrade_plan", "reduce_use"]) {
      const { code, stderr } = await tenantctl(server, ...advised(full.item(option)?.next));
      expect(code, `${full.item(option)?.next}\n${stderr}`).toBe(0);
    }
    const after = await diagnose(server, "quota", slug);
    expect(after.code).toBe(0);
    expect(after.item("customers")?.evidence[0]).toMatch(/an override\)$/);
  });

  it("says when it will be full at this rate", async () => {
    const { slug, id } = await server.provision({ plan: "basic" });
    await server.asOwner("update app.tenants set created_at = now() - interval '60 days' where id = $1", [id]);
    await customers(id, 300, 30);
    const found = await diagnose(server, "quota", slug);
    expect(found.code).toBe(0);
    expect(found.item("customers")?.evidence.join("\n")).toMatch(
      /at this rate full in \d+ days, on 20\d\d-\d\d-\d\d \(\+1\d a day, 31 days, r² 1\.00\)/,
    );
  });

  it("names a counter that is not what is there", async () => {
    const { slug, id } = await server.provision({ plan: "basic" });
    await server.asOwner("update app.usage_counters set used = 2 where tenant_id = $1 and resource = 'users'", [id]);
    const found = await diagnose(server, "quota", slug);
    expect(found.item("users")).toMatchObject({ result: "warning" });
    expect(found.item("users")?.evidence.join("\n")).toContain("the counter says 2, there are 1");
  });
});

describe("diagnose performance", () => {
  it("sees nothing wrong in a new system, and says what it can't see and what shows it", async () => {
    const found = await diagnose(server, "performance");
    expect(found.items.filter(({ result }) => result === "problem" || result === "warning")).toEqual([]);
    expect(found.code).toBe(0);
    const statements = found.item("statements");
    expect(statements?.result).toBe("needs_person");
    expect(statements?.next).toBe("show shared_preload_libraries;");
    expect(statements?.evidence).toContain("create extension if not exists pg_stat_statements;");
    expect(statements?.evidence.at(-1)).toMatch(/^grant pg_read_all_stats to ".*_operator";$/);
  });

  it("finds a foreign key without an index, an index that is there twice, one never used, and dead rows; and runs none of its advice", async () => {
    await withClient(server.database.url, async (client) => {
      await client.query(`create table public.orders (id bigint primary key);
        create table public.lines (id bigint primary key, order_id bigint not null references public.orders, note text);
        insert into public.orders select generate_series(1, 30000);
        insert into public.lines select n, n, repeat('x', 60) from generate_series(1, 30000) n;
        create index lines_by_note on public.lines (note, id);
        create index lines_by_note_too on public.lines (note, id);
        alter table public.lines set (autovacuum_enabled = off);
        analyze public.lines;
        update public.lines set note = note || 'y' where id <= 20000;`);
      for (let scans = 0; scans < 60; scans += 1)
        await client.query("select count(*) from public.lines where order_id < 0");
      await client.query("select pg_stat_force_next_flush()");
    });
    const found = await until("the finding", async () => {
      const now = await diagnose(server, "performance");
      return now.item("dead_rows")?.result === "warning" && now.item("sequential_scans")?.result === "warning"
        ? now
        : undefined;
    });
    const next = (id: string) => found.item(id)?.next;
    expect(next("foreign_keys")).toBe("create index concurrently on lines (order_id);");
    expect(next("duplicate_indexes")).toBe("drop index concurrently lines_by_note_too;");
    expect(next("unused_indexes")).toMatch(/^drop index concurrently lines_by_note/);
    expect(next("dead_rows")).toBe("vacuum (analyze) public.lines;");
    expect(next("sequential_scans")).toContain("public.lines");
    const kept = await withClient(server.database.url, (client) =>
      client.query("select count(*)::int as indexes from pg_indexes where tablename = 'lines'"),
    );
    expect(kept.rows[0].indexes).toBe(3);
    // Each statement runs as it stands.
    await withClient(server.database.url, async (client) => {
      for (const id of ["foreign_keys", "duplicate_indexes", "dead_rows"]) await client.query(next(id) ?? "");
    });
    const mended = await diagnose(server, "performance");
    for (const id of ["foreign_keys", "duplicate_indexes"]) expect(mended.item(id)?.result).toBe("ok");
  });

  it("finds that requests wait for a connection", async () => {
    const small = await startTestServer({ settings: { poolSize: 2 } });
    try {
      const { id } = await small.provision();
      const token = await small.operatorToken();
      const found = await withClient(small.database.url, async (blocker) => {
        await blocker.query(`set role "${small.database.prefix}_owner"`);
        await blocker.query("begin");
        await blocker.query("lock table app.customers in access exclusive mode");
        const waiting = Array.from({ length: 6 }, () =>
          small.request("GET", `/api/customers?tenantId=${id}`, { token }),
        );
        await until("requests to wait", async () => (small.app.db.connections.tenant.waiting > 0 ? true : undefined));
        const seen = await diagnose(small, "performance");
        await blocker.query("rollback");
        await Promise.all(waiting);
        return seen;
      });
      expect(found.code).toBe(10);
      expect(found.verdict).toContain("requests wait for a connection of the pool tenant");
      expect(found.item("pools")?.next).toBe("set TENANTCTL_POOL_SIZE=4 and start the API again");
    } finally {
      await small.stop();
    }
  });
});

describe("diagnose performance where PostgreSQL has pg_stat_statements", () => {
  it("shows the slowest statements, those of others once it may", async ({ skip }) => {
    const folder = mkdtempSync(join(tmpdir(), "tenantctl-statements-"));
    chmodSync(folder, 0o755);
    const first = await startSystem15(folder);
    if ("missing" in first) return skip(first.missing);
    await withClient(first.superuserUrl, (client) =>
      client.query("alter system set shared_preload_libraries = 'pg_stat_statements'"),
    );
    await first.stop();
    const cluster = await startSystem15(folder);
    if ("missing" in cluster) return skip(cluster.missing);
    try {
      const database = await createMigratedDatabase({
        cluster: { name: "statements", adminUrl: cluster.superuserUrl },
      });
      const on = await startTestServer({ database });
      try {
        const asSuperuser = (sql: string) => {
          const url = new URL(cluster.superuserUrl);
          url.pathname = new URL(database.url).pathname;
          return withClient(url.href, (client) => client.query(sql));
        };
        expect((await diagnose(on, "performance")).item("statements")?.evidence).toContain(
          "create extension if not exists pg_stat_statements;",
        );
        await asSuperuser("create extension pg_stat_statements");
        await asSuperuser("do $$ begin for n in 1..12 loop perform pg_sleep(0.25); end loop; end $$");
        for (let calls = 0; calls < 11; calls += 1) await asSuperuser("select pg_sleep(0.25)");
        const own = await diagnose(on, "performance");
        const grant = own.item("statements")?.next ?? "";
        expect(grant).toMatch(/^grant pg_read_all_stats to ".*_operator";$/);
        await asSuperuser(grant);
        const all = await diagnose(on, "performance");
        expect(all.item("statements")).toMatchObject({ result: "warning" });
        expect(all.item("statements")?.evidence.join("\n")).toContain("select pg_sleep($1)");
      } finally {
        await on.stop();
      }
    } finally {
      await cluster.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
