import { exitCodes, type ResultOf, type Routes } from "@tenantctl/contract";
import { durationMs } from "../arguments/field-value.ts";
import { usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { cleanLine } from "../output/clean.ts";
import type { Column } from "../output/column.ts";
import { readPages } from "../run-route.ts";
import { readChecks } from "./checks.ts";
import { repositoryOf } from "./flags.ts";
import { isFinished, readRuns, type StoredItem, savedItems } from "./repository.ts";

type Facts = ResultOf<Routes["backups.status"]>[number];
type Row = Omit<Facts, "createdAt" | "status"> & { readonly createdAt: string | null; readonly status: string };

const usualMs = 26 * 3_600_000;
const namedAtMost = 5;

const columns: readonly Column[] = [
  { key: "slug", title: "tenant", flex: true },
  { key: "status", as: "status" },
  { key: "lastBackupAt", title: "backed up", as: "time", none: "never" },
  { key: "lastVerifiedAt", title: "verified", as: "time", none: "never" },
  { key: "lastDrilledAt", title: "restored in a drill", as: "time", none: "never", drop: 1 },
  { key: "lastBackupBytes", title: "size", as: "bytes", drop: 2 },
];

const maxAgeOf = ({ flags }: Invocation): { ms: number; text: string } => {
  const text = textFlag(flags, "maxAge") ?? "26h";
  const ms = text === "26h" ? usualMs : durationMs(text);
  if (ms === undefined || ms === 0) throw usage(`--max-age takes a duration such as 26h or 7d, not "${text}"`);
  return { ms, text };
};

const fromApi = async (invocation: Invocation): Promise<{ rows: Row[]; pages: string[] }> => {
  const pages = await readPages(invocation, "backups.status", { params: {}, query: {}, body: undefined });
  const rows = pages.flatMap((page): Facts[] => JSON.parse(page));
  return { rows, pages };
};

/** Newer of two times; null where there is neither. */
const later = (a: string | null, b: string | null): string | null => (a === null || (b !== null && b > a) ? b : a);

/** Without the API: the tenants of the newest run that meant all, or of all runs where none did. */
const fromRepository = async (invocation: Invocation): Promise<{ rows: Row[]; pages: string[] }> => {
  const runs = (await readRuns(repositoryOf(invocation))).filter(isFinished);
  const newest = runs.findLast(({ record }) => record.all);
  const wanted = (newest === undefined ? runs : [newest]).flatMap(({ record }) => record.tenants);
  const rows = new Map<string, Row>(
    wanted
      .filter(({ outcome }) => outcome !== "gone")
      .map(({ id, slug, status }) => [
        id,
        {
          tenantId: id,
          slug,
          status,
          createdAt: null,
          lastBackupAt: null,
          lastVerifiedAt: null,
          lastDrilledAt: null,
          lastBackupBytes: null,
        },
      ]),
  );
  const checks = new Map(await Promise.all(runs.map(async (run) => [run.id, await readChecks(run)] as const)));
  const add = ({ run, tenant, item }: StoredItem): void => {
    const row = tenant === null ? undefined : rows.get(tenant.id);
    if (row === undefined) return;
    const [seen, tried] = [checks.get(run.id)?.verified, checks.get(run.id)?.drilled].map(
      (all) => all?.[item.file ?? ""],
    );
    if (seen?.ok === false) return;
    const isNewest = later(row.lastBackupAt, item.snapshotAt) !== row.lastBackupAt;
    rows.set(row.tenantId, {
      ...row,
      lastBackupAt: later(row.lastBackupAt, item.snapshotAt),
      lastBackupBytes: isNewest ? item.bytes : row.lastBackupBytes,
      lastVerifiedAt: later(row.lastVerifiedAt, seen?.at ?? null),
      lastDrilledAt: later(row.lastDrilledAt, tried?.ok === true ? tried.at : null),
    });
  };
  for (const item of savedItems(runs)) add(item);
  const sorted = [...rows.values()].sort((a, b) => ((a.lastBackupAt ?? "") < (b.lastBackupAt ?? "") ? -1 : 1));
  return { rows: sorted, pages: [JSON.stringify(sorted)] };
};

/** When each tenant was last backed up; exit 10 where that is too long ago. */
export const run = async (invocation: Invocation): Promise<number> => {
  const { out, flags, args } = invocation;
  if (args.length > 0) throw usage("status takes no arguments");
  const { ms, text } = maxAgeOf(invocation);
  const offline = textFlag(flags, "repo") !== undefined;
  const { rows, pages } = offline ? await fromRepository(invocation) : await fromApi(invocation);
  const deadline = new Date(Date.now() - ms).toISOString();
  // An age counts from the tenant's creation, so that a new one is no alarm; a repository does not know when that was.
  const stale = rows.filter(({ lastBackupAt, createdAt }) => (lastBackupAt ?? createdAt ?? "") < deadline);
  await out.list(pages, {
    columns,
    properties: [
      "tenantId",
      "slug",
      "status",
      "createdAt",
      ...columns.map(({ key }) => key).filter((key) => key.startsWith("last")),
    ],
    empty: offline ? "no tenant is in this repository" : "there are no tenants",
  });
  if (offline && rows.length === 0) return exitCodes.problemFound;
  if (stale.length === 0) {
    const without = rows.filter(({ lastBackupAt }) => lastBackupAt === null).length;
    out.note(
      without === 0
        ? `every tenant has a backup of the last ${text}`
        : `no tenant is without a backup for longer than ${text}; new, and not backed up yet: ${without} of ${rows.length}`,
    );
    return exitCodes.done;
  }
  const names = stale.slice(0, namedAtMost).map(({ slug }) => slug);
  const more = stale.length > names.length ? ` and ${stale.length - names.length} more` : "";
  out.note(
    cleanLine(
      `${stale.length} of ${rows.length} tenants have no backup of the last ${text}: ${names.join(", ")}${more}`,
    ),
  );
  out.note("next: tenantctl backup");
  return exitCodes.problemFound;
};
