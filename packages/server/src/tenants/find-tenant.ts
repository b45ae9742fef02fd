import { ContractError, type TenantStatus } from "@tenantctl/contract";
import { build, type Scope, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { RawBuilder } from "kysely";
import type { Hold } from "./hold.ts";

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
  readonly hold: Hold | null;
}

/** The condition on `app.tenants t` that an id or a slug stands for; never the system's own row. Throws tenant_not_found. */
export const tenantMatch = (reference: string): RawBuilder<boolean> => {
  if (uuid.test(reference)) return sql`t.id = ${reference.toLowerCase()}::uuid and t.id <> ${SYSTEM_TENANT_ID}::uuid`;
  if (slug.test(reference)) {
    return sql`t.slug = ${reference} and t.status <> 'purged' and t.id <> ${SYSTEM_TENANT_ID}::uuid`;
  }
  throw noSuchTenant();
};

/** The tenant that an id or a slug names, deleted ones included, purged ones and the system's own not. Throws tenant_not_found. */
export const findTenant = async (scope: Scope, reference: string): Promise<FoundTenant> => {
  const [row] = await scope.run(
    sql<FoundTenant>`select t.id, t.slug, t.status, t.hold from app.tenants t
      where ${tenantMatch(reference)} and t.status <> 'purged'`.compile(build),
  );
  if (row === undefined) throw noSuchTenant();
  return row;
};

/** Likewise, but purged ones too, since their history stays: by id, or by slug the one that has it or had it last. Throws tenant_not_found. */
export const findTenantEver = async (scope: Scope, reference: string): Promise<FoundTenant> => {
  const match = uuid.test(reference) ? sql`t.id = ${reference.toLowerCase()}::uuid` : sql`t.slug = ${reference}`;
  const [row] = await scope.run(
    sql<FoundTenant>`select t.id, t.slug, t.status, t.hold from app.tenants t
      where ${match} and t.id <> ${SYSTEM_TENANT_ID}::uuid order by t.purged_at desc nulls first limit 1`.compile(
      build,
    ),
  );
  if (row === undefined) throw noSuchTenant();
  return row;
};
