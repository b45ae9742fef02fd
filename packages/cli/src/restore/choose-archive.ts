import { ContractError, exitCodes } from "@tenantctl/contract";
import { backupsOf, chooseRun, notABackup, pathOf, readRuns, type StoredItem } from "../backup/repository.ts";
import { CliError } from "../cli-error.ts";
import { durationText } from "../output/duration.ts";
import type { Api } from "../session/api.ts";

export interface Wanted {
  readonly repository: string;
  /** Only this run; the newest that holds the tenant unless said. */
  readonly run: string | undefined;
  /** Id or slug; null for what belongs to no tenant. */
  readonly tenant: string | null;
  /** Unless a run is named, only backups of before this time. */
  readonly before?: string;
}

/** A file of a finished run, and what people are told of it. */
export interface ChosenArchive {
  readonly path: string;
  /** Undefined for a plain file. */
  readonly run: string | undefined;
  readonly sha256: string | undefined;
  /** Whom its run was encrypted for. */
  readonly recipients: readonly string[];
  readonly says: string;
  /** The next step where it turns out damaged. */
  readonly otherwise: string;
}

const ageText = (at: string): string => durationText(Math.max(0, Math.floor((Date.now() - Date.parse(at)) / 1000)));

/** A slug may have been another tenant's before: the tenant that has it now is meant, where there is one. */
export const tenantIdOf = async (api: Api | undefined, reference: string): Promise<string> => {
  if (api === undefined) return reference;
  try {
    return (await api.call("tenants.get", { params: { id: reference } })).id;
  } catch (error) {
    if (error instanceof ContractError && error.code === "tenant_not_found") return reference;
    throw error;
  }
};

/** When a file's rows were read. */
const timeOf = ({ item, run }: StoredItem): string => item.snapshotAt ?? run.record.finishedAt;

const nothingOf = ({ repository, run, tenant, before }: Wanted): CliError =>
  new CliError(
    "no_backup",
    exitCodes.notFound,
    `${run === undefined ? `no finished run in ${repository}` : `the run ${run}`} holds ${tenant === null ? "a system archive" : `a backup of ${tenant}`}${run !== undefined || before === undefined ? "" : ` from before ${before}`}`,
    `\`tenantctl backup list --repo ${repository}\` shows what is there.`,
  );

const twoTenants = (reference: string, repository: string, found: readonly StoredItem[]): CliError => {
  const ids = [...new Set(found.map(({ tenant }) => tenant?.id ?? ""))];
  return new CliError(
    "tenant_ambiguous",
    exitCodes.conflict,
    `${ids.length} tenants have been called ${reference} in ${repository}: ${ids.join(", ")}`,
    "Say which by its id.",
  );
};

/**
 * The newest backup of a tenant in a repository. Folders that are no backups are named through `note`. Throws a CliError: exit 6
 * where there is none, 7 where the slug has belonged to several tenants that are gone.
 */
export const chooseArchive = async (
  wanted: Wanted,
  api: Api | undefined,
  note: (line: string) => void,
): Promise<ChosenArchive> => {
  const { repository, run, tenant, before } = wanted;
  const runs = await readRuns(repository);
  const within = run === undefined ? runs : [chooseRun(runs, repository, run)];
  for (const other of within) if (other.state !== "finished") note(notABackup(other));
  const all = backupsOf(within, tenant === null ? null : await tenantIdOf(api, tenant));
  const limit = run === undefined && before !== undefined ? Date.parse(before) : Number.POSITIVE_INFINITY;
  const found = all.filter((file) => Date.parse(timeOf(file)) < limit);
  const [newest, older] = found;
  if (newest === undefined) throw nothingOf(wanted);
  if (tenant !== null && new Set(found.map((item) => item.tenant?.id)).size > 1)
    throw twoTenants(tenant, repository, found);
  const at = timeOf(newest);
  return {
    path: pathOf(newest),
    run: newest.run.id,
    sha256: newest.item.sha256 ?? undefined,
    recipients: newest.run.record.recipients,
    says: `${newest.name} as of ${at} (${ageText(at)} ago), from run ${newest.run.id} of ${newest.run.record.host}`,
    otherwise:
      older === undefined
        ? "There is no older backup in this repository; look at the off-site copy."
        : `The next older one: --run ${older.run.id}.`,
  };
};
