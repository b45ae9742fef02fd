import { createHash } from "node:crypto";
import { splitRows } from "@tenantctl/archive";
import { type CopyOut, type CopyShape, copyStatement, type TableDigest } from "@tenantctl/database";

const prefix = "set-v1:";
const modulus = 1n << 256n;

/** Whether a digest is one of rows in any order: a JSON export's rows are sorted as the server that wrote them sorts. */
export const isRowSet = (digest: string): boolean => digest.startsWith(prefix);

/** Adds up the SHA-256 of rows (without their line ends); the order of adding does not matter. */
export const rowSet = (): { add(row: Uint8Array): void; digest(): string } => {
  let sum = 0n;
  return {
    add(row) {
      sum = (sum + BigInt(`0x${createHash("sha256").update(row).digest("hex")}`)) % modulus;
    },
    digest: () => `${prefix}${sum.toString(16).padStart(64, "0")}`,
  };
};

/** What a table holds now, whatever the order. */
export const digestRowSet = async (
  reader: { copyTo(text: string): CopyOut },
  shape: CopyShape,
): Promise<TableDigest> => {
  const copy = reader.copyTo(copyStatement(shape));
  const set = rowSet();
  for await (const rows of splitRows(copy)) for (const row of rows) set.add(row);
  return { rows: copy.rows(), digest: set.digest() };
};
