import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DatabaseRefusal } from "./database-error.ts";

export interface MigrationFile {
  /** "0003_people.sql": orders the files and stands in the ledger. */
  name: string;
  /** "tenantctl" for the product's own files, "extra" for an adopter's. */
  origin: "tenantctl" | "extra";
  text: string;
  sha256: string;
  /** One statement that must run outside a transaction, such as CREATE INDEX CONCURRENTLY; it must bear being run again. */
  alone: boolean;
}

/** What the ledger remembers of a file. */
export interface LedgerRow {
  name: string;
  origin: string;
  sha256: string;
}

const fileName = /^\d{4,}_[a-z0-9_]+\.sql$/;
const aloneHeader = "-- tenantctl: no-transaction";

/** The product's files, then those of each extra folder, by name. Throws DatabaseRefusal where two share a name. */
export async function readMigrationFiles(extraDirectories: readonly string[] = []): Promise<MigrationFile[]> {
  const own = fileURLToPath(new URL("../migrations/", import.meta.url));
  const files = [await readFolder(own, "tenantctl")];
  for (const directory of extraDirectories) {
    files.push(await readFolder(directory, "extra"));
  }
  const all = files.flat();
  const twice = all.find((file, index) => all.findIndex((other) => other.name === file.name) !== index);
  if (twice !== undefined) {
    throw new DatabaseRefusal(
      "migration_ambiguous",
      `Two migrations are called ${twice.name}.`,
      "Rename the one that has not been applied anywhere.",
    );
  }
  return all;
}

async function readFolder(directory: string, origin: MigrationFile["origin"]): Promise<MigrationFile[]> {
  const names = (await readdir(directory)).filter((name) => fileName.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const bytes = await readFile(join(directory, name));
      const text = bytes.toString("utf8");
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      return { name, origin, text, sha256, alone: text.startsWith(aloneHeader) };
    }),
  );
}

/** The files yet to be applied. Throws DatabaseRefusal when an applied one was edited, or came from a newer version. */
export function pendingFiles(files: readonly MigrationFile[], ledger: readonly LedgerRow[]): MigrationFile[] {
  const applied = new Map(ledger.map((row) => [row.name, row]));
  for (const file of files) {
    const row = applied.get(file.name);
    if (row !== undefined && row.sha256 !== file.sha256) {
      throw new DatabaseRefusal(
        "migration_edited",
        `The migration ${file.name} was changed after it had been applied to this database.`,
        "Restore the file as it was and put the change into a new migration.",
      );
    }
  }
  const known = new Set(files.map((file) => file.name));
  const unknown = ledger.find((row) => row.origin === "tenantctl" && !known.has(row.name));
  if (unknown !== undefined) {
    throw new DatabaseRefusal(
      "migration_unknown",
      `This database has the migration ${unknown.name}, which this version of tenantctl does not know.`,
      "Run the newer version that applied it.",
    );
  }
  return files.filter((file) => !applied.has(file.name));
}
