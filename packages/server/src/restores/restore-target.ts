import type { Manifest } from "@tenantctl/archive";
import { ContractError, type restoreModes } from "@tenantctl/contract";
import { build, type Scope, sql } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { heldError, readHold } from "../holds/legal-hold.ts";
import { findTenant, findTenantEver } from "../tenants/find-tenant.ts";
import type { Hold } from "../tenants/hold.ts";
import { checkSlug } from "../tenants/slug.ts";
import { unsupported } from "./restore-fault.ts";

export interface RestoreRequest {
  readonly mode: (typeof restoreModes)[number];
  readonly tenant?: string | undefined;
  readonly slug?: string | undefined;
  readonly confirm?: string | undefined;
  readonly present?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

/** What a tenant's record says, as far as a restore makes a tenant of it. */
export interface ArchivedTenant {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly plan: string;
  readonly contactEmail: string;
  readonly createdAt: string;
}

/** Whose rows the archive's become. */
export interface RestoreTarget {
  readonly mode: RestoreRequest["mode"];
  readonly tenantId: string;
  readonly slug: string;
  readonly archived: ArchivedTenant;
  /** When the archive's snapshot was taken. */
  readonly at: string;
  readonly present: string | undefined;
}

const wrong = (field: string, message: string, hint: string): ContractError =>
  new ContractError("invalid_request", `query.${field} ${message}.`, hint, {
    faults: [{ path: `query.${field}`, message }],
  });

const archivedTenant = ({ tenant }: Pick<Manifest, "tenant">): ArchivedTenant => {
  if (tenant === null) {
    throw unsupported(
      "This is the archive of the system, not of a tenant.",
      "`tenantctl restore --system` puts it into an empty database.",
    );
  }
  const record: Readonly<Record<string, unknown>> = tenant;
  const text = (name: string, fallback: string): string => {
    const value = record[name];
    return typeof value === "string" && value !== "" ? value : fallback;
  };
  return {
    id: tenant.id,
    slug: tenant.slug,
    name: text("name", tenant.slug),
    plan: text("plan", ""),
    contactEmail: text("contactEmail", ""),
    createdAt: text("createdAt", new Date().toISOString()),
  };
};

const requirePlan = async (scope: Scope, { plan }: ArchivedTenant): Promise<void> => {
  const plans = await scope.run(sql`select from app.plans where name = ${plan}`.compile(build));
  if (plans.length > 0) return;
  throw unsupported(`There is no plan "${plan}" here, which the tenant had.`, `Make it first: \`tenantctl plans\`.`);
};

const requireFreeSlug = async (scope: Scope, slug: string, hint: string): Promise<void> => {
  const taken = await scope.run(
    sql`select from app.tenants where slug = ${slug} and status <> 'purged'`.compile(build),
  );
  if (taken.length > 0) throw new ContractError("slug_taken", `Another tenant has the slug "${slug}".`, hint);
};

/** What can be refused before a document has been received. Throws invalid_request, slug_taken, tenant_not_found. */
export const checkRequest = async (scope: Scope, request: RestoreRequest): Promise<void> => {
  const { mode, slug, confirm, tenant } = request;
  if (mode === "new" && slug === undefined)
    throw wrong("slug", "is missing: a copy needs one", "Name the copy's slug.");
  if (mode === "in-place" && confirm === undefined) {
    throw wrong("confirm", "is missing: the tenant's slug", "Send the slug of the tenant whose data are replaced.");
  }
  if (mode === "in-place" && slug !== undefined) throw wrong("slug", "is for copies", "Leave it out.");
  if (mode !== "in-place" && confirm !== undefined) throw wrong("confirm", "is for in-place", "Leave it out.");
  if (slug !== undefined) {
    checkSlug(slug);
    await requireFreeSlug(scope, slug, "Choose another slug.");
  }
  if (tenant !== undefined) await (mode === "in-place" ? findTenant : findTenantEver)(scope, tenant);
  // Whatever the mode: credentials that do not hold must not have their document read.
  if (slug === undefined && tenant === undefined) await scope.run(sql`select 1`.compile(build));
};

/** Throws archive_unsupported unless the archive is of the tenant that is asked for. */
const requireOwnArchive = async (scope: Scope, tenant: string, archived: ArchivedTenant): Promise<void> => {
  const found = await findTenantEver(scope, tenant);
  if (found.id === archived.id) return;
  throw unsupported(
    `The archive is of ${archived.slug} (${archived.id}), not of ${found.slug} (${found.id}).`,
    "Name the tenant that it is of, or leave `tenant` out and restore it beside: `--as-new <slug>`.",
  );
};

const inPlace = async (scope: Scope, request: RestoreRequest, archived: ArchivedTenant) => {
  const found = await findTenant(scope, archived.id);
  if (request.confirm !== found.slug) {
    throw wrong("confirm", `is not the tenant's slug, "${found.slug}"`, "Send the slug of the tenant itself.");
  }
  refuseHeld(found.hold);
  // What is replaced is removed; looking at what would change removes nothing.
  const legalHold = request.dryRun === true ? undefined : await readHold(scope, found.id);
  if (legalHold !== undefined) throw heldError(legalHold);
  return { tenantId: found.id, slug: found.slug };
};

/** A hard delete that stopped half way does not stand in the way: the restore makes the tenant whole. */
export const refuseHeld = (hold: Hold | null): void => {
  if (hold === null || hold.partlyRemoved === true) return;
  throw new ContractError("tenant_busy", "The tenant is being restored or deleted.", "Try again when that is over.", {
    retryAfter: 10,
  });
};

const original = async (scope: Scope, request: RestoreRequest, archived: ArchivedTenant) => {
  const [row] = await scope.run(
    sql<{ status: string }>`select status from app.tenants where id = ${archived.id}::uuid`.compile(build),
  );
  if (row !== undefined && row.status !== "purged") {
    throw new ContractError(
      "transition_forbidden",
      `The tenant is there: it is ${row.status}, not purged.`,
      row.status === "deleted" ? "Bring it back with `tenantctl undelete`." : "Replace its data: `--in-place`.",
    );
  }
  const slug = request.slug ?? archived.slug;
  await requireFreeSlug(scope, slug, "Name another one: `?slug=`, in tenantctl `--slug`.");
  return { tenantId: archived.id, slug };
};

/** Finds whose rows they become. Throws invalid_request, tenant_not_found, tenant_busy, slug_taken, transition_forbidden, archive_unsupported. */
export const restoreTarget = async (
  scope: Scope,
  request: RestoreRequest,
  manifest: Pick<Manifest, "tenant" | "snapshot">,
): Promise<RestoreTarget> => {
  const archived = archivedTenant(manifest);
  const { mode, present, tenant } = request;
  if (tenant !== undefined) await requireOwnArchive(scope, tenant, archived);
  const about = { mode, archived, at: manifest.snapshot.at, present };
  if (mode === "in-place") return { ...about, ...(await inPlace(scope, request, archived)) };
  await requirePlan(scope, archived);
  if (mode === "original") return { ...about, ...(await original(scope, request, archived)) };
  return { ...about, tenantId: uuidv7(), slug: request.slug ?? archived.slug };
};
