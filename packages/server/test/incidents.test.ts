import { build, sql } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.stop());

const call = async (method: "GET" | "POST", path: string, body?: object) =>
  server.request(method, path, { token: await server.operatorToken(), ...(body === undefined ? {} : { body }) });

const open = async (body: object): Promise<string> => (await call("POST", "/api/admin/incidents", body)).body.id;

describe("an incident", () => {
  it("is opened once for an id, and names all tenants that are not there", async () => {
    const { slug, id: tenantId } = await server.provision();
    const id = uuidv7();
    const body = { id, kind: "data-breach", title: "A rumour", tenants: [slug, tenantId] };
    const first = await call("POST", "/api/admin/incidents", body);
    expect(first.body).toMatchObject({ id, changed: true, tenants: [{ id: tenantId, slug }], status: "open" });
    expect(first.body.steps.map(({ state }: { state: string }) => state)).toEqual(Array(5).fill("pending"));
    expect((await call("POST", "/api/admin/incidents", body)).body).toMatchObject({ id, changed: false });
    const refused = await call("POST", "/api/admin/incidents", {
      kind: "data-loss",
      tenants: ["nobody", slug, "none-2"],
    });
    expect(refused).toMatchObject({ status: 404, body: { code: "tenant_not_found" } });
    expect(refused.body.detail).toContain("nobody, none-2");
    const listed = await call("GET", "/api/admin/incidents");
    expect(listed.body).toEqual([expect.objectContaining({ id, tenants: 1, stepsSettled: 0, steps: 5 })]);
  });

  it("overlapping another names it, and is named by it", async () => {
    const { slug } = await server.provision();
    const one = await open({ kind: "data-loss", tenants: [slug] });
    const other = await open({ kind: "system-down", tenants: [slug] });
    const overlaps = async (id: string) => (await call("GET", `/api/admin/incidents/${id}`)).body.overlaps;
    expect(await overlaps(one)).toContainEqual(expect.objectContaining({ id: other, tenants: 1 }));
    expect(await overlaps(other)).toContainEqual(expect.objectContaining({ id: one, kind: "data-loss" }));
  });

  it("records an entry once, holds a step for who began it, and closes when all steps are settled", async () => {
    const id = await open({ kind: "system-down" });
    const entry = (body: object) => call("POST", `/api/admin/incidents/${id}/entries`, body);
    const claimant = uuidv7();
    const begun = { id: uuidv7(), kind: "started", step: "errors", claimant };
    expect((await entry(begun)).body).toMatchObject({ changed: true, claimedUntil: expect.any(String) });
    expect((await entry(begun)).body).toMatchObject({ changed: false });
    const other = { id: uuidv7(), kind: "started", step: "errors", claimant: uuidv7() };
    const held = await entry(other);
    expect(held).toMatchObject({ status: 409, body: { code: "step_claimed" } });
    expect(held.body.detail).toContain("is at errors since");
    // The same one goes on, after it was killed; another takes it over when it says so.
    expect((await entry({ ...begun, id: uuidv7() })).status).toBe(200);
    expect((await entry({ ...other, takeOver: true })).status).toBe(200);
    const item = { id: "errors", title: "Errors", result: "ok", evidence: ["none\nat all"], next: null };
    expect((await entry({ id: uuidv7(), kind: "done", step: "errors", item, claimant: other.claimant })).status).toBe(
      200,
    );
    expect((await entry({ ...begun, id: uuidv7() })).body).toMatchObject({ code: "step_done" });
    expect((await entry({ id: uuidv7(), kind: "done", step: "suspend" })).status).toBe(400);

    const close = () => call("POST", `/api/admin/incidents/${id}/close`, { summary: "a full disk" });
    const early = await close();
    expect(early).toMatchObject({ status: 409, body: { code: "steps_pending" } });
    for (const step of ["server", "database", "restart", "notify"])
      await entry({ id: uuidv7(), kind: "skipped", step, text: "not needed" });
    expect((await close()).body).toMatchObject({ status: "closed", changed: true });
    expect((await close()).body).toMatchObject({ changed: false });
    expect((await entry({ ...begun, id: uuidv7(), again: true })).body).toMatchObject({ code: "incident_closed" });
    expect((await entry({ id: uuidv7(), kind: "note", text: "the disk was replaced" })).status).toBe(200);
    const { entries } = (await call("GET", `/api/admin/incidents/${id}`)).body;
    expect(entries.at(-1)).toMatchObject({ kind: "note" });
    const erase = sql`delete from app.incident_entries`.compile(build);
    await expect(server.app.db.operator().run(erase)).rejects.toThrow(/permission denied/);
  });

  it("reads the database's state, credentials and configuration without a secret", async () => {
    const system = await call("GET", "/api/admin/incidents/system");
    expect(system.body.map(({ id }: { id: string }) => id)).toEqual(["connections", "locks", "disk"]);
    const { slug } = await server.provision();
    const id = await open({ kind: "data-breach", tenants: [slug] });
    const state = await call("GET", `/api/admin/incidents/${id}/state`);
    expect(state).toMatchObject({
      status: 200,
      body: { tenants: [{ slug, sessions: [expect.objectContaining({ endedAt: null })], tokens: [] }] },
    });
    expect(JSON.stringify(state.body)).not.toMatch(/postgres(ql)?:\/\/|whsec_|_hash/);
  });
});

describe("suspending many tenants", () => {
  it("names each that fails, lets those be that are shut already, and tries what was let in before", async () => {
    const [one, two] = [await server.provision(), await server.provision()];
    await call("POST", `/api/admin/tenants/${two.id}/suspend`);
    const answer = await call("POST", "/api/admin/tenants-suspend", { tenants: [one.slug, two.slug, "nobody"] });
    expect(answer).toMatchObject({
      status: 200,
      body: { suspended: 1, unchanged: 1, failed: 1, tried: 2, refused: 2 },
    });
    expect(answer.body.tenants.map(({ outcome }: { outcome: string }) => outcome)).toEqual([
      "suspended",
      "unchanged",
      "failed",
    ]);
    const refused = await server.request("GET", "/api/customers", { token: one.token });
    expect(refused.body.code).toBe("tenant_suspended");
  });
});
