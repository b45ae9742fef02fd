import type { Manifest } from "@tenantctl/archive";
import type { Invocation } from "../invocation.ts";
import { cleanLine } from "../output/clean.ts";
import { compareWithArchive, restoreResult } from "./restored-tables.ts";
import type { Sent } from "./send-document.ts";

const operationProperties = [
  "id",
  "kind",
  "tenantId",
  "tenantSlug",
  "status",
  "result",
  "error",
  "createdAt",
  "finishedAt",
];

const rowsText = (rows: number): string => `${rows} ${rows === 1 ? "row" : "rows"}`;
const tablesText = (tables: number): string => `${tables} ${tables === 1 ? "table" : "tables"}`;

const tablesOf = (result: unknown): [string, Readonly<Record<string, unknown>>][] => {
  const tables = (result as { tables?: unknown } | null)?.tables;
  return typeof tables === "object" && tables !== null ? Object.entries(tables) : [];
};

const printTables = async (
  { out }: Pick<Invocation, "out">,
  result: unknown,
  keys: readonly string[],
  empty: string,
): Promise<void> => {
  const rows = tablesOf(result).map(([table, facts]) => ({ table, ...facts }));
  await out.list([JSON.stringify(rows)], {
    columns: [{ key: "table", flex: true }, ...keys.map((key) => ({ key, ...(key === "digest" ? { drop: 1 } : {}) }))],
    properties: ["table", ...keys],
    empty,
  });
};

/** What a restore did: the proof table by table, held against the archive that was read here. */
export const printRestored = async (
  { out, settings }: Invocation,
  { operation, text }: Sent,
  manifest: Manifest | undefined,
  next: (slug: string) => string,
): Promise<void> => {
  if (settings.output !== "table") await out.record(text, { cells: [], properties: operationProperties });
  if (operation.status !== "succeeded") return out.note(`still under way: tenantctl operations show ${operation.id}`);
  const result = restoreResult(operation.result);
  if (manifest !== undefined) compareWithArchive(result, manifest);
  if (settings.output === "table")
    await printTables({ out }, result, ["rows", "equal", "digest"], "no table was restored");
  const [done, from] = manifest === undefined ? ["imported", "export"] : ["restored", "archive"];
  const tables = Object.values(result.tables);
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  out.note(
    cleanLine(
      `${done} ${result.slug}: ${rowsText(rows)} in ${tablesText(tables.length)}, each table equal to what the ${from} holds.${next(result.slug)}`,
    ),
  );
};

/** What a restore would change, table by table. */
export const printDiff = async (
  { out, settings }: Pick<Invocation, "out" | "settings">,
  { operation, text }: Sent,
): Promise<void> => {
  if (settings.output !== "table") return out.record(text, { cells: [], properties: operationProperties });
  await printTables({ out }, operation.result, ["added", "removed", "changed", "same"], "there is no table to compare");
  const changes = tablesOf(operation.result)
    .flatMap(([, { added, removed, changed }]) => [added, removed, changed])
    .reduce<number>((sum, count) => sum + (typeof count === "number" ? count : 0), 0);
  out.note(
    changes === 0
      ? "the tenant is what the archive holds: a restore in place would change nothing."
      : "added: rows that the restore would bring back; removed: rows made since, which it would drop. Nothing was changed.",
  );
};
