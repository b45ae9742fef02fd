import { userInfo } from "node:os";
import { exitCodes } from "@tenantctl/contract";
import { repositoryOf } from "../backup/flags.ts";
import { identitiesOf } from "../backup/keys.ts";
import { backupsOf, chooseRun, pathOf, readRuns, type StoredItem } from "../backup/repository.ts";
import { CliError, usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { cleanLine } from "../output/clean.ts";
import { failureOf } from "../report-error.ts";
import { asCliError } from "../start/run-server.ts";
import { databaseSettings } from "../start/server-settings.ts";
import { checkArchive } from "./checked-archive.ts";
import { withPlainFile } from "./plain-file.ts";
import { verifiedText } from "./read-archive.ts";

/** What became of one tenant of the lost system. */
interface RestoredTenant {
  readonly id: string;
  readonly slug: string;
  readonly status: string;
  readonly outcome: "restored" | "failed" | "no backup";
  readonly run: string | null;
  readonly rows: number;
  readonly error: string | null;
}

/** Flags of what `--system` does not do. */
const foreign = ["file", "fromDatabase", "fromDatabaseUrlFile", "dryRun"] as const;

/** As of that run; a tenant that failed in it has its newest older backup. */
const newestUpTo = (found: readonly StoredItem[], run: string): StoredItem | undefined =>
  found.find((item) => item.run.id <= run);

const systemItem = async (repository: string, wanted: string | undefined) => {
  const runs = await readRuns(repository);
  const found = backupsOf(wanted === undefined ? runs : [chooseRun(runs, repository, wanted)], null);
  const [system] = found;
  if (system === undefined)
    throw new CliError(
      "no_backup",
      exitCodes.notFound,
      `there is no finished run with a system archive in ${repository}`,
      `\`tenantctl backup list --repo ${repository}\` shows what is there.`,
    );
  return { runs, system };
};

/**
 * Rebuilds a lost system in an empty database: what belongs to no tenant, then each tenant from the same run, or from its newest
 * backup before. A tenant that cannot be restored is named and the others go on (exit 3).
 */
export const restoreSystem = async (invocation: Invocation): Promise<number> => {
  const { args, flags, out } = invocation;
  if (args.length > 0 || foreign.some((name) => flags[name] !== undefined))
    throw usage("--system takes all of a run: --repo DIR [--run ID] [--identity-file FILE]");
  const settings = await databaseSettings(invocation);
  const identities = await identitiesOf(invocation);
  const repository = repositoryOf(invocation);
  const { runs, system } = await systemItem(repository, textFlag(flags, "run"));
  const { run } = system;
  out.note(cleanLine(`the system as of ${system.item.snapshotAt}, from run ${run.id} of ${run.record.host}`));
  const archive = await checkArchive(pathOf(system), identities, system.item.sha256 ?? undefined);
  out.note(verifiedText(archive));
  const { openServerDatabase, restoreFromFile, restoreSystem: putBack } = await import("@tenantctl/server");
  const actor = `local:${userInfo().username}`;
  const url = settings.databaseUrl;
  const rebuilt = await withPlainFile(archive, (path) =>
    putBack({ url, prefix: settings.rolePrefix, path, actor }),
  ).catch((error: unknown) => {
    throw asCliError(error);
  });
  out.note(`the system is back, with the records of ${rebuilt.tenants.length} tenants; now their data`);

  const db = await openServerDatabase(settings, { migrate: false }).catch((error: unknown) => {
    throw asCliError(error);
  });
  const tenants: RestoredTenant[] = [];
  try {
    for (const tenant of rebuilt.tenants) {
      const item = newestUpTo(backupsOf(runs, tenant.id), run.id);
      if (item === undefined) {
        tenants.push({ ...tenant, outcome: "no backup", run: null, rows: 0, error: "no finished run holds it" });
        continue;
      }
      try {
        const own = await checkArchive(pathOf(item), identities, item.item.sha256 ?? undefined);
        const restored = await withPlainFile(own, (path) =>
          restoreFromFile(db, path, {
            mode: "in-place",
            tenant: tenant.id,
            confirm: tenant.slug,
            actor,
          }),
        );
        const proofs = "dryRun" in restored ? [] : Object.values(restored.tables);
        const rows = proofs.reduce((sum, proof) => sum + proof.rows, 0);
        tenants.push({ ...tenant, outcome: "restored", run: item.run.id, rows, error: null });
        out.note(
          cleanLine(
            `${tenant.slug}: ${rows} rows, equal to the archive${item.run === run ? "" : `, from run ${item.run.id}`}`,
          ),
        );
      } catch (error) {
        const { detail } = failureOf(error);
        tenants.push({ ...tenant, outcome: "failed", run: item.run.id, rows: 0, error: detail });
        out.note(cleanLine(`${tenant.slug}: failed: ${detail}`));
      }
    }
  } finally {
    await db.close();
  }
  await out.list([JSON.stringify(tenants)], {
    columns: [
      { key: "slug", title: "tenant", flex: true },
      { key: "status", as: "status" },
      { key: "outcome" },
      { key: "rows", as: "count" },
      { key: "run", drop: 1 },
    ],
    properties: ["id", "slug", "status", "outcome", "run", "rows", "error"],
    empty: "the system had no tenants",
  });
  const failed = tenants.filter(({ outcome }) => outcome !== "restored");
  if (failed.length === 0) {
    out.note("all is back. Next: tenantctl serve; sessions and tokens have ended, passwords are what they were");
    return exitCodes.done;
  }
  throw new CliError(
    "restore_incomplete",
    exitCodes.partial,
    `${failed.length} of ${tenants.length} tenants are not back: ${failed.map(({ slug }) => slug).join(", ")}`,
    "Start the API, then restore each from another backup: tenantctl restore TENANT --in-place --no-backup.",
  );
};
