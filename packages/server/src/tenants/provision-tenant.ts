import { ContractError, type ResultOf, type Routes } from "@tenantctl/contract";
import { build, sql, type Transaction } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { Answer } from "../answer.ts";
import { audited } from "../audit/audited.ts";
import type { Call, Handler } from "../call.ts";
import { normaliseEmail } from "../email.ts";
import { claimKey, idempotentRequest, keepAnswer } from "../idempotency.ts";
import { useQuota } from "../quotas/use-quota.ts";
import { bytesOfUser } from "../users/user-row.ts";
import { insertTenant } from "./insert-tenant.ts";
import { operatorInTenant, transactionOrRehearsal } from "./operator-in-tenant.ts";
import { checkSlug, slugOf } from "./slug.ts";

type Provision = Routes["tenants.provision"];
type Provisioned = ResultOf<Provision>;

/** Refuses what can be refused before a password is hashed; asking the database checks the operator too. */
const check = async ({ app, body, scope }: Call<Provision>, adminEmail: string): Promise<void> => {
  if (body.slug !== undefined) checkSlug(body.slug);
  const slug = body.slug ?? slugOf(body.name);
  for (const name of [body.adminName, body.name]) {
    app.passwords.check(body.adminPassword, { email: adminEmail, name, slug });
  }
  const plans = await scope.run(sql`select from app.plans where name = ${body.plan}`.compile(build));
  if (plans.length === 0) {
    throw new ContractError("not_found", `There is no plan "${body.plan}".`, "`tenantctl plans list` shows the plans.");
  }
};

/** Creates a tenant, its first tenant_admin, its counters and the audit row in one transaction. */
export const provisionTenant: Handler<Provision> = async (call) => {
  const { body } = call;
  const dryRun = call.query.dryRun === true;
  const adminEmail = normaliseEmail(body.adminEmail);
  const request = dryRun ? undefined : idempotentRequest(call);
  await check(call, adminEmail);
  const passwordHash = dryRun ? null : await call.app.passwords.hash(body.adminPassword);
  const [id, adminId] = [uuidv7(), uuidv7()];

  const create = async (transaction: Transaction): Promise<Answer<Provisioned>> => {
    const earlier = request === undefined ? undefined : await claimKey(transaction, request);
    if (earlier !== undefined) return new Answer(earlier.status, earlier.response as Provisioned);
    const contactEmail = normaliseEmail(body.contactEmail);
    const tenant = await insertTenant(transaction, {
      id,
      slug: body.slug,
      name: body.name.trim().normalize("NFC"),
      contactEmail,
      plan: body.plan,
    });
    const response: Provisioned = { ...tenant, adminId, dryRun };
    const status = dryRun ? 200 : 201;
    await Promise.all([
      transaction.run(
        sql`insert into app.users (tenant_id, id, email, name, role, password_hash, password_changed_at)
          values (${id}::uuid, ${adminId}::uuid, ${adminEmail}, ${body.adminName.trim().normalize("NFC")}, 'tenant_admin',
            ${passwordHash}, now())`.compile(build),
      ),
      transaction.run(
        audited(call, {
          tenantId: id,
          resourceId: id,
          after: { slug: tenant.slug, name: tenant.name, plan: tenant.plan, contactEmail, adminId, adminEmail },
        }),
      ),
      transaction.run(useQuota(id, "users", 1)),
      transaction.run(useQuota(id, "customers", 0)),
      transaction.run(useQuota(id, "storage_bytes", bytesOfUser(id, adminId))),
      request === undefined ? undefined : keepAnswer(transaction, request, { status, response, tenantId: id }),
    ]);
    return new Answer(status, response);
  };
  return transactionOrRehearsal(operatorInTenant(call, id), dryRun, create);
};
