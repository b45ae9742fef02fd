import type { Manifest } from "@tenantctl/archive";
import { exitCodes } from "@tenantctl/contract";
import { CliError } from "../cli-error.ts";

/** What a restore says of one table: the digest that PostgreSQL computed of what it wrote. */
export interface RestoredTable {
  readonly rows: number;
  readonly digest: string;
  readonly equal: boolean;
}

/** What an operation's `result` says once a restore has succeeded. */
export interface RestoreResult {
  readonly tenantId: string;
  readonly slug: string;
  readonly tables: Readonly<Record<string, RestoredTable>>;
}

const isTable = (value: unknown): value is RestoredTable =>
  typeof value === "object" && value !== null && "rows" in value && "digest" in value && "equal" in value;

/** The proof in an operation's result. Throws where there is none. */
export const restoreResult = (result: unknown): RestoreResult => {
  const given = result as Partial<RestoreResult> | null;
  if (
    typeof given?.tenantId === "string" &&
    typeof given.slug === "string" &&
    typeof given.tables === "object" &&
    given.tables !== null &&
    Object.values(given.tables).every(isTable)
  )
    return { tenantId: given.tenantId, slug: given.slug, tables: given.tables };
  throw new CliError(
    "restore_unproven",
    exitCodes.problemFound,
    "the API says that it restored, but does not prove it",
    "Use a tenantctl of the API's own version, and compare with `tenantctl restore … --diff`.",
  );
};

/** Holds the proof against the archive that was read here. Throws restore_mismatch, exit 10. */
export const compareWithArchive = ({ tables }: RestoreResult, manifest: Manifest): void => {
  const wrong = Object.entries(tables).filter(([name, { rows, digest, equal }]) => {
    const table = manifest.tables.find((candidate) => candidate.name === name);
    return equal !== true || table === undefined || table.rows !== rows || table.digest !== digest;
  });
  if (wrong.length === 0 && Object.keys(tables).length > 0) return;
  throw new CliError(
    "restore_mismatch",
    exitCodes.problemFound,
    `what was restored is not what the archive holds: ${wrong.map(([name]) => name).join(", ") || "no table was compared"}`,
    "Do not use the restored tenant. Look at the API's log and report it.",
  );
};
