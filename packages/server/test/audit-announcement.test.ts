import { expect, test } from "vitest";
import { announceCheckpoint } from "../src/audit/announce-checkpoint.ts";
import { seal, verify, writeRows } from "./fixture/audit-log.ts";
import { startTestServer } from "./fixture/server.ts";

test("security contacts are told of every chain once, also of what came before there was one", async () => {
  const server = await startTestServer();
  try {
    const { id } = await server.provision();
    await seal(server);
    // Nobody to tell: nothing counts as told. A contact hears of warnings unless it asks for more.
    expect(await announceCheckpoint(server.app)).toBe(0);
    const made = await server.request("PUT", "/api/admin/contacts/security", {
      token: await server.operatorToken(),
      body: { role: "security", email: "security@example.com", minimumSeverity: "info" },
    });
    expect(made.status).toBeLessThan(300);
    await server.asOwner(
      `insert into app.contact_channels (id, contact_id, url, host)
        select gen_random_uuid(), id, 'https://127.0.0.1/hook', '127.0.0.1' from app.contacts where name = 'security'`,
    );
    await seal(server);
    expect(await announceCheckpoint(server.app)).toBe(1);
    expect(await announceCheckpoint(server.app)).toBe(0);
    await writeRows(server, id, 2);
    await seal(server);
    expect(await announceCheckpoint(server.app)).toBe(1);
    const sent = await server.asOwner(
      "select body from app.deliveries where event = 'audit.checkpoint' order by created_at, id",
    );
    const checkpoints = sent.map(({ body }) => JSON.parse(body).data.checkpoint);
    expect(checkpoints.map(({ heads }) => heads.some(([tenant]: [string]) => tenant === id))).toEqual([true, true]);
    // What a receiver kept proves the log as a file does.
    const file = checkpoints.map((part) => `${JSON.stringify(part)}\n`).join("");
    expect((await verify(server, {}, file)).result).toMatchObject({ ok: true, checkpoints: { statements: 2 } });
  } finally {
    await server.stop();
  }
});
