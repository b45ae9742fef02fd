import type { RouteShape } from "@tenantctl/contract";
import { sql } from "@tenantctl/database";
import type { RawBuilder } from "kysely";
import type { Call } from "../call.ts";

/** Who makes this call, as alerts, rules and silences name people: an e-mail, or `token <name>`. */
export const callerName = ({ actor }: Call<RouteShape>): RawBuilder<string> =>
  actor.tokenHash === undefined
    ? sql<string>`${actor.type === "token" ? `token ${actor.name}` : actor.name}::text`
    : sql<string>`(select 'token ' || name from app.operator_tokens where token_hash = ${actor.tokenHash})`;
