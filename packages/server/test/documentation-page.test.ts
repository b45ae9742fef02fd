import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

describe("the documentation page", () => {
  it("is served with all it needs from here, under a policy that allows just that", async () => {
    const page = await server.request("GET", "/docs");
    expect(page.status).toBe(200);
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("http");
    const assets = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url ?? "");
    expect(assets.length).toBeGreaterThan(3);
    for (const asset of assets) {
      expect(asset, "an asset from elsewhere").not.toMatch(/^(https?:)?\/\//);
      const { status } = await server.request("GET", new URL(asset, `${server.url}/docs`).pathname);
      expect(status, asset).toBe(200);
    }
    expect(page.text, "an inline script").not.toMatch(/<script(?![^>]*src=)[^>]*>/);
  });
});
