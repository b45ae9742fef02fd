import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import pgCopyStreams from "pg-copy-streams";
import { Client } from "./client.ts";
import { copyStatement } from "./copy-out.ts";
import { DatabaseRefusal, DatabaseUnavailable } from "./database-error.ts";
import { pinTextForms } from "./text-forms.ts";

/** One table as an archive holds it. */
export interface ScratchTable {
  readonly name: string;
  readonly columns: readonly string[];
  readonly primaryKey: readonly string[];
  readonly rows: number;
  /** SHA-256 of its COPY text, in hex. */
  readonly digest: string;
  readonly create: string;
  readonly constraints: string;
}

export interface ScratchSource {
  readonly ddl: string;
  readonly tables: readonly ScratchTable[];
  /** Each table's COPY text, in the order of `tables`; each is read to its end before the next. */
  readonly copies: AsyncIterable<AsyncIterable<Uint8Array>>;
}

/** What came of one table, beside what the archive says of it. */
export interface RestoredTable {
  readonly table: string;
  readonly rows: number;
  readonly digest: string;
  readonly equal: boolean;
}

/** A database for drills. */
export interface ScratchDatabase {
  /** Restores an archive from its own DDL, reads every table back, and takes everything back. Throws `scratch_refused` for what PostgreSQL does not take. */
  drill(source: ScratchSource): Promise<RestoredTable[]>;
  close(): Promise<void>;
}

const refused = (message: string, cause?: unknown): DatabaseRefusal =>
  new DatabaseRefusal("scratch_refused", message, "Look at what is named; the archive itself was found whole before.", {
    cause,
  });

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** An extension that is not installed there, by its name, and everything else in PostgreSQL's own words. */
const step = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof pg.DatabaseError)) throw cause;
    const extension = /extension "([^"]+)" is not available/.exec(cause.message)?.[1];
    if (extension !== undefined)
      throw new DatabaseRefusal(
        "extension_missing",
        `the archive needs the extension ${extension}, which this PostgreSQL does not have`,
        "Drill in a database that has it: --scratch-url-file.",
        { cause },
      );
    throw refused(`${what}: ${cause.message}`, cause);
  }
};

const keyOf = async (client: Client, table: ScratchTable): Promise<{ name: string; collated: boolean }[]> => {
  const { rows } = await client.query<{ name: string; collated: boolean }>(
    `select a.attname as name, a.attcollation <> 0 as collated from pg_attribute a
      where a.attrelid = $1::regclass and a.attname = any ($2::name[]) and not a.attisdropped`,
    [table.name, table.primaryKey],
  );
  return table.primaryKey.map((name) => ({ name, collated: rows.find((row) => row.name === name)?.collated === true }));
};

const readBack = async (client: Client, table: ScratchTable): Promise<RestoredTable> => {
  const { name, columns } = table;
  const hash = createHash("sha256");
  const stream = client.query(pgCopyStreams.to(copyStatement({ name, columns, key: await keyOf(client, table) })));
  for await (const chunk of stream) hash.update(chunk);
  const digest = hash.digest("hex");
  const rows = stream.rowCount;
  return { table: name, rows, digest, equal: rows === table.rows && digest === table.digest };
};

const restore = async (client: Client, { ddl, tables, copies }: ScratchSource): Promise<RestoredTable[]> => {
  await client.query("begin");
  try {
    // Where extensions go, and what the DDL's names are not relative to.
    await client.query("set local search_path = public");
    await step("the shared DDL", () => client.query(ddl));
    for (const table of tables) await step(`the DDL of ${table.name}`, () => client.query(table.create));
    await client.query(pinTextForms);
    const next = tables[Symbol.iterator]();
    for await (const copy of copies) {
      const { value: table } = next.next();
      if (table === undefined) throw refused("there are more tables than the archive names");
      const columns = table.columns.map((column) => pg.escapeIdentifier(column)).join(", ");
      await step(`the rows of ${table.name}`, () =>
        pipeline(
          Readable.from(copy, { objectMode: false }),
          client.query(pgCopyStreams.from(`copy ${table.name} (${columns}) from stdin`)),
        ),
      );
    }
    for (const table of tables)
      if (table.constraints !== "") await step(`the keys of ${table.name}`, () => client.query(table.constraints));
    await step("the deferred keys", () => client.query("set constraints all immediate"));
    const restored: RestoredTable[] = [];
    for (const table of tables) restored.push(await readBack(client, table));
    return restored;
  } finally {
    // Nothing of it stays, also where it went well.
    await client.query("rollback").catch(() => client.abandon());
  }
};

const refuseInUse = async (client: Client): Promise<void> => {
  const { rows } = await client.query<{ name: string; ours: boolean }>(
    `select c.oid::regclass::text as name, exists (select from pg_namespace where nspname = 'tenancy') as ours
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
      limit 1`,
  );
  const [found] = rows;
  if (found === undefined) return;
  throw new DatabaseRefusal(
    "scratch_in_use",
    found.ours
      ? "the scratch database is one that tenantctl runs on: a drill must never meet real data"
      : `the scratch database is not empty: it has ${found.name}`,
    "Make an empty database for drills (`createdb drill`) and name that one.",
  );
};

/** Connects to a database for drills. Throws `scratch_in_use` unless it is empty: it is never the one that backups come from. */
export const openScratch = async (url: string): Promise<ScratchDatabase> => {
  const client = new Client(url);
  try {
    await client.connect();
  } catch (cause) {
    throw new DatabaseRefusal(
      "scratch_unreachable",
      `the scratch database cannot be reached: ${messageOf(cause)}`,
      "Check the address, and that PostgreSQL runs there.",
      { cause },
    );
  }
  try {
    await refuseInUse(client);
  } catch (error) {
    await client.end();
    throw error;
  }
  return {
    drill: async (source) => {
      try {
        return await restore(client, source);
      } catch (error) {
        if (client.lost !== undefined) throw new DatabaseUnavailable(client.lost);
        throw error;
      }
    },
    close: () => client.end(),
  };
};
