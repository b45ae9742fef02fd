import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createDatabase } from "../../database/test/harness/database.ts";
import { restoreSystem } from "../src/restores/restore-system.ts";
import { downloadArchive } from "./fixture/archives.ts";
import { notify } from "./fixture/notify.ts";
import { startReceiver } from "./fixture/receiver.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";

it("a rebuilt system has its contacts with secrets that still sign, and tells nobody again what the lost one told", async () => {
  const folder = mkdtempSync(join(tmpdir(), "contacts-"));
  const settings = { webhookAllow: ["127.0.0.1"] };
  const receiver = await startReceiver();
  const source = await startTestServer({ settings });
  const empty = await createDatabase();
  let rebuilt: TestServer | undefined;
  try {
    const token = await source.operatorToken();
    const set = await source.request("PUT", "/api/admin/contacts/on-call", {
      token,
      body: { role: "on_call", webhookUrls: [receiver.url] },
    });
    await notify(source, "not sent yet");
    const path = join(folder, "system.tar");
    writeFileSync(path, await downloadArchive(source, "/api/admin/system/archive"));
    await restoreSystem({ url: empty.url, prefix: empty.prefix, path, actor: "local:ops" });
    rebuilt = await startTestServer({ database: empty, settings });

    const again = await rebuilt.operatorToken();
    expect((await rebuilt.request("GET", "/api/admin/deliveries", { token: again })).body).toEqual([]);
    await rebuilt.app.deliverer.run();
    expect(receiver.received).toEqual([]);
    const test = await rebuilt.request("POST", "/api/admin/contacts/on-call/test", { token: again });
    expect(test.body).toMatchObject({ ok: true });
    expect(receiver.verified(0, set.body.signingSecret)).toMatchObject({ type: "contact.test" });
  } finally {
    await (rebuilt?.stop() ?? empty.drop());
    await source.stop();
    await receiver.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
