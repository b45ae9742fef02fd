import { exportFormat } from "../export/export-document.ts";
import { type JsonEvent, type JsonReader, malformed } from "./json-events.ts";
import { unsupported } from "./restore-fault.ts";

/** A value of a small part of the document, such as the tenant's record. */
type Small = string | null | boolean | Small[] | { [name: string]: Small };

/** One row of the document: column and text; null is NULL. */
export type ExportRow = readonly (readonly [column: string, text: string | null])[];

export interface ExportHead {
  readonly exportedAt: string;
  readonly tenant: Readonly<Record<string, Small>>;
}

/** A value as PostgreSQL's text: what the document has in quotes is that text, and the rest reads the same in both. */
const textOf = (event: JsonEvent): string | null => {
  if (event.kind === "string" || event.kind === "number") return event.text;
  if (event.kind === "literal") return event.text === "null" ? null : event.text === "true" ? "t" : "f";
  throw malformed("a row holds something that is no plain value");
};

const key = async (reader: JsonReader): Promise<string | undefined> => {
  const event = await reader.next();
  if (event.kind === "key") return event.text;
  if (event.kind === "}") return undefined;
  throw malformed("a name is missing");
};

const expect = async (reader: JsonReader, kind: JsonEvent["kind"], what: string): Promise<void> => {
  if ((await reader.next()).kind !== kind) throw malformed(`${what} is missing`);
};

const small = async (reader: JsonReader, event: JsonEvent): Promise<Small> => {
  if (event.kind === "string" || event.kind === "number") return event.text;
  if (event.kind === "literal") return event.text === "null" ? null : event.text === "true";
  if (event.kind === "[") {
    const items: Small[] = [];
    for (let item = await reader.next(); item.kind !== "]"; item = await reader.next())
      items.push(await small(reader, item));
    return items;
  }
  const members: Record<string, Small> = {};
  for (let name = await key(reader); name !== undefined; name = await key(reader)) {
    members[name] = await small(reader, await reader.next());
  }
  return members;
};

const isRecord = (value: Small | undefined): value is { [name: string]: Small } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Reads up to where the tables begin. Throws archive_damaged, archive_unsupported. */
export const readExportHead = async (reader: JsonReader): Promise<ExportHead> => {
  await expect(reader, "{", "the document");
  const head: Record<string, Small> = {};
  for (let name = await key(reader); name !== "tables"; name = await key(reader)) {
    if (name === undefined) throw malformed("its tables are missing");
    head[name] = await small(reader, await reader.next());
    if (name === "format" && head.format !== exportFormat) {
      throw unsupported(
        `The document is of the format ${JSON.stringify(head.format)}, not ${exportFormat}.`,
        "Import it with the version of tenantctl that exported it.",
      );
    }
  }
  await expect(reader, "{", "its tables");
  const { format, exportedAt, tenant } = head;
  if (format === undefined || typeof exportedAt !== "string" || !isRecord(tenant))
    throw malformed("its head is missing");
  return { exportedAt, tenant };
};

/** The next table's name, with its rows still to be read; undefined after the last one. */
export const nextTable = async (reader: JsonReader): Promise<string | undefined> => {
  const name = await key(reader);
  if (name !== undefined) await expect(reader, "[", `the list of ${name}`);
  return name;
};

/** A table's rows to the end of their list, as many at a time as have come. */
export async function* exportRows(reader: JsonReader): AsyncGenerator<ExportRow[], void, undefined> {
  let rows: ExportRow[] = [];
  for (;;) {
    let event = reader.ready();
    if (event === undefined) {
      if (rows.length > 0) yield rows;
      rows = [];
      event = await reader.next();
    }
    if (event.kind === "]") break;
    if (event.kind !== "{") throw malformed("a row is no object");
    const row: [string, string | null][] = [];
    for (;;) {
      const name = reader.ready() ?? (await reader.next());
      if (name.kind === "}") break;
      if (name.kind !== "key") throw malformed("a column's name is missing");
      row.push([name.text, textOf(reader.ready() ?? (await reader.next()))]);
    }
    rows.push(row);
  }
  if (rows.length > 0) yield rows;
}

/** What follows the tables: how many rows there were. Throws archive_damaged unless that is what was read, and the end. */
export const checkExportEnd = async (reader: JsonReader, read: Readonly<Record<string, number>>): Promise<void> => {
  const tail: Record<string, Small> = {};
  for (let name = await key(reader); name !== undefined; name = await key(reader)) {
    tail[name] = await small(reader, await reader.next());
  }
  if (!(await reader.ended())) throw malformed("something follows its end");
  const { counts } = tail;
  if (!isRecord(counts)) throw malformed("its counts are missing");
  for (const name of new Set([...Object.keys(counts), ...Object.keys(read)])) {
    if (counts[name] !== String(read[name])) {
      throw malformed(`it counts ${String(counts[name] ?? 0)} rows of ${name}, and has ${read[name] ?? 0}`);
    }
  }
};
