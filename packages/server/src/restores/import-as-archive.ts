import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { encodeRow, type TableSource, type TenantRecord, writeArchive } from "@tenantctl/archive";
import { archivedColumns, archivedKey, type Catalogue, type CatalogueTable, readCatalogue } from "@tenantctl/database";
import type { App } from "../app.ts";
import { type JsonReader, jsonReader, malformed } from "./json-events.ts";
import {
  checkExportEnd,
  type ExportHead,
  type ExportRow,
  exportRows,
  nextTable,
  readExportHead,
} from "./read-export.ts";
import { restoreFault, unsupported } from "./restore-fault.ts";
import { rowSet } from "./row-set-digest.ts";
import { newSpool, type Spooled } from "./spool.ts";

const readBytes = 1024 * 1024;

/** What an import sets whatever the document says: it holds no passwords, so everybody has to set one. */
const forced: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "app.users": { must_change_password: "t" },
};

/** UTF-8 as text. Throws archive_damaged for bytes that are none. */
async function* textOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true });
    yield decoder.decode();
  } catch (error) {
    throw error instanceof TypeError ? malformed("it is no UTF-8") : error;
  }
}

const tableOf = (catalogue: Catalogue, key: string): CatalogueTable => {
  const found = catalogue
    .exported()
    .find(({ schema, table }) => key === (schema === "app" ? table : `${schema}.${table}`));
  if (found !== undefined) return found;
  throw unsupported(
    `The document holds the table ${key}, which is not a tenant's data here.`,
    "Adopt the table first (docs/your-own-tables.md), then import again.",
  );
};

async function* tableSources(reader: JsonReader, catalogue: Catalogue): AsyncGenerator<TableSource, void, undefined> {
  const counts: Record<string, number> = {};
  for (let key = await nextTable(reader); key !== undefined; key = await nextTable(reader)) {
    if (counts[key] !== undefined) throw malformed(`the table ${key} is there twice`);
    const name = key;
    const table = tableOf(catalogue, name);
    const batches = exportRows(reader);
    const first = await batches.next();
    const names = first.done === true ? [] : (first.value[0] ?? []).map(([column]) => column);
    // A generated column is in the document for readers; here it is computed anew.
    const computed = new Set(table.columns.filter(({ generated }) => generated).map((column) => column.name));
    const columns = names.filter((column) => !computed.has(column));
    const types = new Map(table.columns.map((column) => [column.name, column]));
    const set = rowSet();
    counts[name] = 0;
    const encode = (row: ExportRow): Buffer => {
      if (row.length !== names.length || row.some(([column], index) => column !== names[index])) {
        throw malformed(`the rows of ${name} have different columns`);
      }
      const fixed = forced[table.name] ?? {};
      const line = encodeRow(
        row.filter(([column]) => !computed.has(column)).map(([column, text]) => fixed[column] ?? text),
      );
      set.add(line.subarray(0, -1));
      counts[name] = (counts[name] ?? 0) + 1;
      return line;
    };
    async function* copy(): AsyncGenerator<Buffer, void, undefined> {
      for (let batch = first; batch.done !== true; batch = await batches.next()) {
        for (const row of batch.value) yield encode(row);
      }
    }
    // A table without rows says nothing of its columns.
    const described = names.length > 0 ? columns : archivedColumns(table).map((column) => column.name);
    yield {
      table: {
        name: table.name,
        columns: described.map((column) => {
          const { type = "unknown", notNull = false } = types.get(column) ?? {};
          return { name: column, type, notNull };
        }),
        generatedColumns: [...computed],
        primaryKey: archivedKey(table).map((part) => part.name),
      },
      ddl: { create: "", constraints: "" },
      copy: copy(),
      facts: () => ({ rows: counts[name] ?? 0, digest: set.digest() }),
    };
  }
  await checkExportEnd(reader, counts);
}

const recordOf = ({ tenant }: ExportHead): TenantRecord => {
  const { id, slug } = tenant;
  if (typeof id !== "string" || typeof slug !== "string") throw malformed("it does not say whose it is");
  const record = { ...tenant, id, slug };
  return record;
};

/** Writes what a JSON export holds as an archive, so that an import is a restore like any other. Throws archive_invalid, archive_unsupported. */
export const importAsArchive = async (app: App, received: Spooled): Promise<Spooled> => {
  const catalogue = await readCatalogue(app.db.operator(undefined, { readOnly: true }));
  const archive = await newSpool(app.settings);
  try {
    const reader = jsonReader(textOf(createReadStream(received.path, { highWaterMark: readBytes })));
    const head = await readExportHead(reader);
    const source = writeArchive({
      tenant: recordOf(head),
      snapshot: { at: head.exportedAt, serverVersion: "unknown", migrations: [] },
      ddl: "",
      tables: tableSources(reader, catalogue),
    });
    await pipeline(source, createWriteStream(archive.path, { flags: "wx", mode: 0o600 }));
    return archive;
  } catch (error) {
    await archive.remove();
    throw restoreFault(error);
  }
};
