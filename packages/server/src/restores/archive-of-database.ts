import type { Readable } from "node:stream";
import { openDatabase } from "@tenantctl/database";
import { openTenantArchive } from "../archive/open-archive.ts";
import { findTenant } from "../tenants/find-tenant.ts";

/**
 * Hands over one tenant's archive from a database that no API serves, such as a backup recovered to a point in time: read as
 * the tenant role in that tenant's context, in one snapshot. `url` is of the user who owns that database. Throws
 * tenant_not_found, DatabaseRefusal, DatabaseUnavailable, and what `use` throws.
 */
export const archiveOfDatabase = async (
  { url, prefix }: { readonly url: string; readonly prefix: string },
  tenant: string,
  use: (archive: Readable) => Promise<void>,
): Promise<void> => {
  const poolSizes = { tenant: 1, operator: 1, tenantStream: 1, operatorStream: 1 };
  const db = await openDatabase({ url, prefix, poolSizes });
  try {
    const { id } = await findTenant(db.operator(undefined, { readOnly: true }), tenant);
    const { body } = await openTenantArchive(db, id);
    const closed = new Promise((done) => body.once("close", done));
    try {
      await use(body);
    } finally {
      body.destroy();
      await closed;
    }
  } finally {
    await db.close();
  }
};
