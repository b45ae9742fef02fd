import { pathOf, type RouteId, routeIds } from "@tenantctl/contract";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { checkAnswer } from "../fixture/contract-answer.ts";
import { type Part, partOf, wrongFor, wrongInPath, wrongInQuery } from "./bad-values.ts";
import { allowedKinds, callerFor, prepare, routesWith, send, shapeOf, targetOf } from "./calls.ts";
import { type Answered, problemCode } from "./problem-answer.ts";
import { type Raw, sendBytes, sendRaw } from "./raw-request.ts";
import type { Prepared } from "./route-cases.ts";
import { storedState } from "./stored.ts";
import { type Caller, makeWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world?.stop());
// A body that says nothing more puts the whole system in maintenance.
afterEach(() => world.must("DELETE", "/api/admin/maintenance"));

const json = { "content-type": "application/json" };

interface Target {
  readonly caller: Caller;
  readonly prepared: Prepared;
  /** Sends to the route with its rightful caller. */
  readonly raw: (change: Partial<Raw>) => Promise<Answered>;
  /** Its path with the parameters and the query that work. */
  readonly path: string;
}

/** A route that would work as prepared: what is refused is refused for what is changed. */
const targetFor = async (id: RouteId): Promise<Target> => {
  const kinds = allowedKinds(shapeOf(id).access);
  const caller = await callerFor(world, id, kinds.includes("operator") ? "operator" : "anonymous");
  const prepared = await prepare(world, id, caller);
  const path = targetOf(id, caller, prepared, world.own);
  const token = prepared.token ?? caller.token;
  const authorization: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const document: Record<string, string> =
    prepared.upload === undefined ? {} : { "content-type": prepared.upload.type };
  return {
    caller,
    prepared,
    path,
    raw: ({ headers, ...change }) =>
      sendRaw(world.server.url, {
        method: shapeOf(id).method,
        path,
        headers: { ...authorization, ...document, ...headers },
        ...(prepared.upload === undefined ? {} : { body: prepared.upload.body }),
        ...change,
      }),
  };
};

/** Fails unless the answer is a problem with one of these codes. */
const expectRefusal = (what: string, answer: Answered, codes: readonly string[]): void => {
  let code: string;
  try {
    code = problemCode(answer);
  } catch (cause) {
    throw new Error(what.slice(0, 200), { cause });
  }
  if (!codes.includes(code)) throw new Error(`${what.slice(0, 200)}: ${answer.text.slice(0, 500)}`);
};

/** Runs `work` and fails if anything was written by it. */
const expectNothingWritten = async (work: () => Promise<void>): Promise<void> => {
  const before = await storedState(world);
  await work();
  expect(await storedState(world)).toEqual(before);
};

const bodyRoutes = routesWith(({ method, upload }) => method !== "GET" && upload === undefined);
const nested = 200_000;

/** Bodies that no route takes: the bytes, their type, and the code they are refused with. */
const wrongBodies: readonly (readonly [string, string | Uint8Array, Readonly<Record<string, string>>, string])[] = [
  ["half an object", '{"a":', json, "malformed_json"],
  ["no JSON", "name=x", json, "malformed_json"],
  ["single quotes", "{'a': 1}", json, "malformed_json"],
  ["NaN", '{"a": NaN}', json, "malformed_json"],
  ["a NUL", '{"a": "\0"}', json, "malformed_json"],
  ["broken UTF-8", Buffer.from([...Buffer.from('{"name":"'), 0xff, ...Buffer.from('"}')]), json, "malformed_json"],
  ["half a character", '{"name": "\\ud800"}', json, "malformed_json"],
  ["the other half", '{"\\udc00": 1}', json, "malformed_json"],
  ["a prototype", '{"__proto__": {"role": "tenant_admin"}}', json, "malformed_json"],
  ["a constructor's prototype", '{"constructor": {"prototype": {"a": 1}}}', json, "malformed_json"],
  ["a constructor", '{"constructor": 1}', json, "invalid_request"],
  ["toString", '{"toString": "x"}', json, "invalid_request"],
  ["an array", "[]", json, "invalid_request"],
  ["a text", '"text"', json, "invalid_request"],
  ["a number", "-0", json, "invalid_request"],
  ["true", "true", json, "invalid_request"],
  ["null", "null", json, "invalid_request"],
  ["nested arrays", "[".repeat(nested) + "]".repeat(nested), json, "invalid_request"],
  ["nested objects", `${'{"a":'.repeat(nested / 2)}1${"}".repeat(nested / 2)}`, json, "invalid_request"],
  ["a form", "name=x", { "content-type": "application/x-www-form-urlencoded" }, "unsupported_media_type"],
  ["plain text", "{}", { "content-type": "text/plain" }, "unsupported_media_type"],
  ["XML", "<a/>", { "content-type": "application/xml" }, "unsupported_media_type"],
  ["no type", "{}", {}, "unsupported_media_type"],
  ["an unreadable type", "{}", { "content-type": "%%%" }, "unsupported_media_type"],
];

/** `body` as JSON with one field in place of what is there, written as `text`. */
const withField = (body: Readonly<Record<string, unknown>>, name: string, text: string): string => {
  const { [name]: _, ...rest } = body;
  const others = JSON.stringify(rest).slice(1, -1);
  return `{${others}${others === "" ? "" : ","}${JSON.stringify(name)}:${text}}`;
};

describe("a body", () => {
  test.each(bodyRoutes)("of %s that is none is refused", async (id) => {
    const { raw } = await targetFor(id);
    await expectNothingWritten(async () => {
      for (const [what, body, headers, code] of wrongBodies) {
        expectRefusal(what, await raw({ body, headers }), [code]);
      }
      const large = `{"name": "${"x".repeat(world.server.settings.bodyLimit)}"}`;
      expectRefusal("too large", await raw({ body: large, headers: json }), ["body_too_large"]);
    });
  });

  test.each(bodyRoutes)("of %s with a wrong field is refused, and the field is named", async (id) => {
    const { raw, prepared, caller } = await targetFor(id);
    const { body = {} } = prepared;
    const { properties = {}, required = [] } = partOf(shapeOf(id).body);
    await expectNothingWritten(async () => {
      for (const [name, part] of Object.entries(properties)) {
        for (const value of wrongFor(part)) {
          const answer = await raw({ body: withField(body, name, value), headers: json });
          expectRefusal(`${name}: ${value}`, answer, ["invalid_request"]);
          expect(answer.text).toContain(`body.${name}`);
        }
        const twice = withField(body, name, `${JSON.stringify(body[name] ?? null)}, ${JSON.stringify(name)}: {}`);
        expectRefusal(`${name} twice`, await raw({ body: twice, headers: json }), ["invalid_request"]);
      }
      for (const name of required) {
        const { [name]: _, ...rest } = body;
        const answer = await raw({ body: JSON.stringify(rest), headers: json });
        expectRefusal(`without ${name}`, answer, ["invalid_request"]);
        expect(answer.text).toContain(`body.${name} is missing`);
      }
      if (required.length > 0) {
        expectRefusal("no body", await raw({}), ["invalid_request"]);
        expectRefusal("an empty body", await raw({ body: "", headers: json }), ["invalid_request"]);
      }
    });
    // The control: as it was prepared it works.
    const control = await send(world, id, caller, prepared);
    checkAnswer(id, control.status, control.body);
  });

  test.each(bodyRoutes.filter((id) => (partOf(shapeOf(id).body).required ?? []).length === 0))(
    "of %s may be absent",
    async (id) => {
      for (const change of [{}, { body: "", headers: json }, { body: "{}", headers: json }]) {
        const { raw } = await targetFor(id);
        const answer = await raw(change);
        checkAnswer(id, answer.status, JSON.parse(answer.text));
      }
    },
  );
});

describe("a query", () => {
  test.each(routeIds)("of %s with a wrong parameter is refused", async (id) => {
    const { raw, path } = await targetFor(id);
    const base = `${path}${path.includes("?") ? "&" : "?"}`;
    const { properties = {} } = partOf(shapeOf(id).query);
    await expectNothingWritten(async () => {
      for (const [name, part] of Object.entries(properties)) {
        const [start = ""] = path.split("?");
        const mustSay = shapeOf(id).access.kind === "tenant" && name !== "tenantId";
        const bare = mustSay ? `${start}?tenantId=${world.own.id}&` : `${start}?`;
        for (const value of wrongInQuery(name, part)) {
          const answer = await raw({ path: `${bare}${name}=${value}` });
          expectRefusal(`${name}=${value}`, answer, ["invalid_request", "invalid_cursor"]);
        }
        expectRefusal(`${name} twice`, await raw({ path: `${bare}${name}=1&${name}=2` }), ["invalid_request"]);
      }
      for (const more of ["unknown=1", "__proto__=1", "constructor=1", "__proto__[a]=1", "=", "%00", "a=%ff", "a=%"]) {
        expectRefusal(more, await raw({ path: base + more }), ["invalid_request"]);
      }
    });
  });
});

describe("a path", () => {
  test.each(routesWith(({ params }) => params !== undefined))(
    "of %s with an id that is none is refused",
    async (id) => {
      const { raw, prepared, path } = await targetFor(id);
      const [name = "id"] = Object.keys(prepared.params ?? {});
      const marked = pathOf(shapeOf(id).path, { [name]: "MARK" });
      const query = path.includes("?") ? path.slice(path.indexOf("?")) : "";
      const body = JSON.stringify(prepared.body ?? {});
      await expectNothingWritten(async () => {
        for (const value of wrongInPath) {
          // "not-an-id" and its like are names that a new plan may well have.
          if (name === "name" && /^[a-z0-9-]{1,63}$/.test(value)) continue;
          const answer = await raw({
            path: marked.replace("MARK", value) + query,
            ...(shapeOf(id).method === "GET" ? {} : { body, headers: json }),
          });
          expectRefusal(value, answer, ["invalid_request", "not_found", "tenant_not_found"]);
        }
      });
    },
  );
});

describe("what is no call of the API", () => {
  test("a path and a method that are not there", async () => {
    const absent = await sendRaw(world.server.url, { method: "GET", path: "/api/nothing" });
    expect(problemCode(absent)).toBe("route_not_found");
    for (const id of routeIds) {
      const { path } = shapeOf(id);
      const answer = await sendRaw(world.server.url, {
        method: "PROPFIND",
        path: pathOf(path, { id: "x", name: "x" }),
      });
      expectRefusal(path, answer, ["method_not_allowed"]);
    }
  });

  test("addresses and headers that are too large", async () => {
    const long = "x".repeat(20_000);
    for (const raw of [{ path: `/api/health?a=${long}` }, { path: "/api/health", headers: { "x-long": long } }]) {
      const answer = await sendRaw(world.server.url, { method: "GET", ...raw });
      expect([answer.status, problemCode(answer)]).toEqual([431, "headers_too_large"]);
    }
  });

  test.each([
    ["no HTTP", "hello\r\n\r\n"],
    ["a binary greeting", "\x16\x03\x01\x02\x00\x01\r\n\r\n"],
    ["two lengths", "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"],
    [
      "a length beside chunks",
      "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["a header with a NUL", "GET /api/health HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n"],
  ])("%s is refused as a problem, and the server goes on", async (_, bytes) => {
    expect(problemCode(await sendBytes(world.server.url, bytes))).toBe("invalid_request");
    expect((await world.server.request("GET", "/api/health/live")).status).toBe(200);
  });
});

describe("SQL is literal text", () => {
  const texts = [
    "O'Brien; --",
    "'; drop table app.users; --",
    "' or '1'='1",
    "$1",
    "\\'; select pg_sleep(60); --",
    "%_\\",
  ];
  const hasText = (row: object, text: string): boolean =>
    Object.values(row).some((value) => String(value).toLowerCase().includes(text.toLowerCase()));
  const tablesOf = async () => Object.keys(await storedState(world)).sort();
  const takesAny = ({ type, pattern, format, enum: values }: Part): boolean =>
    type === "string" &&
    values === undefined &&
    format === undefined &&
    (pattern === undefined || pattern.startsWith("^[^"));

  test.each(bodyRoutes)("in every field of %s", async (id) => {
    const tables = await tablesOf();
    const { properties = {} } = partOf(shapeOf(id).body);
    for (const [name, part] of Object.entries(properties)) {
      const [inner = part] = part.anyOf ?? [part];
      if (!takesAny(inner) || name === "email") continue;
      for (const text of texts) {
        const { caller, prepared } = await targetFor(id);
        const value = (inner.minLength ?? 0) > 2 ? `${text.replaceAll(/[\s@]/g, "")}@example.com` : text;
        const reply = await send(world, id, caller, { ...prepared, body: { ...prepared.body, [name]: value } });
        if (reply.status >= 400) {
          problemCode({ status: reply.status, text: reply.text, header: (header) => reply.headers.get(header) });
        } else {
          checkAnswer(id, reply.status, reply.body);
          const shown = Object.entries(reply.body).find(([field]) => field === name);
          if (shown !== undefined) expect(shown[1]).toBe(name.endsWith("Email") ? value.toLowerCase() : value);
        }
      }
    }
    expect(await tablesOf()).toEqual(tables);
  });

  test.each(routesWith(({ query }) => Object.values(partOf(query).properties ?? {}).some(takesAny)))(
    "in every parameter of %s",
    async (id) => {
      const { caller, prepared } = await targetFor(id);
      const { properties = {} } = partOf(shapeOf(id).query);
      await expectNothingWritten(async () => {
        for (const [name, part] of Object.entries(properties)) {
          if (!takesAny(part) || name === "email") continue;
          for (const text of texts) {
            const reply = await send(world, id, caller, { ...prepared, query: { ...prepared.query, [name]: text } });
            if (name === "tenantId" || name === "tenant") expect([text, reply.status]).toEqual([text, 404]);
            else expect([text, reply.status]).toEqual([text, 200]);
            // What is found has the text in it, letter by letter.
            const found: readonly object[] = reply.status === 200 ? JSON.parse(reply.text) : [];
            expect(found.filter((row) => !hasText(row, text))).toEqual([]);
          }
        }
      });
    },
  );
});
