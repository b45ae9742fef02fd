import { ContractError, type ResultOf, type Routes } from "@tenantctl/contract";
import { withRetries } from "../backup/transience.ts";
import { failureOf } from "../report-error.ts";
import type { Api } from "../session/api.ts";
import type { RowOutcome } from "./report-file.ts";
import type { StoredRow } from "./row-store.ts";
import type { TenantRow } from "./tenant-row.ts";

/** Milliseconds between attempts: half a minute in all, so that an API that restarts is waited for. */
const pauses = [500, 1000, 2000, 4000, 8000, 15_000];

export interface RowJob {
  readonly api: Api;
  /** Of this run alone: what is sent again within it is the same request. */
  readonly runId: string;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  readonly onRetry: (error: unknown) => void;
}

export interface RowResult extends RowOutcome {
  readonly attempts: number;
  /** Why it failed. */
  readonly cause?: unknown;
}

const none = { tenantId: null, adminSecret: null, adminSecretExpiresAt: null, error: null };

/** E-mails as the API compares them. */
const sameEmail = (one: string, other: string): boolean =>
  one.trim().normalize("NFC").toLowerCase() === other.trim().normalize("NFC").toLowerCase();

const hasUser = async (api: Api, id: string, email: string): Promise<boolean> => {
  let cursor: string | undefined;
  do {
    const query = { limit: 1000, ...(cursor === undefined ? {} : { cursor }) };
    const { text, next } = await api.text("tenants.users", { params: { id }, query });
    const users: ResultOf<Routes["tenants.users"]> = JSON.parse(text);
    if (users.some((user) => sameEmail(user.email, email))) return true;
    cursor = next;
  } while (cursor !== undefined);
  return false;
};

/** The tenant that has the row's slug: the row's own, of an earlier run, where its administrator is among the users. */
const existing = async (api: Api, { slug, adminEmail }: TenantRow): Promise<RowOutcome> => {
  const [{ id, status }, isOwn] = await Promise.all([
    api.call("tenants.get", { params: { id: slug } }),
    hasUser(api, slug, adminEmail),
  ]);
  if (status === "deleted")
    throw new ContractError("slug_taken", `a deleted tenant has the slug ${slug}`, `tenantctl undelete ${slug}`);
  if (isOwn) return { ...none, outcome: "existing", tenantId: id };
  throw new ContractError(
    "slug_taken",
    `another tenant has the slug ${slug}: ${adminEmail} is none of its users`,
    "Choose another slug.",
  );
};

type Made = ResultOf<Routes["tenants.provision"]>;

/** What was made; where the answer with the administrator's secret was lost nobody has it, and another one is asked for. */
const outcomeOf = async (job: RowJob, { adminPassword }: TenantRow, made: Made): Promise<RowOutcome> => {
  const { api, dryRun, signal, onRetry } = job;
  const { id, adminId, adminSecret, adminSecretExpiresAt } = made;
  if (dryRun) return { ...none, outcome: "provisioned" };
  const provisioned = { ...none, outcome: "provisioned", tenantId: id } as const;
  if (adminPassword !== null || adminSecret !== null) return { ...provisioned, adminSecret, adminSecretExpiresAt };
  const reset = () => api.call("users.resetPassword", { params: { id: adminId }, query: { tenantId: id }, body: {} });
  try {
    const { secret, expiresAt } = await withRetries(reset, { signal, onRetry, pauses });
    return { ...provisioned, adminSecret: secret, adminSecretExpiresAt: expiresAt };
  } catch (error) {
    const { code, detail } = failureOf(error);
    const lost = `provisioned, but the answer with the administrator's secret was lost, and no other was made: ${detail}`;
    return { ...provisioned, outcome: "failed", error: { code, detail: lost } };
  }
};

/** Provisions one row's tenant; what is transient is tried again under the same key. Never throws. */
export const provisionRow = async ({ line, tenant }: StoredRow, job: RowJob): Promise<RowResult> => {
  const { api, runId, dryRun, signal, onRetry } = job;
  let attempts = 0;
  const attempt = async (number: number): Promise<RowOutcome> => {
    attempts = number;
    try {
      const made = await api.call("tenants.provision", {
        query: dryRun ? { dryRun } : {},
        body: tenant,
        idempotencyKey: `${runId}:${line}`,
      });
      return await outcomeOf(job, tenant, made);
    } catch (error) {
      if (!(error instanceof ContractError) || error.code !== "slug_taken") throw error;
      return existing(api, tenant);
    }
  };
  try {
    return { ...(await withRetries(attempt, { signal, onRetry, pauses })), attempts };
  } catch (cause) {
    const { code, detail } = failureOf(cause);
    return { ...none, outcome: "failed", error: { code, detail }, attempts, cause };
  }
};
