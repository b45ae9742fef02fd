import { build, type Scope, SYSTEM_TENANT_ID, sql, writeAsLogin } from "@tenantctl/database";
import type { RawBuilder } from "kysely";
import type { App } from "../app.ts";

/**
 * Where accounts live: one tenant's users, or the operators. Both have the same columns in other tables, so sessions,
 * logins and resets are written once, over these pieces of SQL.
 */
export interface Realm {
  /** null: the operators. */
  readonly tenantId: string | null;
  /** The tenant whose context rows of this realm are written in. */
  readonly contextId: string;
  readonly resourceType: "user" | "operator";
  readonly accounts: RawBuilder<unknown>;
  readonly sessions: RawBuilder<unknown>;
  readonly resets: RawBuilder<unknown>;
  /** The column of sessions and resets that names the account. */
  readonly owner: RawBuilder<unknown>;
  /** What an account's role is read from. */
  readonly role: RawBuilder<string>;
  /** The condition that keeps a statement on the realm's rows; on a table of the given alias. */
  readonly own: (alias: string) => RawBuilder<boolean>;
  /** Leading column and value of an insert. */
  readonly keyColumn: RawBuilder<unknown>;
  readonly keyValue: RawBuilder<unknown>;
  /** For writes of people who are not logged in yet: refuses tenants that don't serve. */
  readonly entrance: Scope;
  /** For looking an account up before its password is known to be right: tells nothing and refuses nobody. */
  readonly lookup: Scope;
}

const nothing = sql``;

const usersOf = (app: App, tenantId: string): Realm => ({
  tenantId,
  contextId: tenantId,
  resourceType: "user",
  accounts: sql`app.users`,
  sessions: sql`app.sessions`,
  resets: sql`app.password_resets`,
  owner: sql`user_id`,
  role: sql`role`,
  own: (alias) => sql`${sql.ref(`${alias}.tenant_id`)} = ${tenantId}::uuid`,
  keyColumn: sql`tenant_id, `,
  keyValue: sql`${tenantId}::uuid, `,
  entrance: app.db.tenant(tenantId, writeAsLogin()),
  lookup: app.db.tenant(tenantId, [], { readOnly: true }),
});

const operatorsOf = (app: App): Realm => ({
  tenantId: null,
  contextId: SYSTEM_TENANT_ID,
  resourceType: "operator",
  accounts: sql`app.operators`,
  sessions: sql`app.operator_sessions`,
  resets: sql`app.operator_resets`,
  owner: sql`operator_id`,
  role: sql`'operator'`,
  own: () => sql`true`,
  keyColumn: nothing,
  keyValue: nothing,
  entrance: app.db.operator(undefined, { tenantId: SYSTEM_TENANT_ID }),
  lookup: app.db.operator(undefined, { readOnly: true, tenantId: SYSTEM_TENANT_ID }),
});

/** The realm of a tenant's users, or with null that of the operators. */
export const realmOf = (app: App, tenantId: string | null): Realm =>
  tenantId === null ? operatorsOf(app) : usersOf(app, tenantId);

/** Ends the account's sessions, all or all but one; gives how many there were. */
export const endSessions = (realm: Realm, accountId: string, reason: string, except: string | null = null) =>
  sql<{ ended: number }>`with ended as (
    update ${realm.sessions} s set ended_at = now(), end_reason = ${reason}
    where ${realm.own("s")} and s.${realm.owner} = ${accountId}::uuid and s.ended_at is null and s.expires_at > now()
      and s.id is distinct from ${except}::uuid returning s.id)
  select count(*)::int as ended from ended`.compile(build);

/** Makes every unused reset secret of the account worthless. */
export const voidResets = (realm: Realm, accountId: string) =>
  sql`update ${realm.resets} r set used_at = now()
    where ${realm.own("r")} and r.${realm.owner} = ${accountId}::uuid and r.used_at is null`.compile(build);
