import spectralCore from "@stoplight/spectral-core";
import owasp from "@stoplight/spectral-owasp-ruleset";
import { Json } from "@stoplight/spectral-parsers";
import { oas } from "@stoplight/spectral-rulesets";
import { type RouteShape, routeIds, routes } from "@tenantctl/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "./fixture/server.ts";

const { Document, Ruleset, Spectral } = spectralCore;
const errorSeverity = 0;

let server: TestServer;
let text: string;
beforeAll(async () => {
  server = await startTestServer();
  const reply = await server.request("GET", "/openapi.json");
  expect(reply.status).toBe(200);
  text = reply.text;
});
afterAll(() => server.stop());

const findings = async (ruleset: unknown): Promise<string[]> => {
  const spectral = new Spectral();
  spectral.setRuleset(new Ruleset({ extends: [[ruleset, "recommended"]] } as never));
  const results = await spectral.run(new Document(text, Json));
  return results
    .filter(({ severity }) => severity === errorSeverity)
    .map(({ code, path, message }) => `${code} ${path.join(".")}: ${message}`);
};

describe("the OpenAPI document", () => {
  it("has no error under Spectral's OpenAPI rules", async () => {
    expect(await findings(oas)).toEqual([]);
  });

  it("has no error under Spectral's OWASP rules", async () => {
    expect(await findings(owasp)).toEqual([]);
  });

  it("describes every route once", () => {
    const operations = Object.values(JSON.parse(text).paths as object).flatMap((path) => Object.values(path as object));
    expect(operations).toHaveLength(routeIds.length);
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(routeIds.length);
  });

  interface Content {
    readonly content: Readonly<Record<string, { readonly examples?: object }>>;
  }
  interface Operation {
    readonly requestBody?: Content;
    readonly responses: Readonly<Record<string, Content>>;
  }
  const operationOf = ({ path, method }: RouteShape): Operation =>
    JSON.parse(text).paths[path.replace(/:([A-Za-z]+)/g, "{$1}")][method.toLowerCase()];

  it("says what document a route takes, and of what type one is that it answers", () => {
    const shapes = Object.values(routes).map((shape: RouteShape) => shape);
    for (const shape of shapes.filter(({ upload }) => upload !== undefined)) {
      expect(Object.keys(operationOf(shape).requestBody?.content ?? {})).toEqual([shape.upload]);
    }
    const typeOf = (shape: RouteShape): string[] => Object.keys(operationOf(shape).responses["200"]?.content ?? {});
    expect(typeOf(routes["backups.archive"])).toEqual(["application/x-tar"]);
    expect(typeOf(routes["backups.systemArchive"])).toEqual(["application/x-tar"]);
    expect(typeOf(routes["backups.archives"])).toEqual(["application/x-tenantctl-archives"]);
  });

  it("tells of maintenance, suspension and tenants that are not there, wherever they are met", () => {
    const codesOf = (shape: RouteShape): string[] =>
      Object.values(operationOf(shape).responses).flatMap(({ content }) =>
        Object.keys(content["application/problem+json"]?.examples ?? {}),
      );
    expect(codesOf(routes["customers.list"])).toEqual(expect.arrayContaining(["maintenance", "tenant_suspended"]));
    expect(codesOf(routes["auth.login"])).toContain("maintenance");
    expect(codesOf(routes["auth.me"])).toContain("tenant_suspended");
    expect(codesOf(routes["alerts.list"])).toContain("tenant_not_found");
    expect(codesOf(routes["restores.create"])).toContain("unsupported_media_type");
  });
});
