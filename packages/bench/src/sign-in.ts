import { createHash, createHmac, randomUUID } from "node:crypto";
import type { BenchSystem } from "./bench-system.ts";
import type { LoadUser } from "./users.ts";

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** An access token as the API signs it, for half an hour. */
const accessToken = (secret: string, claims: object): string => {
  const kid = createHash("sha256").update(`kid:${secret}`).digest("hex").slice(0, 8);
  const now = Math.floor(Date.now() / 1000);
  const own = { iss: "tenantctl", aud: "tenantctl-api", iat: now, exp: now + 1800, jti: randomUUID() };
  const signed = `${base64url({ alg: "HS256", typ: "JWT", kid })}.${base64url({ ...claims, ...own })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
};

/** Sessions of the administrators of all tenants whose slug begins with `prefix`, past the login: a thousand take half a minute. */
export const signIn = async ({ sql, jwtSecret }: BenchSystem, prefix: string): Promise<readonly LoadUser[]> => {
  const rows = await sql(
    `with admins as (
        select u.tenant_id, u.id, u.name, t.slug from app.users u join app.tenants t on t.id = u.tenant_id
        where t.slug like $1 || '%' and u.role = 'tenant_admin'),
      opened as (
        insert into app.sessions (tenant_id, id, user_id, refresh_hash, expires_at)
        select tenant_id, gen_random_uuid(), id, sha256(gen_random_uuid()::text::bytea), now() + interval '1 day' from admins
        returning tenant_id, id, user_id)
      select o.tenant_id, o.id as session, o.user_id, a.name, a.slug from opened o join admins a using (tenant_id)`,
    [prefix],
  );
  return rows.map((row) => ({
    tenantId: String(row.tenant_id),
    slug: String(row.slug),
    token: accessToken(jwtSecret, {
      sub: row.user_id,
      sid: row.session,
      name: row.name,
      role: "tenant_admin",
      tid: row.tenant_id,
    }),
  }));
};
