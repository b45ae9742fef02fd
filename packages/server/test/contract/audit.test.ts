import { type RouteId, routeIds } from "@tenantctl/contract";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkAnswer } from "../fixture/contract-answer.ts";
import type { Reply } from "../fixture/server.ts";
import { allowedKinds, type Body, callerFor, prepare, routesWith, send, shapeOf } from "./calls.ts";
import { isExcepted, unneeded } from "./exceptions.ts";
import { problemCode } from "./problem-answer.ts";
import { type Prepared, routeCases } from "./route-cases.ts";
import { auditOfSuccess, type StoredAudit, storedState, withoutAuditLog } from "./stored.ts";
import { type Caller, callerKinds, makeWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world?.stop());

const noTenant = "00000000-0000-7000-8000-000000000000";
const audited = routesWith(({ audit }) => audit !== undefined);

/** Does something and answers the rows that this has added to the audit log. */
const rowsOf = async <T>(work: () => Promise<T>): Promise<{ result: T; rows: StoredAudit[] }> => {
  const before = await auditOfSuccess(world);
  const result = await work();
  const after = await auditOfSuccess(world);
  return { result, rows: after.slice(before.length) };
};

const codeOf = ({ status, text, headers }: Reply<Body>): string =>
  problemCode({ status, text, header: (name) => headers.get(name) });

/** The one row that a call has to leave, from what the contract says of its route. */
const expectedRow = (id: RouteId, caller: Caller, prepared: Prepared, reply: Reply<Body>): object => {
  const { access, audit } = shapeOf(id);
  const actor = prepared.actor ?? caller.actor;
  const made = reply.body.kind === undefined ? reply.body.id : reply.body.tenantId;
  const provisioned = ["tenants.provision", "restores.create", "imports.create"].includes(id) ? made : undefined;
  const ownLog = access.kind === "tenant" ? world.own.id : noTenant;
  return {
    action: audit?.action,
    outcome: "success",
    request_id: reply.headers.get("x-request-id"),
    tenant_id: prepared.auditTenant ?? provisioned ?? ownLog,
    actor_type: actor.type,
    actor_id: actor.id,
    actor_name: expect.stringMatching(/./),
  };
};

describe("a call that works", () => {
  const calls = routeIds.flatMap((id) => allowedKinds(shapeOf(id).access).map((kind) => [id, kind] as const));

  test.each(calls)("%s by %s answers what the contract says and is audited once", async (id, kind) => {
    const shape = shapeOf(id);
    const caller = await callerFor(world, id, kind);
    const prepared = await prepare(world, id, caller);
    const { result: reply, rows } = await rowsOf(() => send(world, id, caller, prepared));
    checkAnswer(id, reply.status, reply.body);
    expect(reply.status).toBeLessThan(300);
    if (shape.method === "GET" && rows.length > 0) expect(isExcepted(id, "a read writes no audit row")).toBe(true);
    if (shape.audit === undefined) {
      expect(rows).toEqual([]);
      if (shape.method !== "GET") expect(isExcepted(id, "a mutation declares its audit row")).toBe(true);
      return;
    }
    expect(rows).toEqual([expect.objectContaining(expectedRow(id, caller, prepared, reply))]);
    if (rows[0]?.resource_type !== shape.audit.resourceType) {
      expect(rows[0]?.resource_type).toBe("operator");
      expect(isExcepted(id, "the audit row is of the route's resource type")).toBe(true);
    }
  });

  test("no exception is left that is not needed", () => {
    const rules = [
      "a mutation declares its audit row",
      "a read writes no audit row",
      "the audit row is of the route's resource type",
    ] as const;
    expect(unneeded(rules)).toEqual([]);
  });

  test("every kind of caller was among them", () => {
    expect(new Set(calls.map(([, kind]) => kind))).toEqual(new Set(callerKinds));
  });
});

describe("a call that changes nothing", () => {
  test.each(routesWith(({ query }) => query?.properties.dryRun !== undefined))(
    "%s as a dry run writes nothing, and says what would be",
    async (id) => {
      const caller = await callerFor(world, id, "operator");
      const prepared = await prepare(world, id, caller);
      const before = await storedState(world);
      const rehearsed = await send(world, id, caller, { ...prepared, query: { ...prepared.query, dryRun: true } });
      checkAnswer(id, rehearsed.status, rehearsed.body);
      const { dryRun = rehearsed.body.result?.dryRun } = rehearsed.body;
      expect([rehearsed.status, dryRun]).toEqual([200, true]);
      expect(await storedState(world)).toEqual(before);
      const { rows } = await rowsOf(() => send(world, id, caller, prepared));
      expect(rows).toHaveLength(1);
    },
  );

  test.each(routesWith(({ idempotencyKey }) => idempotencyKey === true))("%s replays its answer", async (id) => {
    const caller = await callerFor(world, id, "operator");
    const call = { ...(await prepare(world, id, caller)), headers: { "idempotency-key": world.fresh("key") } };
    const first = await send(world, id, caller, call);
    checkAnswer(id, first.status, first.body);
    const before = await storedState(world);
    const again = await send(world, id, caller, call);
    expect([again.status, again.body]).toEqual([first.status, first.body]);
    const other = await send(world, id, caller, { ...call, body: { ...call.body, name: "Something else" } });
    expect([other.status, codeOf(other)]).toEqual([422, "idempotency_mismatch"]);
    expect(await storedState(world)).toEqual(before);
  });

  test.each(audited)("%s a second time", async (id) => {
    const [kind = "operator"] = allowedKinds(shapeOf(id).access).toReversed();
    const caller = await callerFor(world, id, kind);
    const prepared = await prepare(world, id, caller);
    const first = await send(world, id, caller, prepared);
    checkAnswer(id, first.status, first.body);
    const before = await storedState(world);
    const { result: again, rows } = await rowsOf(() => send(world, id, caller, prepared));
    const routeCase = routeCases[id];
    if (!("again" in routeCase)) throw new Error(`${id} does not say what a repeat does`);
    if (routeCase.again === "refused") codeOf(again);
    else checkAnswer(id, again.status, again.body);
    expect(rows).toHaveLength(routeCase.again === "changes" ? 1 : 0);
    if (routeCase.again !== "changes") expect(await storedState(world)).toEqual(before);
  });
});

describe("when its audit row cannot be written", () => {
  test.each(audited)("%s leaves nothing behind", async (id) => {
    const [kind = "operator"] = allowedKinds(shapeOf(id).access);
    const caller = await callerFor(world, id, kind);
    const prepared = await prepare(world, id, caller);
    const before = await storedState(world);
    const reply = await withoutAuditLog(world, () => send(world, id, caller, prepared));
    codeOf(reply);
    const after = await storedState(world);
    // That a restore was tried and failed is on record as an operation.
    const attempt = id === "restores.create" || id === "imports.create" ? { operations: after.operations } : {};
    expect(after).toEqual({ ...before, ...attempt });
    // The control: nothing else stood in its way.
    const control = await send(world, id, caller, prepared);
    checkAnswer(id, control.status, control.body);
  });
});
