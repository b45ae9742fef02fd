import type { ContractError, ErrorCode, ResultOf, Routes, TenantRole, TenantStatus } from "@tenantctl/contract";
import { build, readAsToken, readAsUser, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import { audited } from "../audit/audited.ts";
import type { Call } from "../call.ts";
import { asContractError } from "../problem.ts";
import { lockTenant } from "../tenants/lock-tenant.ts";
import { operatorInTenant } from "../tenants/operator-in-tenant.ts";
import { takeStep } from "../tenants/take-step.ts";
import { namedTenants } from "./open-incident.ts";

type ManyRoute = Routes["tenants.suspendMany"];
type Many = ResultOf<ManyRoute>;
type One = Many["tenants"][number];

/** As many as the operator's connections; more would only wait. */
const atOnce = 8;
/** Of each tenant the newest so many sessions, and as many tokens. */
const triedOfEach = 20;

const inTurn = async <T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> => {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index];
      if (item !== undefined) results[index] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
};

interface Named {
  readonly tenant: string;
  readonly id: string;
  readonly slug: string;
}

const failed = (tenant: string, known: Partial<Named>, error: string): One => ({
  tenant,
  id: known.id ?? null,
  slug: known.slug ?? null,
  outcome: "failed",
  status: null,
  sessionsEnded: 0,
  tried: 0,
  refused: 0,
  error,
});

/** Nobody gets in to these already; what they hold stays, so that their state is not made better by a suspension. */
const shut: readonly TenantStatus[] = ["suspended", "cancelled", "deleted", "purged"];

const suspend = async (call: Call<ManyRoute>, { tenant, id, slug }: Named, faults: ContractError[]): Promise<One> => {
  try {
    return await operatorInTenant(call, id).transaction(async (transaction) => {
      const before = await lockTenant(transaction, id);
      const known = { tenant, id, slug, tried: 0, refused: 0, error: null };
      if (shut.includes(before.status))
        return { ...known, outcome: "unchanged", status: before.status, sessionsEnded: 0 };
      const step = { step: "suspend", reason: call.body.reason ?? null } as const;
      const { sessionsEnded } = await takeStep(transaction, (more) => audited(call, more), before, step);
      return { ...known, outcome: "suspended", status: "suspended", sessionsEnded };
    });
  } catch (error) {
    const known = asContractError(error);
    faults.push(known);
    return failed(tenant, { id, slug }, known.message);
  }
};

interface Credential {
  readonly tenantId: string;
  readonly sessionId: string | null;
  readonly userId: string | null;
  readonly role: TenantRole | null;
  readonly tokenHash: Buffer | null;
}

/** What is the matter with one tenant; all else would meet each of them. */
const ofOneTenant: readonly ErrorCode[] = ["tenant_busy", "tenant_not_found", "transition_forbidden", "edit_conflict"];

/** What could be presented still: sessions whose time is not over, tokens that nobody revoked. */
const sessionsOf = (tenants: readonly string[]) =>
  sql<Credential>`select c.* from (
      select s.tenant_id as "tenantId", s.id as "sessionId", s.user_id as "userId", u.role, null::bytea as "tokenHash",
        row_number() over (partition by s.tenant_id order by s.created_at desc) as place
      from app.sessions s join app.users u on u.tenant_id = s.tenant_id and u.id = s.user_id
      where s.tenant_id = any(${[...tenants]}::uuid[]) and s.expires_at > now()) c
    where c.place <= ${sql.lit(triedOfEach)}`.compile(build);
const tokensOf = (tenants: readonly string[]) =>
  sql<Credential>`select c.* from (
      select k.tenant_id as "tenantId", null::uuid as "sessionId", null::uuid as "userId", null::text as role, k.token_hash as "tokenHash",
        row_number() over (partition by k.tenant_id order by k.created_at desc) as place
      from app.api_tokens k
      where k.tenant_id = any(${[...tenants]}::uuid[]) and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())) c
    where c.place <= ${sql.lit(triedOfEach)}`.compile(build);

/** Codes with which a request on what was let in before is refused. */
const refusals: readonly string[] = [
  "session_ended",
  "token_invalid",
  "tenant_suspended",
  "tenant_cancelled",
  "tenant_not_found",
];

/** The check that the next request on it begins with, in the tenant's own role and context: there is no other, and no cache. */
const isRefused = async (
  call: Call<ManyRoute>,
  { tenantId, sessionId, userId, role, tokenHash }: Credential,
): Promise<boolean> => {
  const entry =
    sessionId !== null && userId !== null && role !== null
      ? readAsUser({ sessionId, userId, role })
      : readAsToken({ tokenHash: tokenHash ?? Buffer.alloc(0), scope: "customers:read" });
  try {
    await call.app.db.tenant(tenantId, entry, { readOnly: true }).run(sql`select 1 as entered`.compile(build));
    return false;
  } catch (error) {
    // A token of another scope is refused for that, which proves nothing.
    return refusals.includes(asContractError(error).code);
  }
};

/** Suspends many tenants at once, and then tries what was let in before. */
export const suspendMany = async (call: Call<ManyRoute>): Promise<Many> => {
  const { tenants: references = [], all = false } = call.body;
  const begun = performance.now();
  const faults: ContractError[] = [];
  const { found, unknown } = all
    ? {
        found: await call.scope.run(
          sql<Named>`select t.slug as tenant, t.id, t.slug from app.tenants t
            where t.status = 'active' and t.id <> ${SYSTEM_TENANT_ID}::uuid order by t.slug`.compile(build),
        ),
        unknown: [],
      }
    : await namedTenants(call.scope, references);
  const suspended = await inTurn(found, (tenant) => suspend(call, tenant, faults));
  // Nothing was done, and it is no tenant's doing: the caller looks for another way.
  const [fault] = faults;
  if (fault !== undefined && faults.length === found.length && !ofOneTenant.includes(fault.code)) throw fault;
  const tookMs = Math.round(performance.now() - begun);
  const shutOut = suspended.flatMap(({ id, outcome }) => (id === null || outcome === "failed" ? [] : [id]));
  const presented = (await call.scope.batch([sessionsOf(shutOut), tokensOf(shutOut)])).flat();
  const tries = await inTurn(presented, async (one) => ({ id: one.tenantId, refused: await isRefused(call, one) }));
  const tenants = [
    ...suspended.map((one) => {
      const own = tries.filter(({ id }) => id === one.id);
      return { ...one, tried: own.length, refused: own.filter(({ refused }) => refused).length };
    }),
    ...unknown.map((name) => failed(name, {}, "There is no such tenant.")),
  ];
  const count = (outcome: One["outcome"]): number => tenants.filter((one) => one.outcome === outcome).length;
  return {
    suspended: count("suspended"),
    unchanged: count("unchanged"),
    failed: count("failed"),
    tookMs,
    tried: tries.length,
    refused: tries.filter(({ refused }) => refused).length,
    tenants,
  };
};
