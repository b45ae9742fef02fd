import { type CheckResult, exitCodes } from "@tenantctl/contract";
import { repositoryOf } from "../../backup/flags.ts";
import { identitiesOf } from "../../backup/keys.ts";
import { CliError } from "../../cli-error.ts";
import { textFlag } from "../../invocation.ts";
import { failureOf } from "../../report-error.ts";
import { checkArchive } from "../../restore/checked-archive.ts";
import { chooseArchive } from "../../restore/choose-archive.ts";
import { queryOf } from "../../restore/restore-mode.ts";
import { restoreTenant } from "../../restore/restore-tenant.ts";
import { sendDocument } from "../../restore/send-document.ts";
import type { Api } from "../../session/api.ts";
import { notOver, outOfReach, over, plural, type Step, type StepContext, shortened } from "../step.ts";

/** The whole system, or each tenant by itself. */
const maintained = ({ incident }: StepContext): readonly { readonly tenantId?: string; readonly name: string }[] =>
  incident.allTenants || incident.tenants.length === 0
    ? [{ name: "the system" }]
    : incident.tenants.map(({ id, slug }) => ({ tenantId: id, name: slug }));

export const stop: Step = async (context) => {
  const { api, incident } = context;
  if (api === undefined) return outOfReach(context, "switching maintenance on");
  const evidence: string[] = [];
  for (const { name, ...tenant } of maintained(context)) {
    const { changed, writesUnderWay } = await api.call("maintenance.on", {
      body: { ...tenant, reason: `data loss, incident ${incident.id}` },
    });
    const late = writesUnderWay === 0 ? "" : `; ${plural(writesUnderWay, "change is", "changes are")} still under way`;
    evidence.push(`${name}: in maintenance${changed ? "" : " already"}${late}`);
  }
  return over({ result: "ok", evidence: shortened(evidence), next: null });
};

export const resume: Step = async (context) => {
  const { api } = context;
  if (api === undefined) return outOfReach(context, "switching maintenance off");
  const evidence: string[] = [];
  for (const { name, tenantId } of maintained(context)) {
    const { changed } = await api.call("maintenance.off", { query: tenantId === undefined ? {} : { tenantId } });
    evidence.push(`${name}: ${changed ? "in maintenance no more" : "was not in maintenance"}`);
  }
  return over({ result: "ok", evidence: shortened(evidence), next: null });
};

/** Counters, which a restore makes anew from the rows. */
const counted = "app.usage_counters";

interface TableDiff {
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
}

interface Difference {
  readonly result: CheckResult;
  readonly line: string;
  /** The run that it was compared with. */
  readonly run?: string | undefined;
}

/**
 * What a restore from the newest backup of before the incident would change. Newer ones hold the loss, and what a restore of
 * this incident replaced.
 */
const differenceOf = async (
  context: StepContext,
  api: Api,
  tenant: { id: string; slug: string },
): Promise<Difference> => {
  const { invocation, incident } = context;
  try {
    const wanted = {
      repository: repositoryOf(invocation),
      run: textFlag(invocation.flags, "run"),
      tenant: tenant.id,
      before: incident.openedAt,
    };
    const chosen = await chooseArchive(wanted, api, () => undefined);
    const archive = await checkArchive(chosen.path, await identitiesOf(invocation), chosen.sha256);
    const { operation } = await sendDocument(
      api,
      {
        route: "restores.create",
        query: queryOf({ kind: "diff" }, tenant, true),
        document: archive.plain,
        what: "the comparison",
        wait: true,
      },
      () => undefined,
    );
    const tables = Object.entries((operation.result as { tables?: Record<string, TableDiff> } | null)?.tables ?? {});
    const differing = tables.filter(
      ([table, diff]) => table !== counted && diff.added + diff.removed + diff.changed > 0,
    );
    const { run } = chosen;
    if (differing.length === 0) return { result: "ok", run, line: `${tenant.slug}: as in its backup, ${chosen.says}` };
    const sums = differing.map(
      ([table, { added, removed, changed }]) => `${table}: ${added} missing, ${removed} newer, ${changed} changed`,
    );
    return { result: "warning", run, line: `${tenant.slug}: differs from ${chosen.says}: ${sums.join("; ")}` };
  } catch (error) {
    const { detail } = failureOf(error);
    return { result: "problem", line: `${tenant.slug}: NOT COMPARED: ${detail}` };
  }
};

const compared = async (context: StepContext, api: Api): Promise<readonly Difference[]> => {
  const found: Difference[] = [];
  for (const tenant of context.incident.tenants) found.push(await differenceOf(context, api, tenant));
  return found;
};

const worstOf = (found: readonly Difference[]): CheckResult =>
  (["problem", "warning"] as const).find((level) => found.some(({ result }) => result === level)) ?? "ok";

export const affected: Step = async (context) => {
  const { api } = context;
  if (api === undefined) return outOfReach(context, "comparing the tenants with their backups");
  const found = await compared(context, api);
  const result = worstOf(found);
  const evidence = shortened(found.map(({ line }) => line));
  const next = {
    problem: "tenantctl backup list --repo DIR; then this step once more, with --again",
    warning: "tenantctl incident step ID restore --confirm TENANT",
  };
  return over({ result, evidence, next: result === "ok" || result === "needs_person" ? null : next[result] });
};

/** Each tenant that differs from its backup, one after the other, its slug typed for each. */
export const restore: Step = async (context) => {
  const { api, incident, invocation } = context;
  if (api === undefined) return outOfReach(context, "restoring");
  const evidence: string[] = [];
  const left: string[] = [];
  for (const tenant of incident.tenants) {
    const before = await differenceOf(context, api, tenant);
    if (before.result === "ok") {
      evidence.push(`${tenant.slug}: nothing to restore`);
      continue;
    }
    const confirm = textFlag(invocation.flags, "confirm");
    if (before.result === "problem" || (!invocation.ask.possible && confirm !== tenant.slug)) {
      evidence.push(
        before.result === "problem" ? before.line : `${tenant.slug}: not restored, its slug was not confirmed`,
      );
      left.push(tenant.slug);
      continue;
    }
    const { confirm: _, ...flags } = invocation.flags;
    const named = {
      ...(confirm === tenant.slug ? { confirm } : {}),
      ...(before.run === undefined ? {} : { run: before.run }),
    };
    const quiet = {
      ...invocation.out,
      text: () => undefined,
      list: async () => undefined,
      record: async () => undefined,
    };
    try {
      await restoreTenant(
        {
          ...invocation,
          args: [tenant.id],
          flags: { ...flags, ...named, inPlace: true },
          out: quiet,
          api: async () => api,
        },
        { kind: "in-place" },
      );
      evidence.push(`${tenant.slug}: restored; before: ${before.line}`);
    } catch (error) {
      if (error instanceof CliError && error.exit === exitCodes.interrupted) throw error;
      evidence.push(`${tenant.slug}: FAILED: ${failureOf(error).detail}`);
      left.push(tenant.slug);
    }
  }
  if (left.length === 0) return over({ result: "ok", evidence: shortened(evidence), next: null });
  return notOver({
    result: "problem",
    evidence: shortened(evidence),
    next: `tenantctl incident step ID restore --confirm ${left[0]}`,
  });
};

/** After the restore nothing differs but what was made since; and the audit log proves itself. */
export const verify: Step = async (context) => {
  const { api, incident } = context;
  if (api === undefined) return outOfReach(context, "verifying");
  const found = await compared(context, api);
  const differs = worstOf(found);
  const chains: string[] = [];
  let altered = false;
  for (const { id, slug } of incident.tenants) {
    const { ok, rows } = await verifiedChain(api, id);
    altered ||= !ok;
    chains.push(`${slug}: audit log ${ok ? `as it was written, ${plural(rows, "row")}` : "ALTERED"}`);
  }
  const evidence = shortened([...found.map(({ line }) => line), ...chains]);
  const result = altered ? "problem" : differs;
  return over({
    result,
    evidence,
    next: result === "ok" ? null : altered ? "tenantctl audit verify" : "tenantctl restore TENANT --diff",
  });
};

async function* nothing(): AsyncGenerator<Uint8Array> {}

const verifiedChain = async (api: Api, tenantId: string): Promise<{ ok: boolean; rows: number }> => {
  const { text } = await api.text("audit.verify", { query: { tenantId } }, { upload: nothing });
  const events: readonly { type: string; ok?: boolean; rows?: number }[] = JSON.parse(text);
  const last = events.findLast(({ type }) => type === "result");
  return { ok: last?.ok === true, rows: last?.rows ?? 0 };
};
