import { ContractError } from "@tenantctl/contract";
import { build, sql, type Transaction } from "@tenantctl/database";
import { written } from "../written.ts";
import { slugOf } from "./slug.ts";
import { type TenantBody, tenantJson } from "./tenant-json.ts";

export interface NewTenant {
  readonly id: string;
  readonly slug: string | undefined;
  readonly name: string;
  readonly contactEmail: string;
  readonly plan: string;
}

const values = ({ id, name, contactEmail, plan }: NewTenant, slug: string) =>
  sql`insert into app.tenants as t (id, slug, name, contact_email, plan)
    values (${id}::uuid, ${slug}, ${name}, ${contactEmail}, ${plan})`;

const mostTries = 100;

/** Inserts the tenant; without a slug under the first free one of its name's (`acme`, `acme-2`, …). Throws slug_taken, not_found (the plan). */
export const insertTenant = async (transaction: Transaction, tenant: NewTenant): Promise<TenantBody> => {
  if (tenant.slug !== undefined) {
    const [row] = await transaction.run(
      written<{ tenant: TenantBody }>(values(tenant, tenant.slug), "t", sql`${tenantJson} as tenant`).compile(build),
    );
    if (row !== undefined) return row.tenant;
  }
  const base = slugOf(tenant.name);
  const nextFree = sql<{ slug: string }>`select c.slug from (
      select place, case place when 1 then ${base}::text else ${base}::text || '-' || place end as slug
      from generate_series(1, 9999) place) c
    where not exists (select from app.tenants t where t.slug = c.slug and t.status <> 'purged')
    order by c.place limit 1`.compile(build);
  for (let tries = 0; tries < mostTries; tries += 1) {
    const [free] = await transaction.run(nextFree);
    if (free === undefined) break;
    // Somebody who is about to commit this slug is waited for; then the next one is tried.
    const [row] = await transaction.run(
      written<{ tenant: TenantBody }>(
        sql`${values(tenant, free.slug)} on conflict (slug) where status <> 'purged' do nothing`,
        "t",
        sql`${tenantJson} as tenant`,
      ).compile(build),
    );
    if (row !== undefined) return row.tenant;
  }
  throw new ContractError("slug_taken", `All slugs derived from "${base}" are taken.`, "Choose a slug: `--slug`.");
};
