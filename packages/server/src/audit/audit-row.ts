import { SYSTEM_TENANT_ID, sql, template } from "@tenantctl/database";
import type { CompiledQuery } from "kysely";
import { v7 as uuidv7 } from "uuid";
import type { Actor } from "../principal.ts";

export interface AuditEntry {
  /** null: about no tenant. The scope must be in this tenant's context (or the system tenant's). */
  readonly tenantId: string | null;
  readonly action: string;
  readonly resourceType: string;
  readonly resourceId?: string | null;
  readonly outcome?: "success" | "failure" | "denied";
  readonly actor: Actor;
  readonly address?: string | null;
  readonly requestId?: string | null;
  /** Why, or what was refused: one line. */
  readonly detail?: string | null;
  readonly occurrences?: number;
  /** Fields before and after, without secrets. They go when the tenant's data goes; the log keeps their digest. */
  readonly before?: object | null;
  readonly after?: object | null;
}

const json = (value: object | null | undefined): string | null =>
  value === undefined || value === null ? null : JSON.stringify(value);

const parts = [
  "tenant",
  "id",
  "action",
  "resourceType",
  "resourceId",
  "outcome",
  "actorType",
  "actorId",
  "actorName",
  "tokenHash",
  "address",
  "requestId",
  "occurrences",
  "detail",
  "before",
  "after",
] as const;

/** `named`: the actor's id and name are known, not only the hash of its token. `detailed`: there are fields to keep. */
const statement = (named: boolean, detailed: boolean) =>
  template(parts, (of) => {
    // A token's id and name, looked up where the row is written: the request knows only the hash.
    const ofToken = (column: 1 | 2) =>
      sql`(app.token_actor(${of.tenant}::uuid, ${of.tokenHash}::bytea))[${sql.lit(column)}]`;
    const actorId = named ? sql`${of.actorId}::text` : ofToken(1);
    const actorName = named ? sql`${of.actorName}::text` : ofToken(2);
    const columns = sql`tenant_id, at, id, action, resource_type, resource_id, outcome, actor_type, actor_id, actor_name, address, request_id, occurrences, detail, details_digest`;
    const values = sql`${of.tenant}::uuid, clock_timestamp(), ${of.id}::uuid, ${of.action}, ${of.resourceType}, ${of.resourceId}::text, ${of.outcome},
    ${of.actorType}, ${actorId}, ${actorName}, ${of.address}::text, ${of.requestId}::text, ${of.occurrences}::int, ${of.detail}::text`;
    if (!detailed) return sql<never>`insert into app.audit_log (${columns}) values (${values}, null)`;
    // No INSERT … SELECT: on Citus that is a COPY, which row-level security refuses. The digest is of the jsonb as it is stored.
    return sql<never>`with details as (
    insert into app.audit_details (tenant_id, audit_id, at, before, after)
    values (${of.tenant}::uuid, ${of.id}::uuid, clock_timestamp(), ${of.before}::jsonb, ${of.after}::jsonb))
  insert into app.audit_log (${columns})
  values (${values}, sha256(convert_to(concat(${of.before}::jsonb::text, chr(10), ${of.after}::jsonb::text), 'UTF8')))`;
  });

const statements = {
  named: { detailed: statement(true, true), plain: statement(true, false) },
  token: { detailed: statement(false, true), plain: statement(false, false) },
};

/**
 * The statement that writes one audit row, with its details: run it in the transaction of the change.
 * An operator's token that acts in a tenant's context comes with its id and name, since its row can't be seen there.
 */
export const auditRow = (entry: AuditEntry): CompiledQuery<never> => {
  const { actor } = entry;
  const before = json(entry.before);
  const after = json(entry.after);
  const ofActor = statements[actor.tokenHash === undefined || actor.id !== null ? "named" : "token"];
  return ofActor[before === null && after === null ? "plain" : "detailed"]({
    tenant: entry.tenantId ?? SYSTEM_TENANT_ID,
    id: uuidv7(),
    action: entry.action,
    resourceType: entry.resourceType,
    resourceId: entry.resourceId ?? null,
    outcome: entry.outcome ?? "success",
    actorType: actor.type,
    actorId: actor.id,
    actorName: actor.name,
    tokenHash: actor.tokenHash,
    address: entry.address ?? null,
    requestId: entry.requestId ?? null,
    occurrences: entry.occurrences ?? 1,
    detail: entry.detail ?? null,
    before,
    after,
  });
};
