import { ContractError, type TenantStatus } from "@tenantctl/contract";
import { build, type Scope, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const slug = /^[a-z0-9-]{1,63}$/;

/** What a caller hears about a tenant that is not there, and about one that is not theirs. */
export const noSuchTenant = (): ContractError =>
  new ContractError(
    "tenant_not_found",
    "There is no such tenant.",
    "`tenantctl list` shows the tenants; deleted ones with --include-deleted.",
  );

export interface FoundTenant {
  readonly id: string;
  readonly slug: string;
  readonly status: TenantStatus;
}

/** The tenant that an id or a slug names, deleted ones included, purged ones and the system's own not. Throws tenant_not_found. */
export const findTenant = async (scope: Scope, reference: string): Promise<FoundTenant> => {
  const match = uuid.test(reference)
    ? sql`id = ${reference.toLowerCase()}`
    : slug.test(reference)
      ? sql`slug = ${reference}`
      : undefined;
  if (match === undefined) throw noSuchTenant();
  const [row] = await scope.run(
    sql<FoundTenant>`select id, slug, status from app.tenants where ${match} and status <> 'purged' and id <> ${SYSTEM_TENANT_ID}`.compile(
      build,
    ),
  );
  if (row === undefined) throw noSuchTenant();
  return row;
};
