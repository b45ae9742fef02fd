import { v7 as newId } from "uuid";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { build, sql } from "../src/build.ts";
import { openDatabase } from "../src/database.ts";
import { TransactionRolledBack } from "../src/database-error.ts";
import { operatorSession, readAsUser, writeAsLogin, writeAsOperator, writeAsUser } from "../src/entries.ts";
import { type OpenDatabase, openMigrated } from "./fixtures/open-migrated.ts";
import { refusalOf } from "./fixtures/sql-error.ts";
import { createSampleTenant, type SampleTenant } from "./fixtures/tenant-rows.ts";
import { openWire, type Wire } from "./fixtures/wire.ts";
import { describeOnEachCluster } from "./harness/clusters.ts";
import { withClient } from "./harness/database.ts";

const customerNames = build.selectFrom("app.customers").select("name").compile();
const openedSettings = sql<{ context: string | null }>`select current_setting('app.tenant_id', true) as context`;

describeOnEachCluster("scopes", (cluster) => {
  let opened: OpenDatabase;
  let wire: Wire;
  let alpha: SampleTenant;
  let user: Parameters<typeof readAsUser>[0];

  beforeAll(async () => {
    const direct = await openMigrated(cluster);
    await direct.db.close();
    wire = await openWire(direct.database.url);
    const db = await openDatabase({
      roleUrls: {
        tenant: wire.through(direct.roleUrls.tenant),
        operator: wire.through(direct.roleUrls.operator),
        jobs: direct.roleUrls.jobs,
      },
      poolSizes: { tenant: 1, operator: 1 },
    });
    opened = { ...direct, db };
  });

  beforeEach(async () => {
    alpha = await withClient(opened.database.url, (client) => createSampleTenant(client, `alpha-${newId()}`));
    user = { sessionId: alpha.sessionId, userId: alpha.userId, role: "tenant_admin" };
  });

  afterAll(async () => {
    await opened.db.close();
    await wire.close();
    await opened.database.drop();
  });

  const insertCustomer = (id: string, tenantId = alpha.id) =>
    build.insertInto("app.customers").values({ tenant_id: tenantId, id, name: "New" }).compile();

  const customersOf = (tenantId: string) =>
    opened.db
      .operator()
      .run(build.selectFrom("app.customers").select("id").where("tenant_id", "=", tenantId).compile())
      .then((rows) => rows.length);

  it("answer an authenticated read of a tenant in one round trip, prepared or not", async () => {
    const scope = opened.db.tenant(alpha.id, readAsUser(user), { readOnly: true });
    for (let use = 1; use <= 4; use += 1) {
      wire.reset();
      expect(await scope.run(customerNames)).toEqual([{ name: "O'Brien; --" }]);
      if (use > 1) {
        expect(wire.roundTrips, `use ${use}`).toBe(1); // the first one connects too
      }
    }
    // Bind and execute of begin, set local (parsed each time), the check, the statement and commit; one sync for all.
    expect(wire.messages.join("")).toBe("BE" + "PBE" + "BE" + "BE" + "BE" + "S");
  });

  it("take one round trip for each statement of a transaction, and one to commit", async () => {
    const scope = opened.db.tenant(alpha.id, writeAsUser(user));
    await scope.run(customerNames);
    wire.reset();
    await scope.transaction(async (transaction) => {
      await transaction.run(insertCustomer(newId()));
      await transaction.run(insertCustomer(newId()));
    });
    expect(wire.roundTrips).toBe(3);
    expect(await customersOf(alpha.id)).toBe(3);
  });

  it("take one round trip for all statements of a batch, and keep all of them or none", async () => {
    const scope = opened.db.tenant(alpha.id, writeAsUser(user));
    const id = newId();
    await scope.run(customerNames);
    wire.reset();
    expect(await scope.batch([insertCustomer(id), sql`select 7 as n`.compile(build)])).toEqual([[], [{ n: 7 }]]);
    expect(wire.roundTrips).toBe(1);
    expect(await refusalOf(scope.batch([insertCustomer(newId()), insertCustomer(id)]))).toBe("23505");
    const unwritable = sql`select ${{ big: 1n }}`.compile(build);
    await expect(scope.batch([insertCustomer(newId()), unwritable])).rejects.toThrow(TypeError);
    expect(await customersOf(alpha.id)).toBe(2);
  });

  it("send nothing for a transaction that runs nothing", async () => {
    wire.reset();
    expect(await opened.db.tenant(alpha.id, writeAsUser(user)).transaction(async () => "done")).toBe("done");
    expect(wire.messages).toEqual([]);
  });

  it("leave no row behind when the session has ended, though the insert was sent along", async () => {
    const id = newId();
    const scope = opened.db.tenant(alpha.id, writeAsUser(user));
    await scope.run(insertCustomer(newId())); // the control: the same statement works while the session lasts
    await withClient(opened.database.url, (client) =>
      client.query("update app.sessions set ended_at = now() where id = $1", [alpha.sessionId]),
    );
    expect(await refusalOf(scope.run(insertCustomer(id)))).toBe("session_ended");
    expect(await refusalOf(scope.transaction((transaction) => transaction.run(insertCustomer(id))))).toBe(
      "session_ended",
    );
    expect(await customersOf(alpha.id)).toBe(2);
  });

  it("throw the first error, not the ones that follow from it", async () => {
    const scope = opened.db.tenant(alpha.id, readAsUser({ ...user, sessionId: newId() }));
    expect(await refusalOf(scope.run(sql`select 1 / 0`.compile(build)))).toBe("session_ended");
    const other = opened.db.tenant(alpha.id, readAsUser(user));
    expect(await refusalOf(other.run(sql`select 1 / 0`.compile(build)))).toBe("22012");
  });

  it("refuse a write of another tenant's row, whatever the statement says", async () => {
    const beta = await withClient(opened.database.url, (client) => createSampleTenant(client, `beta-${newId()}`));
    const scope = opened.db.tenant(alpha.id, writeAsUser(user));
    expect(await refusalOf(scope.run(insertCustomer(newId(), beta.id)))).toBe("42501");
    expect(await customersOf(beta.id)).toBe(1);
  });

  it("roll back when the function fails, and keep nothing when a failed statement was ignored", async () => {
    const scope = opened.db.tenant(alpha.id, writeAsUser(user));
    await expect(
      scope.transaction(async (transaction) => {
        await transaction.run(insertCustomer(newId()));
        throw new Error("changed my mind");
      }),
    ).rejects.toThrow("changed my mind");
    const ignored = scope.transaction(async (transaction) => {
      await transaction.run(insertCustomer(newId()));
      await transaction.run(sql`select 1 / 0`.compile(build)).catch(() => undefined);
    });
    expect(await refusalOf(ignored)).toBe("22012");
    expect(await customersOf(alpha.id)).toBe(1);
  });

  it("throw when commit is answered with a rollback that no statement explains", async () => {
    const scope = opened.db.tenant(alpha.id, writeAsUser(user));
    const tag = (word: string) => {
      const message = Buffer.from(`C????${word}\0`, "latin1");
      message.writeInt32BE(message.length - 1, 1);
      return message.toString("latin1");
    };
    wire.tamper = (bytes) => Buffer.from(bytes.toString("latin1").replace(tag("COMMIT"), tag("ROLLBACK")), "latin1");
    const outcomes = await Promise.allSettled([
      scope.run(customerNames),
      scope.transaction((transaction) => transaction.run(customerNames)),
    ]);
    wire.tamper = undefined;
    expect(outcomes.map((outcome) => outcome.status === "rejected" && outcome.reason)).toEqual([
      expect.any(TransactionRolledBack),
      expect.any(TransactionRolledBack),
    ]);
  });

  it("report an error that only commit finds", async () => {
    await withClient(opened.database.url, (client) =>
      client.query("alter table app.sessions alter constraint sessions_user deferrable initially deferred"),
    );
    const orphan = build
      .insertInto("app.sessions")
      .values({
        tenant_id: alpha.id,
        id: newId(),
        user_id: newId(),
        refresh_hash: Buffer.from("x"),
        expires_at: new Date(),
      })
      .compile();
    expect(await refusalOf(opened.db.tenant(alpha.id, writeAsLogin()).run(orphan))).toBe("23503");
  });

  it("refuse statements after the transaction", async () => {
    let kept: { run: (query: typeof customerNames) => Promise<unknown> } | undefined;
    await opened.db.tenant(alpha.id, readAsUser(user)).transaction(async (transaction) => {
      kept = transaction;
      await transaction.run(customerNames);
    });
    await expect(kept?.run(customerNames)).rejects.toThrow("over");
  });

  it("accept only a UUID as the tenant", () => {
    expect(() => opened.db.tenant("x'; drop table app.users --", writeAsLogin())).toThrow(TypeError);
    expect(() => opened.db.operator(writeAsOperator())).toThrow(TypeError);
  });

  it("leave no context behind on the connection, and set it only as long as they last", async () => {
    const contexts = await opened.db.tenant(alpha.id, readAsUser(user)).run(openedSettings.compile(build));
    expect(contexts).toEqual([{ context: alpha.id }]);
    expect(await opened.db.operator(undefined, { tenantId: alpha.id }).run(openedSettings.compile(build))).toEqual(
      contexts,
    );
    expect(await opened.db.operator().run(openedSettings.compile(build))).toEqual([{ context: "" }]);
  });

  it("check an operator's session and the tenant's state in the same round trip", async () => {
    const claims = { sessionId: newId(), operatorId: newId() };
    const scope = opened.db.operator([operatorSession(claims), writeAsOperator()], { tenantId: alpha.id });
    const rename = build
      .updateTable("app.tenants")
      .set({ name: "Renamed" })
      .where("id", "=", alpha.id)
      .returning("name");
    expect(await refusalOf(scope.run(rename.compile()))).toBe("session_ended");
    await withClient(opened.database.url, async (client) => {
      await client.query("insert into app.operators (id, email, name) values ($1, $2, 'Root')", [
        claims.operatorId,
        `${claims.operatorId}@example.com`,
      ]);
      await client.query(
        "insert into app.operator_sessions (id, operator_id, refresh_hash, expires_at) values ($1, $2, 'x', 'infinity')",
        [claims.sessionId, claims.operatorId],
      );
    });
    wire.reset();
    expect(await scope.run(rename.compile())).toEqual([{ name: "Renamed" }]);
    expect(wire.roundTrips).toBe(1);
  });

  it("read bigint as exact numbers or fail, and dates as written", async () => {
    const read = (value: string) =>
      opened.db.operator().run(sql<{ v: unknown }>`select ${sql.raw(value)} as v`.compile(build));
    expect(await read("9007199254740991::bigint")).toEqual([{ v: 9007199254740991 }]);
    await expect(read("9007199254740992::bigint")).rejects.toThrow(RangeError);
    expect(await read("array[1, null, 3]::bigint[]")).toEqual([{ v: [1, null, 3] }]);
    expect(await read("'{}'::bigint[]")).toEqual([{ v: [] }]);
    expect(await read("date '2025-03-30'")).toEqual([{ v: "2025-03-30" }]);
  });

  it("prepare no statement where that is switched off", async () => {
    const db = await openDatabase({ roleUrls: opened.roleUrls, preparedStatements: false, poolSizes: { operator: 1 } });
    const prepared = sql<{ count: number }>`select count(*) as count from pg_prepared_statements`.compile(build);
    for (let use = 1; use <= 4; use += 1) {
      expect(await db.operator().run(prepared)).toEqual([{ count: 0 }]);
      await opened.db.operator().run(prepared);
    }
    await db.close();
    const [kept] = await opened.db.operator().run(prepared);
    expect(kept?.count).toBeGreaterThan(0);
  });

  it("go on over a migration that changes what a prepared statement returns", async () => {
    const scope = opened.db.tenant(alpha.id, readAsUser(user));
    const everything = build.selectFrom("app.customers").selectAll().compile();
    for (let use = 1; use <= 4; use += 1) await scope.run(everything);
    await withClient(opened.database.url, (client) => client.query("alter table app.customers add column vat text"));
    expect(await scope.run(everything)).toMatchObject([{ name: "O'Brien; --", vat: null }]);
  });
});
