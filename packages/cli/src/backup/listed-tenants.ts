import { ContractError, exitCodes, UnreachableError } from "@tenantctl/contract";
import { CliError } from "../cli-error.ts";
import type { Api } from "../session/api.ts";
import { readBody } from "./read-body.ts";
import { withRetries } from "./transience.ts";

/** As much of a tenant as a backup needs. */
export interface ListedTenant {
  readonly id: string;
  readonly slug: string;
  readonly status: string;
}

export interface Selection {
  /** Ids or slugs; empty means all, softly deleted ones too. */
  readonly tenants: readonly string[];
  readonly status: string | undefined;
}

const isListed = (row: unknown): row is ListedTenant =>
  typeof row === "object" &&
  row !== null &&
  "id" in row &&
  "slug" in row &&
  "status" in row &&
  typeof row.id === "string" &&
  typeof row.slug === "string" &&
  typeof row.status === "string";

const notAList = (url: string): UnreachableError =>
  new UnreachableError(
    `${url} broke off its list of tenants, or gave something else`,
    "Nothing was backed up. Run it again; if it repeats, look at the API's log.",
  );

const completeList = async (api: Api, status: string | undefined, stallMs: number): Promise<ListedTenant[]> => {
  const pieces: Uint8Array[] = [];
  const query = { includeDeleted: true, ...(status === undefined ? {} : { status }) };
  await readBody(
    (signal) => api.send("tenants.list", { query }, { signal }),
    { what: "the list of tenants", stallMs },
    (piece) => void pieces.push(piece),
  );
  let rows: unknown;
  try {
    rows = JSON.parse(Buffer.concat(pieces).toString("utf8"));
  } catch {
    throw notAList(api.target.url);
  }
  if (!Array.isArray(rows) || !rows.every(isListed)) throw notAList(api.target.url);
  return rows.map(({ id, slug, status: now }) => ({ id, slug, status: now }));
};

const namedTenant = async (api: Api, reference: string): Promise<ListedTenant> => {
  try {
    const { id, slug, status } = await api.call("tenants.get", { params: { id: reference } });
    return { id, slug, status };
  } catch (error) {
    if (!(error instanceof ContractError) || error.code !== "tenant_not_found") throw error;
    throw new CliError(error.code, exitCodes.notFound, `there is no tenant ${reference}`, error.hint);
  }
};

/** The tenants that a run is about, each once, by slug. Not getting the whole list is an error: nothing is left out unseen. */
export const listTenants = async (
  api: Api,
  { tenants, status }: Selection,
  stallMs: number,
  onRetry: (error: unknown) => void,
): Promise<ListedTenant[]> => {
  const found = await withRetries(
    async () => {
      if (tenants.length === 0) return completeList(api, status, stallMs);
      const named: ListedTenant[] = [];
      for (const reference of new Set(tenants)) named.push(await namedTenant(api, reference));
      return named;
    },
    { onRetry },
  );
  const each = new Map(found.map((tenant) => [tenant.id, tenant]));
  return [...each.values()].sort((a, b) => (a.slug < b.slug ? -1 : 1));
};
