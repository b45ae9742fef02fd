import { ContractError, type ResultOf, type Routes } from "@tenantctl/contract";
import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import { Answer } from "../answer.ts";
import { audited } from "../audit/audited.ts";
import { changedFields } from "../audit/changed-fields.ts";
import type { Handlers } from "../call.ts";
import { jsonTime } from "../json-time.ts";

type Plan = ResultOf<Routes["plans.put"]>;

/** A plan as the contract writes it, for a row `p` of `app.plans`. */
const planColumns = sql<Plan>`p.name, p.display_name as "displayName", p.users_limit as users, p.customers_limit as customers,
  p.storage_bytes_limit as "storageBytes", p.api_requests_per_day_limit as "apiRequestsPerDay",
  p.requests_per_minute as "requestsPerMinute", ${jsonTime("p.updated_at")} as "updatedAt",
  (select count(*) from app.tenants t where t.plan = p.name and t.status <> 'purged' and t.id <> ${SYSTEM_TENANT_ID}::uuid) as tenants`;

const planNamed = (name: string) => sql<Plan>`select ${planColumns} from app.plans p where p.name = ${name}`;

export const planHandlers: Handlers<"plans.list" | "plans.put"> = {
  "plans.list": (call) =>
    call.scope.run(sql<Plan>`select ${planColumns} from app.plans p order by p.name`.compile(build)),

  "plans.put": async (call) => {
    const { name } = call.params;
    let changesLimits = false;
    const answer = await call.scope.transaction(async (transaction) => {
      const [inserted, , [plan]] = await Promise.all([
        // Of two who create the same plan at once one waits here and then changes what the other made.
        transaction.run(
          sql<{
            name: string;
          }>`insert into app.plans (name, display_name) values (${name}, ${call.body.displayName ?? name})
            on conflict (name) do nothing returning name`.compile(build),
        ),
        transaction.run(sql`select from app.plans where name = ${name} for update`.compile(build)),
        transaction.run(planNamed(name).compile(build)),
      ]);
      if (plan === undefined) {
        throw new ContractError("not_found", "This plan was removed a moment ago.", "Send the request again.");
      }
      const isNew = inserted.length > 0;
      const changed = changedFields<Plan>(plan, call.body);
      if (changed === undefined && !isNew) return plan;
      changesLimits = !isNew;
      const after = { ...plan, ...changed?.after };
      const [, , [stored = plan]] = await Promise.all([
        transaction.run(
          sql`update app.plans set display_name = ${after.displayName}, users_limit = ${after.users}::bigint,
              customers_limit = ${after.customers}::bigint, storage_bytes_limit = ${after.storageBytes}::bigint,
              api_requests_per_day_limit = ${after.apiRequestsPerDay}::bigint,
              requests_per_minute = ${after.requestsPerMinute}::int, updated_at = now()
            where name = ${name}`.compile(build),
        ),
        transaction.run(
          audited(call, {
            resourceId: name,
            before: isNew ? null : (changed?.before ?? null),
            after: isNew ? { displayName: after.displayName, ...changed?.after } : (changed?.after ?? null),
          }),
        ),
        transaction.run(planNamed(name).compile(build)),
      ]);
      return new Answer(isNew ? 201 : 200, stored);
    });
    // Behind it, since it is done as the owner, and Citus lets nobody else look at rows of a transaction under way. Were it not done,
    // the hourly look at quotas would.
    if (changesLimits) await call.scope.run(sql`select app.note_filling_of_plan(${name}::text)`.compile(build));
    return answer;
  },
};
