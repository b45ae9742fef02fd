import { createHash } from "node:crypto";
import { type OpenArchive, splitRows } from "@tenantctl/archive";
import { copyStatement, type Snapshot } from "@tenantctl/database";
import type { FittingTable } from "./fit-tables.ts";

/** What a restore would change in one table. */
export interface TableDiff {
  added: number;
  removed: number;
  changed: number;
  same: number;
}

const tab = 0x09;

interface Row {
  readonly key: string;
  readonly hash: string;
}

/** A row as what it is called and what it holds; both short, however long the row. */
const rowReader = ({ shape }: FittingTable): ((line: Buffer) => Row) => {
  const places = shape.key.map(({ name }) => shape.columns.indexOf(name));
  return (line) => {
    const ends: number[] = [];
    for (let end = line.indexOf(tab); end !== -1; end = line.indexOf(tab, end + 1)) ends.push(end);
    const key = places.map((place) =>
      line.toString("utf8", place === 0 ? 0 : (ends[place - 1] ?? 0) + 1, ends[place] ?? line.length),
    );
    return { key: key.join("\t"), hash: createHash("sha256").update(line).digest("base64url").slice(0, 27) };
  };
};

async function* rowsOf(copy: AsyncIterable<Uint8Array>, read: (line: Buffer) => Row): AsyncGenerator<Row> {
  for await (const lines of splitRows(copy)) for (const line of lines) yield read(line);
}

/**
 * Compares a table in the archive with what is there. Both come in the order of the key; rows wait for their counterpart, so
 * memory holds as many as differ, not as many as there are.
 */
export const diffTable = async (
  snapshot: Snapshot,
  archive: OpenArchive,
  fitting: FittingTable,
  tenantId: string,
): Promise<TableDiff> => {
  const read = rowReader(fitting);
  const archived = rowsOf(archive.table(fitting.archived.name), read);
  const present = rowsOf(snapshot.copyTo(copyStatement({ ...fitting.shape, tenantId })), read);
  const waiting = { archived: new Map<string, string>(), present: new Map<string, string>() };
  const diff: TableDiff = { added: 0, removed: 0, changed: 0, same: 0 };
  const meet = ({ key, hash }: Row, own: Map<string, string>, others: Map<string, string>): void => {
    const other = others.get(key);
    if (other === undefined) {
      own.set(key, hash);
      return;
    }
    others.delete(key);
    diff[other === hash ? "same" : "changed"] += 1;
  };
  for (let more = true; more; ) {
    const [left, right] = await Promise.all([archived.next(), present.next()]);
    if (left.done !== true) meet(left.value, waiting.archived, waiting.present);
    if (right.done !== true) meet(right.value, waiting.present, waiting.archived);
    more = left.done !== true || right.done !== true;
  }
  return { ...diff, added: waiting.archived.size, removed: waiting.present.size };
};
