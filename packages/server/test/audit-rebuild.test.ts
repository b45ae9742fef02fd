import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createDatabase } from "../../database/test/harness/database.ts";
import { auditKey } from "../src/audit/audit-keys.ts";
import { restoreSystem } from "../src/restores/restore-system.ts";
import { downloadArchive } from "./fixture/archives.ts";
import { checkpoint, seal, verify, writeRows } from "./fixture/audit-log.ts";
import { startTestServer } from "./fixture/server.ts";

test("a rebuilt system's log holds with the same key, and says plainly where the key differs", async () => {
  const key = "a key that is kept apart from the database";
  const lost = await startTestServer({ settings: { auditKeys: [key] } });
  const path = join(mkdtempSync(join(tmpdir(), "rebuild-")), "system.tar");
  const { id } = await lost.provision();
  await writeRows(lost, id, 4);
  await seal(lost);
  const before = await checkpoint(lost);
  // Not sealed yet when the archive is made.
  await writeRows(lost, id, 2);
  writeFileSync(path, await downloadArchive(lost, "/api/admin/system/archive"));
  await lost.stop();

  const database = await createDatabase();
  await restoreSystem({ url: database.url, prefix: database.prefix, path, actor: "local:ops" });
  const rebuilt = await startTestServer({ database, settings: { auditKeys: [key] } });
  await seal(rebuilt);
  const { problems, result } = await verify(rebuilt, {}, before);
  expect(problems).toEqual([]);
  expect(result).toMatchObject({ ok: true, checkpoints: { statements: 1 } });
  const own = await verify(rebuilt, { tenantId: id });
  expect(own.result.rows).toBeGreaterThanOrEqual(7);

  const elsewhere = await rebuilt.restart({ auditKeys: ["another key that was made for the new system"] });
  const differs = await verify(elsewhere, { tenantId: id });
  expect(differs.problems).toEqual([
    expect.objectContaining({ problem: "key_unknown", what: expect.stringContaining(auditKey(key).id) }),
  ]);
  await elsewhere.stop();
});
