import type { RouteId } from "@tenantctl/contract";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { asOwner } from "../fixture/as-owner.ts";
import { checkAnswer } from "../fixture/contract-answer.ts";
import type { Reply } from "../fixture/server.ts";
import { type Part, partOf } from "./bad-values.ts";
import { allowedKinds, type Body, callerFor, prepare, routesWith, type Sent, send, shapeOf } from "./calls.ts";
import { problemCode } from "./problem-answer.ts";
import { routeCases } from "./route-cases.ts";
import { objectOf, validatorOf } from "./schema-values.ts";
import { storedState } from "./stored.ts";
import { makeWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world?.stop());
// A body that says nothing more puts the whole system in maintenance.
afterEach(() => world.must("DELETE", "/api/admin/maintenance"));
// `all` among the generated ones suspends the tenants that the next test begins with.
afterEach(() => world.must("POST", `/api/admin/tenants/${world.own.id}/reactivate`));
// Wrong passwords among the generated ones must not lock out the logins that tests begin with.
afterEach(() => asOwner(world.server.database, (client) => client.query("delete from app.login_throttles")));

const codeOf = ({ status, text, headers }: Reply<Body>): string =>
  problemCode({ status, text, header: (name) => headers.get(name) });

/** Sends to a route that would work as prepared, with parts of it in place of what was prepared. */
const targetFor = async (id: RouteId): Promise<(change: Pick<Sent, "query" | "body">) => Promise<Reply<Body>>> => {
  const kinds = allowedKinds(shapeOf(id).access);
  const caller = await callerFor(world, id, kinds.includes("operator") ? "operator" : "anonymous");
  let prepared = await prepare(world, id, caller);
  return async ({ query, body }) => {
    const reply = await send(world, id, caller, {
      ...prepared,
      ...(query === undefined ? {} : { query }),
      ...(body === undefined ? {} : { body: { ...prepared.body, ...body } }),
    });
    const routeCase = routeCases[id];
    // What it was about is used up.
    if (reply.status < 300 && "again" in routeCase && routeCase.again === "refused") {
      prepared = await prepare(world, id, caller);
    }
    return reply;
  };
};

/** One or two fields, to stand in place of those that work: with all fields at once something is refused too soon. */
const someFields = ({ properties = {} }: Part) => {
  const fields = Object.entries(properties);
  return fc
    .subarray(fields, { minLength: Math.min(1, fields.length), maxLength: Math.min(2, fields.length) })
    .chain((some) => objectOf({ properties: Object.fromEntries(some), required: some.map(([name]) => name) }));
};

/** Tenants by name are tried elsewhere; here the call is about one that is there. */
const queryOf = (id: RouteId) => {
  const { properties = {} } = partOf(shapeOf(id).query);
  const { tenantId: _, ...others } = properties;
  return objectOf({ properties: others }) as fc.Arbitrary<Record<string, string | number | boolean>>;
};

const bodyRoutes = routesWith(({ body }) => body !== undefined);

describe("whatever the schemas take", () => {
  test.each([...new Set([...bodyRoutes, ...routesWith(({ query }) => query !== undefined)])])(
    "%s answers as the contract says",
    async (id) => {
      const { body } = shapeOf(id);
      const generated = fc.record({ query: queryOf(id), body: someFields(partOf(body)) });
      const call = await targetFor(id);
      await fc.assert(
        fc.asyncProperty(generated, async ({ query, body: sent }) => {
          const reply = await call(body === undefined ? { query } : { query, body: sent });
          expect(reply.status, reply.text).toBeLessThan(500);
          if (reply.status < 300) checkAnswer(id, reply.status, reply.body);
          else codeOf(reply);
        }),
        { numRuns: 20 },
      );
    },
  );
});

describe("whatever they do not take", () => {
  const anything = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom(null, -1, -0, 1.5, 2 ** 53, Number.MAX_VALUE, "", "\0", "\n", [], {}, true, "x".repeat(20_000)),
  );

  test.each(bodyRoutes)("%s refuses it, and writes nothing", async (id) => {
    const part = partOf(shapeOf(id).body);
    const takes = validatorOf(part);
    const names = Object.keys(part.properties ?? {});
    const spoilt = fc
      .tuple(objectOf(part), fc.oneof(fc.constantFrom(...names), fc.string()), anything)
      .map(([body, name, value]) => Object.fromEntries([...Object.entries(body), [name, value]]));
    const call = await targetFor(id);
    const before = await storedState(world);
    await fc.assert(
      fc.asyncProperty(
        spoilt.filter((body) => !takes(JSON.parse(JSON.stringify(body)))),
        async (body) => {
          const reply = await call({ body });
          expect([400, 413]).toContain(reply.status);
          expect(codeOf(reply)).toMatch(/^(invalid_request|malformed_json|body_too_large)$/);
        },
      ),
      { numRuns: 50 },
    );
    expect(await storedState(world)).toEqual(before);
  });
});
