import { ContractError, type ResultOf, type Routes } from "@tenantctl/contract";
import { build, sql, type Transaction } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { Answer } from "../answer.ts";
import { audited } from "../audit/audited.ts";
import { makeResetSecret } from "../auth/reset-secret.ts";
import type { Call, Handler } from "../call.ts";
import { normaliseEmail } from "../email.ts";
import { claimKey, idempotentRequest, keepAnswer } from "../idempotency.ts";
import { jsonTime } from "../json-time.ts";
import { useQuota } from "../quotas/use-quota.ts";
import { bytesOfUser } from "../users/user-row.ts";
import { written } from "../written.ts";
import { insertTenant } from "./insert-tenant.ts";
import { operatorInTenant, transactionOrRehearsal } from "./operator-in-tenant.ts";
import { checkSlug, slugOf } from "./slug.ts";

type Provision = Routes["tenants.provision"];
type Provisioned = ResultOf<Provision>;

/** Whoever is handed a list of new tenants needs longer than somebody who waits for a reset. */
const firstSecretDays = 7;

/**
 * Refuses what can be refused before a password is hashed; asking the database checks the operator too. Gives whether a
 * tenant has the slug: what is to be repeated then under its key needs no hash either.
 */
const check = async ({ app, body, scope }: Call<Provision>, adminEmail: string): Promise<boolean> => {
  if (body.slug !== undefined) checkSlug(body.slug);
  const slug = body.slug ?? slugOf(body.name);
  const { adminPassword } = body;
  if (adminPassword !== null)
    for (const name of [body.adminName, body.name])
      app.passwords.check(adminPassword, { email: adminEmail, name, slug });
  const [found] = await scope.run(
    sql<{ plan: boolean; taken: boolean }>`select exists (select from app.plans where name = ${body.plan}) as plan,
      exists (select from app.tenants where slug = ${body.slug ?? null}::text and status <> 'purged') as taken`.compile(
      build,
    ),
  );
  if (found?.plan !== true) {
    throw new ContractError("not_found", `There is no plan "${body.plan}".`, "`tenantctl plans list` shows the plans.");
  }
  return found.taken;
};

const noSecret = { adminSecret: null, adminSecretExpiresAt: null };

const slugTaken = (): ContractError =>
  new ContractError(
    "slug_taken",
    "Another tenant has this slug.",
    "Choose another slug, or leave it out to have one derived.",
  );

/** The administrator's first secret: only its hash is stored, and it works once. */
const issueSecret = async (transaction: Transaction, tenantId: string, adminId: string) => {
  const { secret, hash } = makeResetSecret(tenantId);
  const [row] = await transaction.run(
    written<{ expiresAt: string }>(
      sql`insert into app.password_resets (tenant_id, id, user_id, secret_hash, expires_at)
        values (${tenantId}::uuid, ${uuidv7()}::uuid, ${adminId}::uuid, ${hash}::bytea,
          now() + make_interval(days => ${firstSecretDays}::int))`,
      "issued",
      sql`${jsonTime("expires_at")} as "expiresAt"`,
    ).compile(build),
  );
  return { adminSecret: secret, adminSecretExpiresAt: row?.expiresAt ?? null };
};

/** Creates a tenant, its first tenant_admin, its counters and the audit row in one transaction. */
export const provisionTenant: Handler<Provision> = async (call) => {
  const { body } = call;
  const dryRun = call.query.dryRun === true;
  const adminEmail = normaliseEmail(body.adminEmail);
  const request = dryRun ? undefined : idempotentRequest(call);
  const taken = await check(call, adminEmail);
  const passwordHash =
    dryRun || taken || body.adminPassword === null ? null : await call.app.passwords.hash(body.adminPassword);
  const [id, adminId] = [uuidv7(), uuidv7()];

  const create = async (transaction: Transaction): Promise<Answer<Provisioned>> => {
    const earlier = request === undefined ? undefined : await claimKey(transaction, request);
    if (earlier !== undefined) return new Answer(earlier.status, { ...noSecret, ...(earlier.response as Provisioned) });
    if (taken) throw slugTaken();
    const contactEmail = normaliseEmail(body.contactEmail);
    const tenant = await insertTenant(transaction, {
      id,
      slug: body.slug,
      name: body.name.trim().normalize("NFC"),
      contactEmail,
      plan: body.plan,
    });
    const response: Provisioned = { ...tenant, adminId, ...noSecret, dryRun };
    const status = dryRun ? 200 : 201;
    const invites = body.adminPassword === null;
    const [, issued] = await Promise.all([
      transaction.run(
        sql`insert into app.users (tenant_id, id, email, name, role, password_hash, password_changed_at)
          values (${id}::uuid, ${adminId}::uuid, ${adminEmail}, ${body.adminName.trim().normalize("NFC")}, 'tenant_admin',
            ${passwordHash}, ${invites ? sql`null` : sql`now()`})`.compile(build),
      ),
      invites && !dryRun ? issueSecret(transaction, id, adminId) : {},
      transaction.run(
        audited(call, {
          tenantId: id,
          resourceId: id,
          after: { slug: tenant.slug, name: tenant.name, plan: tenant.plan, contactEmail, adminId, adminEmail },
          ...(invites ? { detail: "a reset secret was issued" } : {}),
        }),
      ),
      transaction.run(useQuota(id, "users", 1)),
      transaction.run(useQuota(id, "customers", 0)),
      transaction.run(useQuota(id, "storage_bytes", bytesOfUser(id, adminId))),
      request === undefined ? undefined : keepAnswer(transaction, request, { status, response, tenantId: id }),
    ]);
    return new Answer(status, { ...response, ...issued });
  };
  return transactionOrRehearsal(operatorInTenant(call, id), dryRun, create);
};
