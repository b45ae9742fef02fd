import { ContractError, type ResultOf, type Routes } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { Answer } from "../answer.ts";
import { audited } from "../audit/audited.ts";
import type { Handlers } from "../call.ts";
import { jsonTime } from "../json-time.ts";
import { findTenantEver } from "../tenants/find-tenant.ts";
import { listChanges } from "./list-changes.ts";

type Entry = ResultOf<Routes["changelog.add"]>;

export const changelogHandlers: Handlers<"changelog.list" | "changelog.add"> = {
  "changelog.list": async ({ scope, query, request }) => {
    const tenant = query.tenantId === undefined ? undefined : await findTenantEver(scope, query.tenantId);
    return listChanges(scope, tenant?.id, query, request.path);
  },

  "changelog.add": async (call) => {
    const { change, date, tenantId } = call.body;
    const tenant = tenantId === undefined ? undefined : await findTenantEver(call.scope, tenantId);
    const { type, name } = call.actor;
    const id = uuidv7();
    const [[entry]] = await call.scope.transaction((transaction) =>
      Promise.all([
        // A day ahead is today somewhere; more is a slip of the pen that would stand on top for years.
        transaction.run(
          sql<Pick<Entry, "at" | "operator">>`insert into app.changelog_entries (id, at, change, about_tenant, operator)
            select ${id}::uuid, c.at, ${change}, ${tenant?.id ?? null}::uuid, ${type === "token" ? `token ${name}` : (name ?? type)}
            from (select coalesce(${date ?? null}::timestamptz, now()) as at) c where c.at <= now() + interval '1 day'
            returning ${jsonTime("at")} as at, operator`.compile(build),
        ),
        transaction.run(audited(call, { resourceId: id, detail: change, after: { tenant: tenant?.slug ?? null } })),
      ]).then((done) => {
        if (done[0].length === 0)
          throw new ContractError("invalid_request", "The date lies ahead.", "A change log tells what was done.");
        return done;
      }),
    );
    if (entry === undefined) throw new Error("what was inserted is answered");
    const { at, operator } = entry;
    return new Answer<Entry>(201, {
      id,
      at,
      change,
      operator,
      tenantId: tenant?.id ?? null,
      slug: tenant?.slug ?? null,
      source: "manual",
    });
  },
};
