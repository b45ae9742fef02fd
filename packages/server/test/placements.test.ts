import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.stop());

const places = async (query = "") =>
  (await server.request("GET", `/api/admin/placements${query}`, { token: await server.operatorToken() })).body;

it("all tenants live somewhere, each in one place, and what lies there weighs something", async () => {
  const [one, two] = [await server.provision(), await server.provision()];
  const all: { node: string; shard: number | null; tenants: number; bytes: number }[] = await places();
  expect(all.reduce((sum, { tenants }) => sum + tenants, 0)).toBe(2);
  expect(all.every(({ node, bytes }) => /.:\d+$/.test(node) && bytes > 0)).toBe(true);
  for (const { id, slug } of [one, two]) {
    const where = await places(`?tenantId=${slug}`);
    expect(where).toHaveLength(1);
    // Weights change by themselves: the logs go on.
    const { bytes: _, ...place } = where[0];
    expect(all).toContainEqual(expect.objectContaining(place));
    expect(await places(`?tenantId=${id}`)).toEqual([expect.objectContaining(place)]);
  }
  const absent = await server.request("GET", "/api/admin/placements?tenantId=nobody", {
    token: await server.operatorToken(),
  });
  expect(absent.body.code).toBe("tenant_not_found");
});
