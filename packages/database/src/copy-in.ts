import pg from "pg";
import type { Rewrite } from "./rewrite.ts";

/** Within PostgreSQL's 65,535 parameters, and small enough that one statement never holds much in memory. */
const mostRows = 500;
const mostParameters = 60_000;
const mostBytes = 8 * 1024 * 1024;

export interface InsertTarget {
  /** As it may stand in SQL. */
  name: string;
  columns: readonly string[];
  /** Whose rows they become; undefined where tenant_id is among the columns or there is none. */
  tenantId: string | undefined;
}

/** Many rows in one statement. COPY FROM is refused under row-level security, INSERT … SELECT on Citus. */
function insertStatement({ name, columns, tenantId }: InsertTarget, rows: number): string {
  const ofTenant = tenantId === undefined ? 0 : 1;
  const names = [...(ofTenant === 1 ? ["tenant_id"] : []), ...columns].map((column) => pg.escapeIdentifier(column));
  const values = Array.from({ length: rows }, (_, row) => {
    const places = columns.map((_column, index) => `$${ofTenant + row * columns.length + index + 1}`);
    return `(${[...(ofTenant === 1 ? ["$1::uuid"] : []), ...places].join(",")})`;
  });
  return `insert into ${name} (${names.join(",")}) values ${values.join(",")}`;
}

/**
 * Writes rows of text values (null is NULL, as against '') and returns how many. While PostgreSQL works on one batch the next is
 * read; a row that is large goes alone.
 */
export async function insertRows(
  rewrite: Pick<Rewrite, "write">,
  target: InsertTarget,
  rows: AsyncIterable<readonly (readonly (string | null)[])[]>,
  onProgress: (written: number) => void = () => undefined,
): Promise<number> {
  const width = Math.max(1, target.columns.length);
  const batchRows = Math.max(1, Math.min(mostRows, Math.floor(mostParameters / width)));
  const whole = insertStatement(target, batchRows);
  const lead = target.tenantId === undefined ? [] : [target.tenantId];
  let values: (string | null)[] = [...lead];
  let waiting = 0;
  let bytes = 0;
  let written = 0;
  let underWay: Promise<void> = Promise.resolve();

  async function flush(): Promise<void> {
    if (waiting === 0) return;
    await underWay;
    const full = waiting === batchRows;
    underWay = rewrite.write(full ? whole : insertStatement(target, waiting), values, full);
    underWay.catch(() => undefined); // thrown where it is awaited
    written += waiting;
    onProgress(written);
    values = [...lead];
    waiting = 0;
    bytes = 0;
  }

  try {
    for await (const some of rows) {
      for (const row of some) {
        let size = 0;
        for (const value of row) size += value === null ? 0 : value.length;
        if (waiting > 0 && bytes + size > mostBytes) await flush();
        for (const value of row) values.push(value);
        waiting += 1;
        bytes += size;
        if (waiting === batchRows) await flush();
      }
    }
    await flush();
  } finally {
    await underWay.catch(() => undefined);
  }
  await underWay;
  return written;
}
