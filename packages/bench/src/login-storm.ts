import { setTimeout } from "node:timers/promises";
import type { BenchSystem } from "./bench-system.ts";

export interface LoginStorm {
  /** All log in at once; who is turned away comes again when Retry-After says, as long as there is time. */
  during(seconds: number): Promise<void>;
  loggedIn(): number;
}

/**
 * So many users of as many tenants `tenant-N`, with the operator's password. Each has an address of their own, through a proxy that
 * the API trusts. Throws on an answer but 200, and 429 and 503 with Retry-After.
 */
export const loginStorm = async ({ url, sql, operator }: BenchSystem, count: number): Promise<LoginStorm> => {
  const users = await sql(
    `update app.users u set password_hash = o.password_hash
      from app.operators o, app.tenants t
      where o.email = $1 and t.slug like 'tenant-%' and u.tenant_id = t.id and u.role = 'tenant_admin'
      returning t.slug, u.email`,
    [operator.email],
  );
  let inside = 0;
  const logIn = async (body: object, address: string, until: number): Promise<void> => {
    for (;;) {
      const response = await fetch(`${url}/api/auth/login`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-forwarded-for": address },
        body: JSON.stringify(body),
      });
      await response.text();
      if (response.status === 200) {
        inside += 1;
        return;
      }
      const wait = Number(response.headers.get("retry-after") ?? 0) * 1000;
      if ((response.status !== 503 && response.status !== 429) || wait === 0)
        throw new Error(`a login answered ${response.status}`);
      if (Date.now() + wait > until) return;
      await setTimeout(wait);
    }
  };
  return {
    loggedIn: () => inside,
    during: async (seconds) => {
      const until = Date.now() + seconds * 1000;
      const storming = users.slice(0, count).map(({ slug, email }) => ({ tenant: slug, email }));
      if (storming.length < count) throw new Error(`there are only ${storming.length} users to log in`);
      await Promise.all(
        storming.map((who, index) => logIn({ ...who, password: operator.password }, `10.${index % 256}.0.1`, until)),
      );
    },
  };
};
