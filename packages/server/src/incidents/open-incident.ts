import { ContractError, type ResultOf, type Routes } from "@tenantctl/contract";
import { build, SYSTEM_TENANT_ID, sql, type Transaction } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { callerName } from "../alerts/caller-name.ts";
import { audited } from "../audit/audited.ts";
import type { Call } from "../call.ts";
import { readIncident } from "./incident-row.ts";

type OpenRoute = Routes["incidents.open"];

interface Affected {
  readonly id: string;
  readonly slug: string;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The tenants that ids and slugs name, purged ones by id too: their evidence stays. */
export const namedTenants = async (
  transaction: Pick<Transaction, "run">,
  references: readonly string[],
): Promise<{ found: readonly (Affected & { tenant: string })[]; unknown: readonly string[] }> => {
  const ids = references.filter((name) => uuid.test(name)).map((name) => name.toLowerCase());
  const rows = await transaction.run(
    sql<
      Affected & { status: string }
    >`select t.id, t.slug, t.status from app.tenants t where t.id <> ${SYSTEM_TENANT_ID}::uuid
      and (t.id = any(${ids}::uuid[]) or (t.slug = any(${[...references]}::text[]) and t.status <> 'purged'))`.compile(
      build,
    ),
  );
  const byName = new Map(rows.flatMap((row) => [[row.id, row] as const, [row.slug, row] as const]));
  const pairs = references.map((tenant) => ({
    tenant,
    row: byName.get(uuid.test(tenant) ? tenant.toLowerCase() : tenant),
  }));
  const found = pairs.flatMap(({ tenant, row }) => (row === undefined ? [] : [{ tenant, id: row.id, slug: row.slug }]));
  return {
    // Named by id and by slug it is one.
    found: found.filter(({ id }, index) => found.findIndex((other) => other.id === id) === index),
    unknown: pairs.flatMap(({ tenant, row }) => (row === undefined ? [tenant] : [])),
  };
};

const allTenants = async (transaction: Transaction): Promise<Affected[]> =>
  transaction.run(
    sql<Affected>`select t.id, t.slug from app.tenants t where t.id <> ${SYSTEM_TENANT_ID}::uuid
      and t.status not in ('deleted', 'purged') order by t.slug`.compile(build),
  );

/** Opens an incident; the same id again gives the one that it opened. Throws tenant_not_found naming all that are not there. */
export const openIncident = (call: Call<OpenRoute>): Promise<ResultOf<OpenRoute>> =>
  call.scope.transaction(async (transaction) => {
    const { id = uuidv7(), kind, title, tenants = [], all = false, at, recordedAs } = call.body;
    const named = await namedTenants(transaction, tenants);
    if (named.unknown.length > 0 && recordedAs === undefined) {
      throw new ContractError(
        "tenant_not_found",
        `There is no such tenant: ${named.unknown.join(", ")}. Nothing was opened.`,
        "`tenantctl list --include-deleted` shows the tenants.",
      );
    }
    const affected = all ? await allTenants(transaction) : named.found;
    const [made] = await transaction.run(
      sql<{
        id: string;
      }>`insert into app.incidents (id, kind, title, affected, about_tenants, unknown_tenants, all_tenants, opened_at, opened_by)
        values (${id}::uuid, ${kind}, ${title ?? null}, ${JSON.stringify(affected.map(({ id, slug }) => ({ id, slug })))}::jsonb,
          ${affected.map((tenant) => tenant.id)}::uuid[], ${[...named.unknown]}::text[], ${all},
          least(coalesce(${recordedAs === undefined ? null : (at ?? null)}::timestamptz, now()), now()),
          coalesce(${recordedAs ?? null}::text, ${callerName(call)}))
        on conflict (id) do nothing returning id`.compile(build),
    );
    if (made !== undefined) {
      const detail = `${kind}${title === undefined ? "" : `: ${title}`}`;
      await transaction.run(audited(call, { resourceId: id, detail, after: { tenants: affected.length } }));
    }
    const incident = await readIncident(transaction, id);
    if (incident.kind !== kind) {
      throw new ContractError(
        "idempotency_mismatch",
        `There is an incident of this id already, of another kind: ${incident.kind}.`,
        "Leave the id out to have one made.",
      );
    }
    return { ...incident, changed: made !== undefined };
  });
