import { asOwner } from "../fixture/as-owner.ts";
import type { World } from "./world.ts";

/** Tables that change with every request, refused ones too: what is metered, who read what, and who failed to log in. */
const alwaysChanging = new Set(["usage_minutes", "usage_days", "access_log", "error_groups", "login_throttles"]);

/** Each table's rows as one digest. Refusals in the audit log, and when a token was last used, are left out. */
export const storedState = ({ server }: World): Promise<Record<string, string>> =>
  asOwner(server.database, async (client) => {
    const { rows: tables } = await client.query<{ name: string }>(
      `select relname as name from pg_class where relnamespace = 'app'::regnamespace and relkind in ('r', 'p')
        and not relispartition order by relname`,
    );
    const digests = tables
      .filter(({ name }) => !alwaysChanging.has(name))
      .map(
        ({ name }) => `select '${name}' as name, count(*) || ' rows, ' ||
          coalesce(md5(string_agg(text, ' ' order by text)), '') as digest
        from (select (to_jsonb(t) - 'last_used_at')::text as text from app."${name}" t
          ${name === "audit_log" ? "where outcome = 'success'" : ""}) as r`,
      );
    const { rows } = await client.query<{ name: string; digest: string }>(digests.join(" union all "));
    return Object.fromEntries(rows.map(({ name, digest }) => [name, digest]));
  });

export interface StoredAudit {
  readonly tenant_id: string;
  readonly action: string;
  readonly resource_type: string;
  readonly actor_type: string;
  readonly actor_id: string | null;
  readonly actor_name: string | null;
  readonly request_id: string | null;
  readonly outcome: string;
}

/** What the audit log holds of things that were done, in the order they were written. */
export const auditOfSuccess = ({ server }: World): Promise<StoredAudit[]> =>
  asOwner(server.database, async (client) => {
    const { rows } = await client.query<StoredAudit>(
      `select tenant_id, action, resource_type, actor_type, actor_id, actor_name, request_id, outcome
        from app.audit_log where outcome = 'success' order by at, id`,
    );
    return rows;
  });

/** Runs `work` while no row about a success can be written to the audit log. */
export const withoutAuditLog = async <T>({ server }: World, work: () => Promise<T>): Promise<T> => {
  const alter = (change: string): Promise<unknown> =>
    asOwner(server.database, (client) => client.query(`alter table app.audit_log ${change}`));
  await alter("add constraint walk_audit check (outcome <> 'success') not valid");
  try {
    return await work();
  } finally {
    await alter("drop constraint walk_audit");
  }
};
