import { createHash } from "node:crypto";
import { type CopyShape, copyStatement } from "./copy-out.ts";
import type { CopyOut } from "./copy-stream.ts";

export interface TableDigest {
  rows: number;
  /** SHA-256, in hex, of the table's COPY text, as in an archive's manifest. */
  digest: string;
}

/** What a table holds now, as a digest that does not say whose it is. */
export async function digestTable(reader: { copyTo(text: string): CopyOut }, shape: CopyShape): Promise<TableDigest> {
  const copy = reader.copyTo(copyStatement(shape));
  const hash = createHash("sha256");
  for await (const chunk of copy) hash.update(chunk);
  return { rows: copy.rows(), digest: hash.digest("hex") };
}
