import type { BenchSystem } from "./bench-system.ts";
import { postJson } from "./post-json.ts";

/** A tenant's administrator, logged in. */
export interface LoadUser {
  readonly tenantId: string;
  readonly slug: string;
  readonly token: string;
}

/** What a load needs lest it measures refusals: no tenant of these plans has a limit but the server's own. */
export const unlimited: NodeJS.ProcessEnv = {
  TENANTCTL_REQUESTS_PER_MINUTE: "10000000",
  TENANTCTL_UNPROVEN_REQUESTS_PER_MINUTE: "10000000",
  TENANTCTL_ACCESS_TOKEN_MINUTES: "60",
};

/** Lifts every limit of the plan that loaded tenants have. */
export const liftLimits = async ({ url, token }: BenchSystem): Promise<void> => {
  const none = { users: null, customers: null, storageBytes: null, apiRequestsPerDay: null, requestsPerMinute: null };
  await postJson(`${url}/api/admin/plans/enterprise`, none, token, "PUT");
};

/** Logs in the administrators of tenants that `loadTenants` made, with the operator's password. */
export const logIn = async (
  { url, sql, operator }: BenchSystem,
  slugs: readonly string[],
): Promise<readonly LoadUser[]> => {
  const rows = await sql(
    `update app.users u set password_hash = o.password_hash
      from app.operators o, app.tenants t
      where o.email = $1 and t.slug = any ($2::text[]) and u.tenant_id = t.id and u.role = 'tenant_admin'
      returning t.id, t.slug, u.email`,
    [operator.email, slugs],
  );
  const users: LoadUser[] = [];
  for (const { id, slug, email } of rows) {
    const body = { email, password: operator.password, tenant: slug };
    const { accessToken } = await postJson(`${url}/api/auth/login`, body);
    users.push({ tenantId: String(id), slug: String(slug), token: String(accessToken) });
  }
  if (users.length !== slugs.length) throw new Error(`only ${users.length} of ${slugs.length} users could log in`);
  return users;
};

/** A token of the same tenant for programs, which may read customers. */
export const apiToken = async ({ url }: BenchSystem, token: string): Promise<string> => {
  const body = { name: "bench", scopes: ["customers:read"] };
  return String((await postJson(`${url}/api/tenants/tokens`, body, token)).token);
};
