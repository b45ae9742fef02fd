import { createHash, createHmac, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Provisioned, startTestServer, type TestServer } from "./fixture/server.ts";

type Part = Record<string, unknown>;

const encode = (part: Part): string => Buffer.from(JSON.stringify(part)).toString("base64url");
const decode = (part: string | undefined): Part => JSON.parse(Buffer.from(part ?? "", "base64url").toString("utf8"));
const sign = (header: Part, claims: Part, key: string, hash = "sha256"): string => {
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${createHmac(hash, key).update(text).digest("base64url")}`;
};

describe("access tokens", () => {
  let server: TestServer;
  let tenant: Provisioned;
  let header: Part;
  let claims: Part;
  let key: string;
  const code = async (token: string) => {
    const { status, body } = await server.request("GET", "/api/customers", { token });
    return status === 200 ? "served" : `${status} ${body.code}`;
  };

  beforeAll(async () => {
    server = await startTestServer();
    tenant = await server.provision();
    const [first, second] = tenant.token.split(".");
    header = decode(first);
    claims = decode(second);
    key = server.settings.jwtSecrets?.[0] ?? "";
  });
  afterAll(() => server.stop());

  it("names account, tenant and session, and lives for fifteen minutes", async () => {
    expect(claims).toMatchObject({ tid: tenant.id, role: "tenant_admin", iss: "tenantctl", aud: "tenantctl-api" });
    expect(Number(claims.exp) - Number(claims.iat)).toBe(900);
    expect(await code(sign(header, claims, key))).toBe("served");
  });

  it("are refused when forged, unsigned, meant for others, incomplete or changed", async () => {
    const other = randomBytes(32).toString("base64");
    const without = (name: string) => Object.fromEntries(Object.entries(claims).filter(([claim]) => claim !== name));
    const unsigned = (alg: string) => `${encode({ ...header, alg })}.${encode(claims)}.`;
    const [, , signature] = tenant.token.split(".");
    const otherKid = createHash("sha256").update(`kid:${other}`).digest("hex").slice(0, 8);
    const forged: Record<string, string> = {
      "another key": sign(header, claims, other),
      "another key under its own id": sign({ ...header, kid: otherKid }, claims, other),
      "alg none": unsigned("none"),
      "alg None": unsigned("None"),
      "alg none with the old signature": `${unsigned("none")}${signature}`,
      HS512: sign({ ...header, alg: "HS512" }, claims, key, "sha512"),
      RS256: sign({ ...header, alg: "RS256" }, claims, key),
      "no kid": sign(without("x") && { alg: "HS256", typ: "JWT" }, claims, key),
      "kid of the prototype": sign({ ...header, kid: "__proto__" }, claims, key),
      "another audience": sign(header, { ...claims, aud: "another-api" }, key),
      "another issuer": sign(header, { ...claims, iss: "somebody" }, key),
      "not yet valid": sign(header, { ...claims, nbf: Math.floor(Date.now() / 1000) + 600 }, key),
      "an unknown role": sign(header, { ...claims, role: "superuser" }, key),
      "no id for an id": sign(header, { ...claims, sub: "x' or '1'='1" }, key),
      "changed claims": `${encode(header)}.${encode({ ...claims, role: "operator" })}.${signature}`,
      "cut off": tenant.token.slice(0, -2),
      "no token": "a.b.c",
      "no dots": "abc",
    };
    for (const name of ["iss", "aud", "exp", "iat", "jti", "sub", "sid", "name", "role", "tid"]) {
      forged[`without ${name}`] = sign(header, without(name), key);
    }
    for (const [what, token] of Object.entries(forged))
      expect([what, await code(token)]).toEqual([what, "401 token_invalid"]);
  });

  it("that have expired are refused as such", async () => {
    const past = Math.floor(Date.now() / 1000) - 1000;
    expect(await code(sign(header, { ...claims, iat: past, exp: past + 900 }, key))).toBe("401 token_expired");
  });

  it("are refused outside an Authorization header of the Bearer kind", async () => {
    for (const authorization of [
      "",
      "Bearer",
      "Bearer ",
      tenant.token,
      `Basic ${tenant.token}`,
      `Bearer ${tenant.token} x`,
    ]) {
      const reply = await server.request("GET", "/api/customers", { headers: { authorization } });
      expect([authorization, reply.status, reply.body.code]).toEqual([authorization, 401, "unauthenticated"]);
      expect(reply.headers.get("www-authenticate")).toContain("Bearer");
    }
    expect((await server.request("GET", "/api/customers")).status).toBe(401);
    expect(await code("x".repeat(8000))).toBe("401 unauthenticated");
  });

  it("signed well but for another session, account, role or tenant than the database knows are refused", async () => {
    const other = await server.provision();
    const { sub, sid } = decode(other.token.split(".")[1]);
    for (const changed of [{ tid: other.id }, { sub }, { sid }, { role: "support_agent" }, { tid: other.id, sub }]) {
      expect(await code(sign(header, { ...claims, ...changed }, key))).toBe("401 session_ended");
    }
    const { tid: _, ...rest } = claims;
    const asOperator = sign(header, { ...rest, role: "operator" }, key);
    const reply = await server.request("GET", "/api/admin/tenants", { token: asOperator });
    expect(reply.body.code).toBe("session_ended");
  });

  it("of both keys are good during a rotation, and those of a removed key are not", async () => {
    const fresh = randomBytes(32).toString("base64");
    server = await server.restart({ jwtSecrets: [fresh, key] });
    expect(await code(tenant.token)).toBe("served");
    const renewed = (await server.login(tenant.admin)).accessToken;
    expect(decode(renewed.split(".")[0]).kid).not.toBe(header.kid);
    expect(await code(renewed)).toBe("served");
    server = await server.restart({ jwtSecrets: [fresh] });
    expect(await code(renewed)).toBe("served");
    expect(await code(tenant.token)).toBe("401 token_invalid");
  });
});
