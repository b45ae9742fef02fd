import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
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

/** A token's id and name, looked up where the row is written: the request knows only the hash. */
const tokenColumn = (tenant: string, hash: Buffer, column: "id" | "name") =>
  sql`(app.token_actor(${tenant}::uuid, ${hash}::bytea))[${sql.lit(column === "id" ? 1 : 2)}]`;

/**
 * The statement that writes one audit row, with its details: run it in the transaction of the change.
 * An operator's token that acts in a tenant's context comes with its id and name, since its row can't be seen there.
 */
export const auditRow = (entry: AuditEntry): CompiledQuery<never> => {
  const tenant = entry.tenantId ?? SYSTEM_TENANT_ID;
  const id = uuidv7();
  const { actor } = entry;
  const named = actor.tokenHash === undefined || actor.id !== null;
  const actorId = named ? sql`${actor.id}::text` : tokenColumn(tenant, actor.tokenHash, "id");
  const actorName = named ? sql`${actor.name}::text` : tokenColumn(tenant, actor.tokenHash, "name");
  const before = json(entry.before);
  const after = json(entry.after);
  const columns = sql`tenant_id, at, id, action, resource_type, resource_id, outcome, actor_type, actor_id, actor_name, address, request_id, occurrences, detail, details_digest`;
  const values = sql`${tenant}::uuid, clock_timestamp(), ${id}::uuid, ${entry.action}, ${entry.resourceType}, ${entry.resourceId ?? null}::text, ${entry.outcome ?? "success"},
    ${actor.type}, ${actorId}, ${actorName}, ${entry.address ?? null}::text, ${entry.requestId ?? null}::text, ${entry.occurrences ?? 1}::int, ${entry.detail ?? null}::text`;
  if (before === null && after === null) {
    return sql<never>`insert into app.audit_log (${columns}) values (${values}, null)`.compile(build);
  }
  // No INSERT … SELECT: on Citus that is a COPY, which row-level security refuses. The digest is of the jsonb as it is stored.
  return sql<never>`with details as (
    insert into app.audit_details (tenant_id, audit_id, at, before, after)
    values (${tenant}::uuid, ${id}::uuid, clock_timestamp(), ${before}::jsonb, ${after}::jsonb))
  insert into app.audit_log (${columns})
  values (${values}, sha256(convert_to(concat(${before}::jsonb::text, chr(10), ${after}::jsonb::text), 'UTF8')))`.compile(
    build,
  );
};
