import { randomUUID } from "node:crypto";
import { get as httpGet, type IncomingMessage } from "node:http";
import { ContractError } from "@tenantctl/contract";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { withClient } from "../../database/test/harness/database.ts";
import { describeError } from "../src/errors/describe-error.ts";
import { createErrorGroups } from "../src/errors/error-groups.ts";
import { plainMessage } from "../src/errors/plain-message.ts";
import { holdLock } from "./fixture/hold-row.ts";
import { createPausableDatabase } from "./fixture/pausable-database.ts";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

let server: TestServer;
let operator: string;
let tenant: Provisioned;
beforeAll(async () => {
  server = await startTestServer();
  operator = await server.operatorToken();
  tenant = await server.provision();
});
afterAll(() => server.stop());

const list = async (query = "") => {
  await server.app.errors.flush();
  const { status, body } = await server.request("GET", `/api/admin/errors${query}`, { token: operator });
  expect(status).toBe(200);
  return body;
};
const show = async (fingerprint: string) =>
  (await server.request("GET", `/api/admin/errors/${fingerprint}`, { token: operator })).body;
const resolve = (fingerprint: string, body = {}) =>
  server.request("POST", `/api/admin/errors/${fingerprint}/resolve`, { token: operator, body });
const faultyFunction = (message: string): TypeError => new TypeError(message);

describe("a message that is kept", () => {
  it.each([
    ["user 6fa459ea-ee8a-3ca4-894e-db77e160355e of 42 is gone", "user <id> of # is gone"],
    ["no mail for ann.o'neil+x@acme.example, sorry", "no mail for <email>, sorry"],
    ['invalid input syntax for type integer: "O\'Brien"', 'invalid input syntax for type integer: "…"'],
    ["there is no 'O'Brien' here", "there is no '…' here"],
    ["can't read the file", "can't read the file"],
    ["the name 'cut off in the mid", "the name '…'"],
    ["Key (email)=(ann at acme) already exists", "Key (email)=(…) already exists"],
    ["connect ECONNREFUSED 10.1.2.3:5432", "connect ECONNREFUSED #"],
    ["GET https://acme.example/a?b=secret failed", "GET <url> failed"],
    ["token tctl_0123456789abcdef is bad", "token # is bad"],
    ["key AbCdEfGhIjKlMnOpQrStUvWxYzAbCd is bad", "key <…> is bad"],
    ["a\u001b[31mred\u0007\r\n\u202etext\ud800", "a [# text"],
  ])("%j has no value of a request in it", (message, plain) => {
    expect(plainMessage(message)).toBe(plain);
  });

  it("is short, whatever its length, and read in no time", () => {
    for (const part of ["x", "'", '"', "a@", "1.", "=(", "`a ", "\u0000", "é "]) {
      expect(plainMessage(part.repeat(1_000_000)).length).toBeLessThanOrEqual(300);
    }
  });
});

describe("a kind of error", () => {
  it("is the same whoever meets it, and another at another place or with another code", () => {
    const kindOf = (message: string, code = "internal", place = "customers.list") =>
      describeError(faultyFunction(message), code, place).fingerprint;
    expect(kindOf("no row 17")).toBe(kindOf("no row 18"));
    expect(kindOf("no row 17")).not.toBe(kindOf("no column 17"));
    expect(kindOf("no row 17")).not.toBe(kindOf("no row 17", "internal", "customers.get"));
    expect(kindOf("no row 17")).not.toBe(kindOf("no row 17", "timeout"));
  });

  it("is that of its cause, without the message in its stack", () => {
    const hidden = "secret\n    at evil (file:///packages/secret.ts:1:1)";
    const kind = describeError(
      new ContractError("internal", "x", "y", { cause: faultyFunction(hidden) }),
      "internal",
      "p",
    );
    expect(kind.error).toBe("TypeError");
    expect(kind.stack).toContain("faultyFunction");
    expect(kind.stack).toMatch(/packages\/server\/test\/error-groups\.test\.ts/);
    expect(kind.stack).not.toContain("secret");
    expect(kind.stack).not.toContain(process.cwd());
  });

  it("can be told of anything that is thrown", () => {
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error("no");
        },
        getPrototypeOf: () => null,
      },
    );
    for (const thrown of [
      undefined,
      null,
      "text",
      5,
      Symbol("x"),
      {},
      [],
      hostile,
      Object.create(null),
      { message: {} },
    ]) {
      expect(describeError(thrown, "internal", "p").fingerprint).toMatch(/^[0-9a-f]{16}$/);
    }
  });
});

describe("what goes wrong in a request", () => {
  const faulty: string[] = [];
  afterEach(async () => {
    for (const statement of faulty.splice(0)) await server.asOwner(statement);
  });
  const breakCustomers = async (): Promise<void> => {
    await server.asOwner("alter table app.customers rename to customers_away");
    faulty.push("alter table app.customers_away rename to customers");
  };

  it("is one group, with its count, tenants, last request, and no value of a tenant", async () => {
    const other = await server.provision();
    await breakCustomers();
    const ids: (string | null)[] = [];
    for (const { token } of [tenant, tenant, other]) {
      const reply = await server.request("GET", `/api/customers?search=${tenant.slug}`, { token });
      expect(reply.status).toBe(500);
      ids.push(reply.headers.get("x-request-id"));
    }
    const [group] = await list("?route=customers.list");
    expect(group).toMatchObject({
      code: "internal",
      error: "error 42P01",
      source: "request",
      route: "customers.list",
      expected: false,
      message: 'relation "…" does not exist',
      occurrences: 3,
      tenants: 2,
      requestId: ids.at(-1),
      resolvedAt: null,
    });
    expect(Date.parse(group.firstSeenAt)).toBeLessThanOrEqual(Date.parse(group.lastSeenAt));
    const details = await show(group.fingerprint);
    expect(details.tenantIds.toSorted()).toEqual([tenant.id, other.id].toSorted());
    expect(JSON.stringify(details)).not.toContain(tenant.slug);
  });

  it("is resolved until it comes again", async () => {
    await breakCustomers();
    await server.request("GET", "/api/customers", { token: tenant.token });
    const [{ fingerprint, occurrences }] = await list("?route=customers.list");
    const first = await resolve(fingerprint, { note: "renamed back" });
    expect([first.status, first.body.resolvedBy]).toEqual([200, server.operator.email]);
    expect((await resolve(fingerprint)).body.resolvedAt).toBe(first.body.resolvedAt);
    expect(await list("?route=customers.list")).toEqual([]);
    expect((await list("?route=customers.list&all=true"))[0].resolvedAt).toBe(first.body.resolvedAt);
    await server.request("GET", "/api/customers", { token: tenant.token });
    const [again] = await list("?route=customers.list");
    expect(again).toMatchObject({ fingerprint, occurrences: occurrences + 1, resolvedAt: null, resolvedBy: null });
    expect(Date.parse(again.reopenedAt)).toBeGreaterThanOrEqual(Date.parse(first.body.resolvedAt));
  });

  it("is marked as expected where it is turned away under load, and listed with `all` alone", async () => {
    const letGo = await holdLock(server.database, "select pg_advisory_xact_lock(tenancy.lock_key($1))", [tenant.id]);
    const reply = await server.request("POST", "/api/customers", { token: tenant.token, body: { name: "Ann" } });
    await letGo();
    expect([reply.status, reply.body.code]).toEqual([503, "tenant_busy"]);
    expect(await list("?code=tenant_busy")).toEqual([]);
    expect((await list("?code=tenant_busy&all=true"))[0]).toMatchObject({ expected: true, route: "customers.create" });
  });

  it("is known to metrics by its code", async () => {
    const before = server.app.errors.counts.get("internal") ?? 0;
    await breakCustomers();
    await server.request("GET", "/api/customers", { token: tenant.token });
    expect(server.app.errors.counts.get("internal")).toBe(before + 1);
  });

  it.each(["0123456789abcdef", "0000000000000001"])("is not found as %s", async (fingerprint) => {
    expect((await show(fingerprint)).code).toBe("not_found");
    expect((await resolve(fingerprint)).status).toBe(404);
  });
});

describe("what goes wrong otherwise", () => {
  it("in background work is grouped under its name", async () => {
    await server.asOwner("alter table app.usage_minutes rename to usage_away");
    try {
      await server.request("GET", "/api/customers", { token: tenant.token });
      await server.app.meter.flush();
    } finally {
      await server.asOwner("alter table app.usage_away rename to usage_minutes");
    }
    expect((await list("?route=usage metering"))[0]).toMatchObject({
      source: "job",
      code: "internal",
      requestId: null,
    });
  });

  it("in a document that has begun to leave is grouped as a stream", async () => {
    await server.asOwner(
      "insert into app.customers (tenant_id, id, name, notes) select $1, gen_random_uuid(), 'C', repeat('x', 1000) from generate_series(1, 50000)",
      [tenant.id],
    );
    // Its first bytes are there, and nobody reads on.
    const response = await new Promise<IncomingMessage>((begun, failed) => {
      const headers = { authorization: `Bearer ${tenant.token}` };
      httpGet(new URL("/api/tenants/export", server.url), { headers, agent: false }, begun).on("error", failed);
    });
    expect(response.statusCode).toBe(200);
    await withClient(server.database.cluster.adminUrl, (client) =>
      client.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name like '%tenantStream' and datname = $1 and state <> 'idle'",
        [server.database.name],
      ),
    );
    await expect(response.toArray()).rejects.toThrow();
    const [group] = await until("the broken export's group", async () => {
      const found = await list("?route=tenants.export");
      return found.length > 0 ? found : undefined;
    });
    expect(group).toMatchObject({ source: "stream", tenants: 1 });
  });
});

describe("faults", () => {
  const counting = (): { sum(): Promise<number>; prefix: string } => {
    const prefix = `test ${randomUUID()}`;
    return {
      prefix,
      sum: async () =>
        Number(
          (
            await server.asOwner("select coalesce(sum(occurrences), 0) as n from app.error_groups where place = $1", [
              prefix,
            ])
          )[0].n,
        ),
    };
  };

  it("a database that is away is on record once it is back, and nothing that came meanwhile is lost", async () => {
    const behind = await createPausableDatabase();
    const away = await startTestServer({ database: behind.database });
    try {
      const { token } = await away.provision();
      behind.pause();
      behind.cut();
      const replies = await Promise.all(
        ["a", "b", "c"].map((search) => away.request("GET", `/api/customers?search=${search}`, { token })),
      );
      expect(replies.map(({ body }) => body.code)).toEqual(Array(3).fill("database_unavailable"));
      for (let time = 0; time < 5000; time += 1) {
        away.app.errors.add({
          error: new Error(`kind ${"abcdefghij"[time % 10]}`),
          source: "job",
          place: "while away",
        });
      }
      behind.resume();
      const groups = await until("the groups to be written", async () => {
        await away.app.errors.flush();
        const found = await away.asOwner("select place, code, occurrences::int from app.error_groups");
        return found.length > 0 ? found : undefined;
      });
      expect(groups).toContainEqual(expect.objectContaining({ place: "customers.list", code: "database_unavailable" }));
      const of = (place: string) =>
        groups.filter((group) => group.place === place).reduce((sum, { occurrences }) => sum + occurrences, 0);
      expect([of("customers.list"), of("while away")]).toEqual([3, 5000]);
    } finally {
      await away.stop();
      await behind.drop();
    }
  });

  it("more kinds than are told apart are counted in one that says so; memory and table stay bounded", async () => {
    const errors = createErrorGroups(server.app.db, server.app.log);
    const words = Array.from({ length: 26 }, (_, index) => String.fromCharCode(97 + index));
    const place = `many ${randomUUID()}`;
    for (const a of words)
      for (const b of words)
        for (const c of words.slice(0, 3)) {
          errors.add({ error: new Error(`${a} ${b} ${c}`), source: "job", place });
        }
    await errors.close();
    const [row] = await server.asOwner(
      "select count(*)::int as kinds, sum(occurrences)::int as sum from app.error_groups where place = $1",
      [place],
    );
    expect(row).toEqual({ kinds: 1000, sum: 1000 });
    const [rest] = await server.asOwner(
      "select occurrences::int, message from app.error_groups where fingerprint = $1",
      ["0".repeat(16)],
    );
    expect(rest.occurrences).toBeGreaterThanOrEqual(26 * 26 * 3 - 1000);
    expect(rest.message).toContain("not told apart");

    await server.asOwner(
      `insert into app.error_groups (fingerprint, code, error, source, place, expected, message, version, occurrences, first_seen_at, last_seen_at)
        select '1' || lpad(to_hex(n), 15, '0'), 'internal', 'Error', 'job', 'filler', false, 'x', '1', 1, now(), now() from generate_series(1, 10000) n`,
    );
    const full = counting();
    server.app.errors.add({ error: new Error("one too many"), source: "job", place: full.prefix });
    await server.app.errors.flush();
    expect(await full.sum()).toBe(0);
    await server.asOwner("delete from app.error_groups where place = 'filler'");
    server.app.errors.add({ error: new Error("one too many"), source: "job", place: full.prefix });
    await server.app.errors.flush();
    expect(await full.sum()).toBe(1);
  });

  it("two processes that meet the same kind at once lose nothing", async () => {
    const { prefix, sum } = counting();
    const processes = [
      createErrorGroups(server.app.db, server.app.log),
      createErrorGroups(server.app.db, server.app.log),
    ];
    for (let round = 0; round < 20; round += 1) {
      for (const each of processes) {
        for (const word of ["a", "b", "c"]) each.add({ error: new Error(word), source: "job", place: prefix });
      }
      await Promise.all(processes.map((each) => each.flush()));
    }
    await Promise.all(processes.map((each) => each.close()));
    expect(await sum()).toBe(120);
  });

  it("messages of a megabyte full of control characters are kept short and harmless", async () => {
    const { prefix } = counting();
    server.app.errors.add({
      error: new Error("\u0000\u001b[2J\ud800\n".repeat(200_000)),
      source: "job",
      place: prefix,
    });
    server.app.errors.add({
      error: Object.assign(new Error("x"), { name: "\u001b".repeat(1_000_000), code: {} }),
      source: "job",
      place: prefix,
    });
    const groups = await list(`?route=${prefix}`);
    expect(groups).toHaveLength(2);
    for (const group of groups) {
      expect(JSON.stringify(await show(group.fingerprint)).length).toBeLessThan(10_000);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: there must be none
      expect(group.message + group.error).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    }
  });

  it("a clock that was ahead neither keeps a kind for ever nor keeps it resolved", async () => {
    const { prefix } = counting();
    const meet = async () => {
      server.app.errors.add({ error: new Error("again"), source: "job", place: prefix });
      return (await list(`?route=${prefix}&all=true`))[0];
    };
    const { fingerprint } = await meet();
    await server.asOwner(
      "update app.error_groups set last_seen_at = now() + interval '5 years', resolved_at = now() + interval '5 years', resolved_by = 'x' where fingerprint = $1",
      [fingerprint],
    );
    const again = await meet();
    expect(again.resolvedAt).toBeNull();
    expect(Date.parse(again.lastSeenAt)).toBeLessThan(Date.now() + 3_600_000);
    await server.asOwner(
      "update app.error_groups set last_seen_at = now() + interval '5 years' where fingerprint = $1",
      [fingerprint],
    );
    await server.asOwner("select app.forget_old_errors()");
    expect(Date.parse((await show(fingerprint)).lastSeenAt)).toBeLessThan(Date.now() + 3_600_000);
  });

  it("are forgotten 90 days after they were last seen", async () => {
    const { prefix, sum } = counting();
    server.app.errors.add({ error: new Error("old"), source: "job", place: prefix });
    await server.app.errors.flush();
    await server.asOwner("update app.error_groups set last_seen_at = now() - interval '89 days' where place = $1", [
      prefix,
    ]);
    await server.asOwner("select app.forget_old_errors()");
    expect(await sum()).toBe(1);
    await server.asOwner("update app.error_groups set last_seen_at = now() - interval '91 days' where place = $1", [
      prefix,
    ]);
    await server.asOwner("select app.forget_old_errors()");
    expect(await sum()).toBe(0);
  });
});
