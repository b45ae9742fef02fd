import { sql } from "@tenantctl/database";
import type { RawBuilder } from "kysely";

/** The condition that a silence `s` stands, by the database's clock. */
export const stands = sql<boolean>`s.ended_at is null and s.expires_at > now()`;

/** The condition that the silence `s` is about the alert whose columns are in scope beside it. */
export const isAbout = sql<boolean>`(s.about_rule is null or s.about_rule = rule)
  and (s.about_fingerprint is null or s.about_fingerprint = fingerprint)
  and (s.about_tenant is null or s.about_tenant = tenant_id)`;

/** The condition that nobody is to be told of the alert in scope. */
export const isSilenced: RawBuilder<boolean> = sql<boolean>`exists (select from app.alert_silences s where ${stands} and ${isAbout})`;

/** Until when; null where nothing keeps it quiet. */
export const silencedUntil = sql<
  string | null
>`(select to_char(max(s.expires_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
  from app.alert_silences s where status <> 'resolved' and ${stands} and ${isAbout})`;

/** A clock that went back would make a silence last as much longer: one from the future begins now. */
export const rebaseSilences = sql`update app.alert_silences
  set created_at = now(), expires_at = now() + (expires_at - created_at)
  where ended_at is null and created_at > now()`;
