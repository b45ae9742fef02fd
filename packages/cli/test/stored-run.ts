import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encrypt } from "@tenantctl/archive";
import type { RunRecord, TenantRecord } from "../src/backup/run-record.ts";
import { archiveOf, type Content } from "./archive-server.ts";

export interface StoredTenant extends Content {
  readonly slug: string;
}

export interface StoredRunOptions {
  readonly run: string;
  readonly tenants: readonly StoredTenant[];
  readonly recipients?: readonly string[];
  /** False: it was killed before its end. */
  readonly finished?: boolean;
}

const collected = async (stream: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
};

async function* once(content: Buffer): AsyncGenerator<Buffer, void, undefined> {
  yield content;
}

/** Writes a run as `tenantctl backup` stores it; gives the paths of its archives by slug. */
export const storeRun = async (repository: string, options: StoredRunOptions): Promise<Map<string, string>> => {
  const { run, tenants, recipients = [], finished = true } = options;
  const folder = join(repository, run);
  mkdirSync(folder, { recursive: true });
  const paths = new Map<string, string>();
  const records: TenantRecord[] = [];
  for (const content of tenants) {
    const { slug, id, rows = 3, at = "2026-01-01T00:00:00.000Z" } = content;
    const plain = await archiveOf(content);
    const stored = recipients.length === 0 ? plain : await collected(encrypt(recipients)(once(plain)));
    const file = `${slug}.tar${recipients.length === 0 ? "" : ".age"}`;
    writeFileSync(join(folder, file), stored);
    paths.set(slug, join(folder, file));
    records.push({
      id,
      slug,
      status: "active",
      outcome: "saved",
      file,
      bytes: stored.length,
      sha256: createHash("sha256").update(stored).digest("hex"),
      snapshotAt: at,
      rows: { "shop.customers": rows, "shop.orders": 0 },
      attempts: 1,
      seconds: 0.1,
      error: null,
    });
  }
  const record: RunRecord = {
    format: "tenantctl-run/2",
    run,
    api: "http://localhost:5000",
    host: "backup1",
    startedAt: "2026-01-01T00:00:00.000Z",
    finishedAt: "2026-01-01T00:00:10.000Z",
    all: true,
    recipients,
    saved: records.length,
    failed: 0,
    gone: 0,
    bytes: records.reduce((sum, { bytes }) => sum + bytes, 0),
    system: null,
    tenants: records,
  };
  if (finished) writeFileSync(join(folder, "run.json"), JSON.stringify(record));
  return paths;
};
