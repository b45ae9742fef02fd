import { type RouteId, routeIds } from "@tenantctl/contract";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkAnswer } from "../fixture/contract-answer.ts";
import type { Reply } from "../fixture/server.ts";
import { allowedKinds, type Body, callerFor, prepare, routesWith, scopesFor, send, shapeOf } from "./calls.ts";
import { isExcepted, unneeded } from "./exceptions.ts";
import { problemCode } from "./problem-answer.ts";
import { storedState } from "./stored.ts";
import { type Caller, callerKinds, makeWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world?.stop());

const absent = "01890000-0000-7000-8000-00000000dead";

const codeOf = ({ status, text, headers }: Reply<Body>): string =>
  problemCode({ status, text, header: (name) => headers.get(name) });

/** All that a caller sees of an answer but what tells one request from another. */
const eachTime = new Set(["date", "x-request-id", "ratelimit-remaining", "ratelimit-reset"]);
const withoutRequest = ({ status, text, headers, body }: Reply<Body>) => {
  const kept = [...headers].filter(([name]) => !eachTime.has(name));
  return { status, text: text.replaceAll(body.requestId ?? "-", "-"), headers: kept };
};

const guarded = routesWith(({ access }) => access.kind !== "public");
const ofTenants = routesWith(({ access }) => access.kind === "tenant");

describe("without credentials", () => {
  test.each(guarded)("%s answers 401, whatever else is wrong with the call", async (id) => {
    const nobody = await world.caller("anonymous", world.own, []);
    const params = Object.fromEntries(Object.keys(shapeOf(id).params?.properties ?? {}).map((name) => [name, "x"]));
    for (const headers of [{}, { authorization: "Basic cm9vdDpyb290" }, { authorization: "Bearer" }]) {
      const reply = await send(world, id, nobody, { params, headers, query: { unknown: 1 }, body: { unknown: 1 } });
      expect([reply.status, codeOf(reply)]).toEqual([401, "unauthenticated"]);
      expect(reply.headers.get("www-authenticate")).toMatch(/^Bearer/);
    }
  });
});

describe("with the wrong role", () => {
  test.each(guarded)("%s answers 403", async (id) => {
    const { access } = shapeOf(id);
    const wrong = callerKinds.filter((kind) => kind !== "anonymous" && !allowedKinds(access).includes(kind));
    for (const kind of wrong) {
      const caller = await world.caller(kind, world.own, scopesFor(access, "all but it"));
      const reply = await send(world, id, caller, { params: { id: world.own.id, name: "pro" }, body: {} });
      expect([kind, reply.status, codeOf(reply)]).toEqual([kind, 403, "forbidden"]);
    }
  });
});

describe("with a token that has every scope but the route's", () => {
  test.each(guarded.filter((id) => allowedKinds(shapeOf(id).access).includes("operatorToken")))(
    "%s answers 403",
    async (id) => {
      const { access } = shapeOf(id);
      for (const kind of allowedKinds(access)) {
        if (kind !== "operatorToken" && kind !== "tenantToken") continue;
        const caller = await world.caller(kind, world.own, scopesFor(access, "all but it"));
        const prepared = await prepare(world, id, caller);
        const before = await storedState(world);
        const reply = await send(world, id, caller, prepared);
        expect([kind, reply.status, codeOf(reply)]).toEqual([kind, 403, "scope_missing"]);
        expect(await storedState(world)).toEqual(before);
      }
    },
  );
});

describe("fields and parameters that are not in the contract", () => {
  test.each(routeIds)("%s refuses them", async (id) => {
    const shape = shapeOf(id);
    const [kind = "operator"] = allowedKinds(shape.access).toReversed();
    const caller = await callerFor(world, id, kind);
    const prepared = await prepare(world, id, caller);
    const before = await storedState(world);
    const query = await send(world, id, caller, { ...prepared, query: { ...prepared.query, unknown: "1" } });
    expect([query.status, codeOf(query)]).toEqual([400, "invalid_request"]);
    expect(query.text).toContain("querystring.unknown");
    if (shape.method !== "GET" && shape.upload === undefined) {
      const body = await send(world, id, caller, { ...prepared, body: { ...prepared.body, unknown: 1 } });
      expect([body.status, codeOf(body)]).toEqual([400, "invalid_request"]);
      expect(body.text).toContain("body.unknown");
    }
    expect(await storedState(world)).toEqual(before);
    // The control: it is only the unknown field that was wrong.
    const control = await send(world, id, caller, prepared);
    checkAnswer(id, control.status, control.body);
  });
});

/** Sends what a caller may not reach beside what is not there: the answers have to be the same. */
const expectSameAs404 = async (id: RouteId, caller: Caller, foreign: object, missing: object): Promise<void> => {
  const before = await storedState(world);
  const [reply, control] = [await send(world, id, caller, foreign), await send(world, id, caller, missing)];
  expect([reply.status, codeOf(reply)]).toEqual([404, expect.stringMatching(/^(tenant_)?not_found$/)]);
  expect(withoutRequest(reply)).toEqual(withoutRequest(control));
  expect(await storedState(world)).toEqual(before);
};

describe("another tenant", () => {
  test.each(ofTenants)("%s: its id in tenantId= answers as one that is not there", async (id) => {
    for (const kind of allowedKinds(shapeOf(id).access)) {
      if (kind === "operator" || kind === "operatorToken") continue;
      const caller = await callerFor(world, id, kind);
      const owner = await callerFor(world, id, kind, world.other);
      const prepared = await prepare(world, id, owner, world.other);
      const at = (tenantId: string) => ({ ...prepared, query: { ...prepared.query, tenantId } });
      await expectSameAs404(id, caller, at(world.other.id), at(absent));
      await expectSameAs404(id, caller, at(world.other.slug), at(absent));
      // The control: it is there, for those whose it is.
      const control = await send(world, id, owner, at(world.other.id), world.other);
      checkAnswer(id, control.status, control.body);
    }
  });

  test.each(ofTenants.filter((id) => shapeOf(id).params !== undefined))(
    "%s: the ids of what it holds answer as ids of nothing",
    async (id) => {
      for (const kind of allowedKinds(shapeOf(id).access)) {
        const caller = await callerFor(world, id, kind);
        const owner = await callerFor(world, id, kind, world.other);
        const prepared = await prepare(world, id, owner, world.other);
        await expectSameAs404(id, caller, prepared, { ...prepared, params: { id: absent } });
        const control = await send(world, id, owner, prepared, world.other);
        checkAnswer(id, control.status, control.body);
      }
    },
  );

  test.each(routesWith(({ access, query }) => access.kind !== "public" && query?.properties.tenantId !== undefined))(
    "%s: a tenant that is not there is not found for an operator either",
    async (id) => {
      const caller = await callerFor(world, id, "operator");
      const prepared = await prepare(world, id, caller);
      for (const tenantId of [absent, "no-such-slug", "Not A Slug", "00000000-0000-7000-8000-000000000000", "system"]) {
        const reply = await send(world, id, caller, { ...prepared, query: { ...prepared.query, tenantId } });
        if (tenantId === "system" && reply.status === 200 && isExcepted(id, "the system is no tenant")) continue;
        expect([tenantId, reply.status, codeOf(reply)]).toEqual([tenantId, 404, "tenant_not_found"]);
      }
    },
  );

  test.each(routesWith(({ access, params }) => access.kind === "operator" && params?.properties.id !== undefined))(
    "%s: an id in the path that is not there is not found",
    async (id) => {
      const caller = await callerFor(world, id, "operator");
      const prepared = await prepare(world, id, caller);
      const reply = await send(world, id, caller, { ...prepared, params: { id: absent } });
      const answered = [reply.status, codeOf(reply)];
      if (answered[0] !== 404 && isExcepted(id, "an id that is not there is not found")) {
        expect(answered).toEqual([409, "lease_lost"]);
        return;
      }
      expect(answered).toEqual([404, expect.stringMatching(/^(tenant_)?not_found$/)]);
    },
  );

  test("no exception from that is left that is not needed", () => {
    expect(unneeded(["an id that is not there is not found", "the system is no tenant"])).toEqual([]);
  });

  test("an operator has to say which tenant a tenant's route is about", async () => {
    for (const id of ofTenants) {
      const { access } = shapeOf(id);
      if (access.kind !== "tenant" || !access.operatorNeedsTenant) continue;
      const caller = await callerFor(world, id, "operator");
      const { query: _, ...prepared } = await prepare(world, id, caller);
      const reply = await world.server.request<Body>(
        shapeOf(id).method,
        shapeOf(id).path.replace(":id", prepared.params?.id ?? ""),
        {
          token: world.operatorToken,
          ...(prepared.body === undefined ? {} : { body: prepared.body }),
        },
      );
      expect([id, reply.status, codeOf(reply)]).toEqual([id, 400, "tenant_required"]);
    }
  });
});
