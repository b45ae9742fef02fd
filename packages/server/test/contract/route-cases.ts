import type { RouteId, Routes } from "@tenantctl/contract";
import { SYSTEM_TENANT_ID } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { sealAll } from "../../src/audit/sealer.ts";
import { asOwner, ownerRow } from "../fixture/as-owner.ts";
import { type Actor, type Caller, password, type World, type WorldTenant } from "./world.ts";

/** One valid call of a route, with whatever it needs made before. */
export interface Prepared {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly body?: Readonly<Record<string, unknown>>;
  /** A document in place of a body. */
  readonly upload?: { readonly type: string; readonly body: Uint8Array<ArrayBuffer> };
  /** Credentials in place of the caller's, where the call is about the session it is made with. */
  readonly token?: string;
  /** Whom the audit row names, where that is not the caller. */
  readonly actor?: Actor;
  /** Whose log it stands in, where that is not the tenant of a tenant's route, or of none for the rest. */
  readonly auditTenant?: string;
}

type Prepare = (world: World, tenant: WorldTenant, caller: Caller) => Promise<Prepared> | Prepared;

interface ReadCase {
  readonly prepare: Prepare;
}

interface MutationCase extends ReadCase {
  /** What the very same call does a second time: nothing, another change, or it is refused. */
  readonly again: "unchanged" | "changes" | "refused";
}

type CaseOf<Id extends RouteId> = Routes[Id] extends { readonly audit: object } ? MutationCase : ReadCase;

const nothing: Prepare = () => ({});

const newUser = async (world: World, tenant: WorldTenant, role = "support_agent") => {
  const email = `${world.fresh("user")}@example.com`;
  const body = { name: "Somebody", email, password, role };
  const { id } = await world.must("POST", `/api/tenants/users?tenantId=${tenant.id}`, body);
  return { id, email };
};

const newCustomer = async (world: World, tenant: WorldTenant): Promise<string> =>
  (await world.must("POST", `/api/customers?tenantId=${tenant.id}`, { name: world.fresh("Customer") })).id;

const newOperator = async (world: World) => {
  const email = `${world.fresh("operator")}@example.com`;
  const { id } = await world.must("POST", "/api/admin/operators", { name: "Another", email, password });
  return { id, email };
};

const newTenantBody = (world: World) => {
  const slug = world.fresh("made");
  return {
    name: `Made ${slug}`,
    slug,
    contactEmail: `contact@${slug}.example`,
    adminName: "Admin",
    adminEmail: `admin@${slug}.example`,
    adminPassword: password,
    plan: "basic",
  };
};

const newTenant = async (world: World): Promise<string> =>
  (await world.must("POST", "/api/admin/tenants/provision", newTenantBody(world))).id;

/** A tenant on which these steps were taken, as the target of the next. */
const tenantAfter =
  (steps: readonly string[], body?: object): Prepare =>
  async (world) => {
    const id = await newTenant(world);
    for (const step of steps) await world.must("POST", `/api/admin/tenants/${id}/${step}`);
    return { params: { id }, auditTenant: id, ...(body === undefined ? {} : { body: { ...body } }) };
  };

/** A session of the caller's kind that nothing else uses. */
const ownSession: Prepare = async (world, tenant, { kind }) => {
  if (kind === "operator") {
    const { id, email } = await newOperator(world);
    const { accessToken } = await world.server.login({ email, password });
    return { token: accessToken, actor: { type: "operator", id } };
  }
  const { id, email } = await newUser(world, tenant, kind === "tenantAdmin" ? "tenant_admin" : "support_agent");
  const { accessToken } = await world.server.login({ email, password, tenant: tenant.slug });
  return { token: accessToken, actor: { type: "user", id }, auditTenant: tenant.id };
};

const newAlert = async ({ server }: World, tenant: WorldTenant): Promise<string> => {
  const { id } = await ownerRow<{ id: string }>(
    server.database,
    `insert into app.alerts (id, rule, tenant_id, fingerprint, severity, summary, next_step)
      values ($1::uuid, 'walk', $2, $1::text, 'warning', 'Something is wrong', 'Look at it') returning id`,
    [uuidv7(), tenant.id],
  );
  return id;
};

const newContact = async (world: World): Promise<string> => {
  const name = world.fresh("contact");
  await world.must("PUT", `/api/admin/contacts/${name}`, { role: "on_call", email: "ops@example.com" });
  return name;
};

/** A contact whose webhook refuses: loopback is not allowed here. */
const newWebhook = async (world: World): Promise<string> => {
  const name = await newContact(world);
  await asOwner(world.server.database, async (client) => {
    await client.query("update app.contacts set signing_secret = $2 where name = $1", [
      name,
      `whsec_${"A".repeat(32)}`,
    ]);
    await client.query(
      `insert into app.contact_channels (id, contact_id, url, host)
       select $2, id, 'https://127.0.0.1/hook', '127.0.0.1' from app.contacts where name = $1`,
      [name, uuidv7()],
    );
  });
  return name;
};

const newDelivery = async (world: World): Promise<string> => {
  const { results } = await world.server
    .request("POST", `/api/admin/contacts/${await newWebhook(world)}/test`, { token: world.operatorToken })
    .then(({ body }) => body);
  return results[0].deliveryId;
};

/** A kind of error that nobody has resolved. */
const newError = async ({ server }: World): Promise<string> => {
  const { fingerprint } = await ownerRow<{ fingerprint: string }>(
    server.database,
    `insert into app.error_groups
        (fingerprint, code, error, source, place, expected, message, version, occurrences, first_seen_at, last_seen_at)
      values (right(replace($1, '-', ''), 16), 'internal', 'Error', 'request', 'customers.list', false, 'walked', '1.0.0', 1, now(), now())
      returning fingerprint`,
    [uuidv7()],
  );
  return fingerprint;
};

const newSilence = async (world: World): Promise<string> =>
  (await world.must("POST", "/api/admin/alert-silences", { rule: "error_rate", forSeconds: 60, reason: "walk" })).id;

const newRule = async (world: World): Promise<string> => {
  const name = world.fresh("rule").replace("-", "_");
  await world.must("PUT", `/api/admin/alert-rules/${name}`, { metric: "database_size", threshold: 50 });
  return name;
};

const newCheckRun = async (world: World): Promise<string> =>
  (await world.must("POST", "/api/admin/checks", { cadence: "daily" })).id;

/** An open incident about a tenant. */
const newIncident = async (world: World, tenant: WorldTenant): Promise<string> =>
  (await world.must("POST", "/api/admin/incidents", { kind: "data-breach", tenants: [tenant.slug] })).id;

/** One whose steps were all skipped. */
const settledIncident = async (world: World, tenant: WorldTenant): Promise<string> => {
  const id = await newIncident(world, tenant);
  for (const step of ["suspend", "preserve", "notify", "scope", "document"]) {
    await world.must("POST", `/api/admin/incidents/${id}/entries`, {
      id: uuidv7(),
      kind: "skipped",
      step,
      text: "walk",
    });
  }
  return id;
};

const newOperation = async ({ server }: World, tenantId: string): Promise<string> => {
  const { id } = await ownerRow<{ id: string }>(
    server.database,
    `insert into app.operations (id, kind, tenant_id, requested_by)
      values ($1, 'hard_delete', $2, '{"actor": {"type": "operator", "id": null, "name": "walk"}}') returning id`,
    [uuidv7(), tenantId],
  );
  return id;
};

/** A lease that nobody holds any more is out of the way. */
const freeLease = ({ server }: World): Promise<unknown> =>
  asOwner(server.database, (client) => client.query("delete from app.backup_lease"));

const newLease = async (world: World): Promise<string> => {
  await freeLease(world);
  return (await world.must("POST", "/api/admin/backups/lease", { holder: world.fresh("host") })).id;
};

const newReport = (world: World, tenantId: string) => ({
  runId: world.fresh("run"),
  kind: "backup",
  repository: "/var/backups",
  host: "backup1",
  startedAt: "2026-11-23T02:30:00.000Z",
  finishedAt: "2026-11-23T02:30:08.000Z",
  exitCode: 0,
  items: [{ tenantId, outcome: "ok", snapshotAt: "2026-11-23T02:30:01.000Z", bytes: 10, sha256: "0".repeat(64) }],
});

/** What a tenant's own route gives, as the document of a route that makes a copy of it. */
const documentOf =
  (path: string, type: string): Prepare =>
  async (world, { id }) => {
    const token = await world.server.operatorToken();
    const response = await fetch(new URL(path.replace(":id", id), world.server.url), {
      headers: { authorization: `Bearer ${token}` },
    });
    const body = new Uint8Array(await response.arrayBuffer());
    return { query: { slug: world.fresh("copy") }, upload: { type, body } };
  };

const archive = documentOf("/api/admin/tenants/:id/archive", "application/x-tar");
const exported = documentOf("/api/tenants/export?tenantId=:id", "application/vnd.tenantctl.export+json");

const noCheckpoints = { type: "application/vnd.tenantctl.checkpoints+jsonl", body: new Uint8Array() };

/** A sealed row that is two years old, for the retention to drop. */
const oldAuditRow: Prepare = async ({ server }) => {
  await asOwner(server.database, (client) =>
    client.query(
      `insert into app.audit_log (tenant_id, at, id, action, resource_type, outcome, actor_type)
        values ($1, now() - interval '2 years', $2, 'old', 'thing', 'failure', 'system')`,
      [SYSTEM_TENANT_ID, uuidv7()],
    ),
  );
  await sealAll(server.app);
  return { query: { months: 12 } };
};

/** How each route is called so that it works. A route without an entry does not compile. */
export const routeCases: { readonly [Id in RouteId]: CaseOf<Id> } = {
  "auth.login": {
    prepare: (_, { admin, slug, id }) => ({
      body: { email: admin.email, password: admin.password, tenant: slug },
      actor: { type: "user", id: admin.id },
      auditTenant: id,
    }),
    again: "changes",
  },
  "auth.refresh": {
    prepare: async ({ server }, { admin, slug }) => {
      const { refreshToken } = await server.login({ email: admin.email, password: admin.password, tenant: slug });
      return { body: { refreshToken } };
    },
  },
  "auth.logout": { prepare: ownSession, again: "refused" },
  "auth.password": {
    prepare: async (world, tenant, caller) => ({
      ...(await ownSession(world, tenant, caller)),
      body: { currentPassword: password, newPassword: "another-password" },
    }),
    again: "refused",
  },
  "auth.redeem": {
    prepare: async (world, tenant) => {
      const { id } = await newUser(world, tenant);
      const path = `/api/tenants/users/${id}/reset-password?tenantId=${tenant.id}`;
      const { secret } = await world.must("POST", path, {});
      return {
        body: { secret, newPassword: "another-password" },
        actor: { type: "user", id },
        auditTenant: tenant.id,
      };
    },
    again: "refused",
  },
  "auth.me": { prepare: nothing },

  "tenants.list": { prepare: () => ({ query: { status: "active", limit: 2 } }) },
  "tenants.get": { prepare: (_, { id }) => ({ params: { id } }) },
  "tenants.users": { prepare: (_, { slug }) => ({ params: { id: slug } }) },
  "tenants.provision": {
    // Without a slug the same body makes another tenant; whose log it stands in is not known before.
    prepare: (world) => ({ body: newTenantBody(world) }),
    again: "refused",
  },
  "tenants.update": { prepare: tenantAfter([], { name: "Renamed", plan: "pro" }), again: "unchanged" },
  "tenants.suspend": { prepare: tenantAfter([], { reason: "unpaid invoice" }), again: "unchanged" },
  "tenants.reactivate": { prepare: tenantAfter(["suspend"]), again: "unchanged" },
  "tenants.cancel": { prepare: tenantAfter(["suspend"]), again: "unchanged" },
  "tenants.delete": { prepare: tenantAfter([], { hardDelete: false }), again: "unchanged" },
  "tenants.undelete": { prepare: tenantAfter(["delete"]), again: "refused" },
  "tenants.export": { prepare: nothing, again: "changes" },

  "users.list": { prepare: () => ({ query: { role: "tenant_admin", limit: 2 } }) },
  "users.create": {
    prepare: (world) => ({
      body: { name: "User", email: `${world.fresh("new")}@example.com`, password, role: "support_agent" },
    }),
    again: "refused",
  },
  "users.get": { prepare: async (world, tenant) => ({ params: { id: (await newUser(world, tenant)).id } }) },
  "users.update": {
    prepare: async (world, tenant) => ({
      params: { id: (await newUser(world, tenant)).id },
      body: { name: "New Name", role: "tenant_admin", disabled: true },
    }),
    again: "unchanged",
  },
  "users.delete": {
    prepare: async (world, tenant) => ({ params: { id: (await newUser(world, tenant)).id } }),
    again: "refused",
  },
  "users.resetPassword": {
    prepare: async (world, tenant) => ({ params: { id: (await newUser(world, tenant)).id }, body: {} }),
    again: "changes",
  },

  "customers.list": { prepare: () => ({ query: { search: "c", sort: "name", limit: 2 } }) },
  "customers.create": {
    prepare: () => ({ body: { name: "O'Brien; --", email: "obrien@example.com", balanceMinor: -5, notes: null } }),
    again: "changes",
  },
  "customers.get": { prepare: async (world, tenant) => ({ params: { id: await newCustomer(world, tenant) } }) },
  "customers.update": {
    prepare: async (world, tenant) => ({
      params: { id: await newCustomer(world, tenant) },
      body: { name: "New Name", phone: "+1 555", balanceMinor: 7 },
    }),
    again: "unchanged",
  },
  "customers.delete": {
    prepare: async (world, tenant) => ({ params: { id: await newCustomer(world, tenant) } }),
    again: "refused",
  },

  "quotas.get": { prepare: nothing },
  "quotas.set": {
    prepare: async (world) => {
      const id = await newTenant(world);
      return { params: { id }, body: { resource: "customers", limit: 2000, reason: "migration" }, auditTenant: id };
    },
    again: "unchanged",
  },
  "quotas.recount": {
    prepare: async (world) => {
      const id = await newTenant(world);
      await asOwner(world.server.database, (client) =>
        client.query("update app.usage_counters set used = 7 where tenant_id = $1 and resource = 'customers'", [id]),
      );
      return { body: { tenant: id }, auditTenant: id };
    },
    again: "unchanged",
  },
  "plans.list": { prepare: nothing },
  "plans.put": {
    prepare: (world) => ({ params: { name: world.fresh("plan") }, body: { customers: 10, users: null } }),
    again: "unchanged",
  },

  "incidents.open": {
    prepare: (_, { slug }) => ({ body: { id: uuidv7(), kind: "data-breach", title: "Walked", tenants: [slug] } }),
    again: "unchanged",
  },
  "incidents.list": { prepare: () => ({ query: { status: "all", limit: 2 } }) },
  "incidents.system": { prepare: nothing },
  "incidents.get": { prepare: async (world, tenant) => ({ params: { id: await newIncident(world, tenant) } }) },
  "incidents.entry": {
    prepare: async (world, tenant) => ({
      params: { id: await newIncident(world, tenant) },
      body: { id: uuidv7(), kind: "started", step: "scope", claimant: uuidv7() },
    }),
    again: "unchanged",
  },
  "incidents.close": {
    prepare: async (world, tenant) => ({
      params: { id: await settledIncident(world, tenant) },
      body: { summary: "Nothing was read" },
    }),
    again: "unchanged",
  },
  "incidents.notify": {
    prepare: async (world, tenant) => ({
      params: { id: await newIncident(world, tenant) },
      body: { id: uuidv7(), roles: ["security"], message: "walk" },
    }),
    again: "unchanged",
  },
  "incidents.state": { prepare: async (world, tenant) => ({ params: { id: await newIncident(world, tenant) } }) },
  "incidents.seal": {
    prepare: async (world, tenant) => ({
      params: { id: await newIncident(world, tenant) },
      body: { files: [{ name: "audit.jsonl", bytes: 3, sha256: "0".repeat(64) }] },
    }),
    again: "changes",
  },
  "tenants.suspendMany": {
    prepare: async (world) => {
      const id = await newTenant(world);
      return { body: { tenants: [id], reason: "walk" }, auditTenant: id };
    },
    again: "unchanged",
  },

  "checks.run": {
    prepare: () => ({ body: { cadence: "weekly", documentation: [{ command: "show acme", outcome: "ok" }] } }),
    again: "changes",
  },
  "diagnose.quota": { prepare: (_, { slug }) => ({ query: { tenantId: slug } }) },
  "diagnose.performance": { prepare: nothing },
  "diagnose.isolation": {
    prepare: async (world, { slug }) => ({ body: { tenants: [slug, world.other.slug] } }),
    again: "changes",
  },
  "diagnose.token": {
    prepare: async (world) => ({
      body: {
        token: (
          await world.must("POST", "/api/admin/tokens", { name: world.fresh("looked-at"), scopes: ["plans:read"] })
        ).token,
      },
    }),
    again: "changes",
  },
  "diagnose.login": {
    prepare: (_, { slug, admin }) => ({ query: { tenantId: slug, email: admin.email } }),
  },
  "checks.list": {
    prepare: async (world) => {
      await newCheckRun(world);
      return { query: { cadence: "daily", unsigned: true, limit: 2 } };
    },
  },
  "checks.get": { prepare: async (world) => ({ params: { id: await newCheckRun(world) } }) },
  "checks.signOff": {
    prepare: async (world) => ({ params: { id: await newCheckRun(world) }, body: { note: "looked" } }),
    again: "unchanged",
  },

  "operators.list": { prepare: () => ({ query: { limit: 1 } }) },
  "operators.create": {
    prepare: (world) => ({ body: { name: "New", email: `${world.fresh("new")}@example.com`, password } }),
    again: "refused",
  },
  "operators.disable": {
    prepare: async (world) => ({ params: { id: (await newOperator(world)).id } }),
    again: "unchanged",
  },
  "operators.enable": {
    prepare: async (world) => {
      const { id } = await newOperator(world);
      await world.must("POST", `/api/admin/operators/${id}/disable`);
      return { params: { id } };
    },
    again: "unchanged",
  },
  "operators.resetPassword": {
    prepare: async (world) => ({ params: { id: (await newOperator(world)).id }, body: {} }),
    again: "changes",
  },

  "tokens.list": { prepare: nothing },
  "tokens.create": {
    // A token can hand on no more than its own scope.
    prepare: (world) => ({ body: { name: world.fresh("made"), scopes: ["tokens:write"], expiresInDays: 1 } }),
    again: "changes",
  },
  "tokens.revoke": {
    prepare: async (world) => ({
      params: {
        id: (await world.must("POST", "/api/admin/tokens", { name: world.fresh("made"), scopes: ["plans:read"] })).id,
      },
    }),
    again: "unchanged",
  },
  "tenantTokens.list": { prepare: nothing },
  "tenantTokens.create": {
    prepare: (world) => ({ body: { name: world.fresh("made"), scopes: ["tokens:write"] } }),
    again: "changes",
  },
  "tenantTokens.revoke": {
    prepare: async (world, { id }) => {
      const body = { name: world.fresh("made"), scopes: ["users:read"] };
      return { params: { id: (await world.must("POST", `/api/tenants/tokens?tenantId=${id}`, body)).id } };
    },
    again: "unchanged",
  },

  "errors.list": { prepare: () => ({ query: { route: "customers.list", all: true } }) },
  "errors.get": { prepare: async (world) => ({ params: { fingerprint: await newError(world) } }) },
  "errors.resolve": {
    prepare: async (world) => ({ params: { fingerprint: await newError(world) }, body: { note: "fixed" } }),
    again: "unchanged",
  },
  "accessLog.list": { prepare: () => ({ query: { limit: 5 } }) },
  "accessLog.ofTenant": { prepare: () => ({ query: { limit: 5 } }) },
  "accessLog.summary": { prepare: () => ({ query: { by: "route" } }) },
  "audit.list": { prepare: () => ({ query: { action: "create", limit: 2 } }) },
  "audit.export": { prepare: () => ({ query: { since: "2026-01-01T00:00:00.000Z" } }) },
  "audit.tail": { prepare: () => ({ query: { limit: 2 } }) },
  "audit.verify": { prepare: () => ({ upload: noCheckpoints }), again: "changes" },
  "audit.checkpoint": { prepare: () => ({ query: { since: 1 } }) },
  "audit.key": { prepare: nothing },
  "audit.retention": { prepare: () => ({ query: { months: 12 } }) },
  "audit.drop": { prepare: oldAuditRow, again: "unchanged" },
  "alerts.list": { prepare: (_, { id }) => ({ query: { status: "all", tenantId: id } }) },
  "alerts.acknowledge": {
    prepare: async (world, tenant) => ({ params: { id: await newAlert(world, tenant) }, body: { note: "looking" } }),
    again: "unchanged",
  },
  "alerts.resolve": {
    prepare: async (world, tenant) => ({ params: { id: await newAlert(world, tenant) }, body: { note: "done" } }),
    again: "unchanged",
  },
  "alerts.get": { prepare: async (world, tenant) => ({ params: { id: await newAlert(world, tenant) } }) },
  "silences.list": {
    prepare: async (world) => {
      await newSilence(world);
      return { query: { status: "all", limit: 1 } };
    },
  },
  "silences.create": {
    prepare: (_, { slug }) => ({ body: { rule: "error_rate", tenantId: slug, forSeconds: 60, reason: "load test" } }),
    again: "changes",
  },
  "silences.end": { prepare: async (world) => ({ params: { id: await newSilence(world) } }), again: "unchanged" },
  "alertRules.list": { prepare: nothing },
  "alertRules.get": { prepare: () => ({ params: { name: "error_rate" } }) },
  "alertRules.set": {
    prepare: async (world) => ({
      params: { name: await newRule(world) },
      body: { threshold: 60.5, notify: ["escalation", "on_call"], forSeconds: 60 },
    }),
    again: "unchanged",
  },
  "alertRules.reset": { prepare: async (world) => ({ params: { name: await newRule(world) } }), again: "refused" },
  "alertRules.test": { prepare: () => ({ params: { name: "error_rate" }, query: { threshold: 0.5 } }) },
  "alertMetrics.list": { prepare: nothing },
  "metrics.get": { prepare: (_, { id }) => ({ query: { tenantId: id } }) },
  "metrics.top": { prepare: () => ({ query: { by: "rows", limit: 3 } }) },
  "placements.list": { prepare: (_, { id }) => ({ query: { tenantId: id } }) },
  "operations.list": { prepare: (_, { id }) => ({ query: { tenantId: id } }) },
  "operations.get": { prepare: async (world, { id }) => ({ params: { id: await newOperation(world, id) } }) },
  "operations.cancel": {
    prepare: async (world) => {
      const tenantId = await newTenant(world);
      return { params: { id: await newOperation(world, tenantId) }, auditTenant: tenantId };
    },
    again: "refused",
  },
  "backups.acquire": {
    prepare: async (world) => {
      await freeLease(world);
      return { body: { holder: world.fresh("host"), seconds: 60 } };
    },
    again: "refused",
  },
  "backups.renew": {
    prepare: async (world) => ({ params: { id: await newLease(world) }, body: { seconds: 600 } }),
  },
  "backups.release": { prepare: async (world) => ({ params: { id: await newLease(world) } }), again: "refused" },
  "backups.report": { prepare: (world, { id }) => ({ body: newReport(world, id) }), again: "unchanged" },
  "backups.runs": {
    prepare: async (world, { id }) => {
      await world.must("POST", "/api/admin/backups/runs", newReport(world, id));
      return { query: { kind: "backup", tenantId: id, limit: 1 } };
    },
  },
  "backups.status": { prepare: () => ({ query: { limit: 2 } }) },
  "contacts.list": {
    prepare: async (world) => {
      await newContact(world);
      return {};
    },
  },
  "contacts.set": {
    prepare: async (world) => ({
      params: { name: await newContact(world) },
      body: { role: "escalation", phone: "+49 30 1234567", minimumSeverity: "critical" },
    }),
    again: "unchanged",
  },
  "contacts.remove": { prepare: async (world) => ({ params: { name: await newContact(world) } }), again: "refused" },
  "contacts.test": { prepare: async (world) => ({ params: { name: await newWebhook(world) } }), again: "changes" },
  "deliveries.list": {
    prepare: async (world) => {
      await newDelivery(world);
      return { query: { status: "failed", limit: 1 } };
    },
  },
  "deliveries.get": { prepare: async (world) => ({ params: { id: await newDelivery(world) } }) },
  "deliveries.resend": { prepare: async (world) => ({ params: { id: await newDelivery(world) } }), again: "changes" },
  "holds.list": {
    prepare: async (world, { id }) => {
      await world.must("PUT", `/api/admin/tenants/${id}/hold`, { reason: "case 1" });
      return {};
    },
  },
  "holds.set": { prepare: tenantAfter(["delete"], { reason: "case 2026-11" }), again: "unchanged" },
  "holds.release": {
    prepare: async (world) => {
      const id = await newTenant(world);
      await world.must("PUT", `/api/admin/tenants/${id}/hold`, { reason: "case 2026-11" });
      return { params: { id }, auditTenant: id };
    },
    again: "refused",
  },
  "maintenance.list": {
    prepare: async (world) => {
      await world.must("PUT", "/api/admin/maintenance", { tenantId: await newTenant(world), reason: "moving" });
      return {};
    },
  },
  "maintenance.on": {
    prepare: async (world) => {
      const id = await newTenant(world);
      return { body: { tenantId: id, readOnly: true, reason: "moving" }, auditTenant: id };
    },
    again: "unchanged",
  },
  "maintenance.off": {
    prepare: async (world) => {
      const id = await newTenant(world);
      await world.must("PUT", "/api/admin/maintenance", { tenantId: id });
      return { query: { tenantId: id }, auditTenant: id };
    },
    again: "unchanged",
  },
  "changelog.list": { prepare: nothing },
  "changelog.add": { prepare: () => ({ body: { change: "A disk was replaced" } }), again: "changes" },
  "health.get": { prepare: nothing },
  "health.live": { prepare: nothing },
  "health.ready": { prepare: nothing },
  "status.get": { prepare: nothing },

  "backups.archive": { prepare: (_, { id }) => ({ params: { id }, auditTenant: id }), again: "changes" },
  "backups.archives": { prepare: (_, { id }) => ({ query: { tenants: id }, auditTenant: id }), again: "changes" },
  "backups.systemArchive": { prepare: nothing, again: "changes" },
  "restores.create": {
    prepare: async (...world) => {
      const { query, ...document } = await archive(...world);
      return { ...document, query: { ...query, mode: "new" } };
    },
    again: "refused",
  },
  "imports.create": { prepare: exported, again: "refused" },
};
