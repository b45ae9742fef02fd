import type { ContactRole, ResultOf, Routes } from "@tenantctl/contract";
import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import { audited } from "../audit/audited.ts";
import type { Call } from "../call.ts";
import { listContacts } from "../contacts/contact-row.ts";
import { deliverDue } from "../deliveries/deliver-due.ts";
import { enqueueNotification } from "../deliveries/enqueue.ts";
import { readIncident } from "./incident-row.ts";
import { lockIncident } from "./record-entry.ts";

type NotifyRoute = Routes["incidents.notify"];

/** So many tenants are named; of more their number says it. */
const namedTenants = 20;

/** Tells everybody in these roles, once for each id; who has no webhook is in the answer, to be called. */
export const notifyContacts = async (call: Call<NotifyRoute>): Promise<ResultOf<NotifyRoute>> => {
  const roles: readonly ContactRole[] = call.body.roles;
  const subject = { type: "incident", id: call.body.id.toLowerCase() };
  const sent = await call.scope.transaction(async (transaction) => {
    // Two that tell the same at once: the second finds what the first has written.
    await lockIncident(transaction, call.params.id);
    const [before] = await transaction.run(
      sql<{ told: number }>`select count(*) as told from app.audit_log
        where tenant_id = ${SYSTEM_TENANT_ID}::uuid and resource_type = 'incident' and action = 'notify'
          and resource_id = ${call.params.id.toLowerCase()} and detail like ${`%${subject.id}`}`.compile(build),
    );
    if ((before?.told ?? 0) > 0) return { changed: false, channels: 0 };
    const incident = await readIncident(transaction, call.params.id);
    const channels = await enqueueNotification(transaction, {
      event: "incident.opened",
      severity: "critical",
      roles,
      subject,
      payload: {
        incident: incident.id,
        kind: incident.kind,
        title: incident.title,
        openedAt: incident.openedAt,
        openedBy: incident.openedBy,
        tenants: incident.tenants.slice(0, namedTenants).map(({ slug }) => slug),
        tenantsTotal: incident.tenants.length,
        message: call.body.message ?? null,
        next: `tenantctl incident show ${incident.id}`,
      },
    });
    await transaction.run(
      audited(call, { resourceId: incident.id, detail: `${channels} webhooks, ${roles.join(", ")}: ${subject.id}` }),
    );
    return { changed: true, channels };
  });
  void deliverDue(call.app);
  const contacts = await listContacts(call.scope);
  return { ...sent, contacts: contacts.filter(({ role }) => roles.includes(role)) };
};
