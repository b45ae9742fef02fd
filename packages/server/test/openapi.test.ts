import spectralCore from "@stoplight/spectral-core";
import owasp from "@stoplight/spectral-owasp-ruleset";
import { Json } from "@stoplight/spectral-parsers";
import { oas } from "@stoplight/spectral-rulesets";
import { routeIds } from "@tenantctl/contract";
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
});
