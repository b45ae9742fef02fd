import { randomBytes } from "node:crypto";
import { closeSync, createReadStream, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { localFault } from "../backup/whole-file.ts";
import type { TenantRow } from "./tenant-row.ts";

/** A row with the line that it stands in. */
export interface StoredRow {
  readonly line: number;
  readonly tenant: TenantRow;
}

/** Checked rows between the check of a whole file and the first tenant: what is provisioned is what was checked. */
export interface RowStore {
  add(row: StoredRow): void;
  /** All rows in order; called once, after the last `add`. */
  rows(): AsyncGenerator<StoredRow>;
  close(): void;
}

const flushBytes = 65_536;

/**
 * Rows on the disk, so that memory does not grow with them. They may hold passwords: the file is its owner's alone and has
 * no name from the beginning on, so nothing stays however the process ends. Throws LocalFault.
 */
export const openRowStore = (): RowStore => {
  const path = join(tmpdir(), `tenantctl-rows-${randomBytes(12).toString("hex")}`);
  let handle: number;
  try {
    handle = openSync(path, "wx+", 0o600);
    rmSync(path);
  } catch (cause) {
    throw localFault(path, cause);
  }
  let pending = "";
  const flush = (): void => {
    const bytes = Buffer.from(pending);
    pending = "";
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(handle, bytes, done);
    } catch (cause) {
      throw localFault(path, cause);
    }
  };
  return {
    add: (row) => {
      pending += `${JSON.stringify(row)}\n`;
      if (pending.length > flushBytes) flush();
    },
    rows: async function* () {
      flush();
      const input = createReadStream(path, { fd: handle, start: 0, autoClose: false });
      for await (const line of createInterface({ input })) yield JSON.parse(line) as StoredRow;
    },
    close: () => closeSync(handle),
  };
};
