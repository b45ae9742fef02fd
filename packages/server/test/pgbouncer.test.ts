import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase, type TestDatabase, withClient } from "../../database/test/harness/database.ts";
import { runCli, startCli, type TestProcess } from "../../database/test/harness/process.ts";
import { type Pgbouncer, type PgbouncerOptions, startPgbouncer, withoutPgbouncer } from "./fixture/pgbouncer.ts";
import { firstOperator } from "./fixture/server.ts";
import { until } from "./fixture/until.ts";

const tenantCount = 8;
const rounds = 40;
const lanes = 12;
const poolSize = 3;
const passwords = { tenant: "the tenant role's password", operator: "the operator role's password" };

interface Tenant {
  readonly id: string;
  readonly slug: string;
  readonly token: string;
}

/** How PgBouncer learns the two roles' passwords: both ways that docs/scaling.md names. */
const ways: readonly (readonly [string, (database: TestDatabase) => Promise<PgbouncerOptions["auth"]>])[] = [
  [
    "from a file",
    async ({ prefix }) => ({
      users: { [`${prefix}_tenant`]: passwords.tenant, [`${prefix}_operator`]: passwords.operator },
    }),
  ],
  [
    "by asking PostgreSQL",
    async ({ prefix, url, cluster, name }) => {
      const admin = new URL(cluster.adminUrl);
      admin.pathname = `/${name}`;
      await withClient(admin.href, (client) =>
        client.query(`create schema pgbouncer authorization ${prefix}_admin;
          create function pgbouncer.secret_of(name text) returns table (usename text, passwd text)
          language sql stable security definer set search_path = pg_catalog, pg_temp
          as 'select usename::text, passwd from pg_shadow where usename = $1';
          revoke all on function pgbouncer.secret_of from public;
          grant execute on function pgbouncer.secret_of to ${prefix}_admin`),
      );
      return {
        users: { [`${prefix}_admin`]: new URL(url).password },
        settings: `auth_user = ${prefix}_admin\nauth_query = select usename, passwd from pgbouncer.secret_of($1)`,
      };
    },
  ],
];

describe.skipIf(withoutPgbouncer !== "").each(ways)(
  `PgBouncer in transaction mode, passwords %s${withoutPgbouncer}`,
  (_, authOf) => {
    let database: TestDatabase;
    let bouncer: Pgbouncer;
    let serving: TestProcess;
    let url: string;
    let tenants: Tenant[];

    const roleUrl = (role: keyof typeof passwords): string => {
      const result = new URL(database.url);
      result.username = `${database.prefix}_${role}`;
      result.password = passwords[role];
      return result.href;
    };
    const call = (method: string, path: string, token?: string, body?: object, signal?: AbortSignal) =>
      fetch(`${url}${path}`, {
        method,
        headers: {
          ...(token && { authorization: `Bearer ${token}` }),
          ...(body && { "content-type": "application/json" }),
        },
        ...(body && { body: JSON.stringify(body) }),
        ...(signal && { signal }),
      });
    const login = async (credentials: object): Promise<string> => {
      const answer = await call("POST", "/api/auth/login", undefined, credentials);
      return ((await answer.json()) as { accessToken: string }).accessToken;
    };

    beforeAll(async () => {
      database = await createDatabase();
      const env = {
        PATH: process.env.PATH,
        DATABASE_URL: database.url,
        TENANTCTL_JWT_SECRET: "a secret of the tests longer than 32 characters",
        TENANTCTL_ROLE_PREFIX: database.prefix,
        TENANTCTL_TENANT_DATABASE_URL: roleUrl("tenant"),
        TENANTCTL_OPERATOR_DATABASE_URL: roleUrl("operator"),
      };
      const migrated = await runCli(["migrate"], { env });
      expect(migrated, migrated.stderr).toMatchObject({ code: 0 });
      bouncer = await startPgbouncer(database.url, { auth: await authOf(database), poolSize });
      serving = startCli(["serve"], {
        env: {
          ...env,
          PORT: "0",
          TENANTCTL_TENANT_DATABASE_URL: bouncer.through(roleUrl("tenant")),
          TENANTCTL_OPERATOR_DATABASE_URL: bouncer.through(roleUrl("operator")),
          TENANTCTL_PREPARED_STATEMENTS: "false",
          TENANTCTL_ADMIN_EMAIL: firstOperator.email,
          TENANTCTL_ADMIN_PASSWORD: firstOperator.password,
          TENANTCTL_REQUESTS_PER_MINUTE: "10000000",
          TENANTCTL_OVERLOAD_DELAY_MS: "3600000",
        },
      });
      [, url = ""] = await serving.waitFor(/serving (http:\/\/\S+)/, 60_000);
      const operator = await login(firstOperator);
      tenants = await Promise.all(
        Array.from({ length: tenantCount }, async (_, n) => {
          const slug = `soak-${n}`;
          const admin = { email: `admin@${slug}.example`, password: "secure_password", tenant: slug };
          const answer = await call("POST", "/api/admin/tenants/provision", operator, {
            name: slug,
            slug,
            plan: "enterprise",
            contactEmail: `contact@${slug}.example`,
            adminName: "Admin",
            adminEmail: admin.email,
            adminPassword: admin.password,
          });
          expect(answer.status).toBe(201);
          const { id } = (await answer.json()) as { id: string };
          return { id, slug, token: await login(admin) };
        }),
      );
    });
    afterAll(async () => {
      serving?.kill("SIGKILL");
      await serving?.exit;
      await bouncer?.stop();
      await database?.drop();
    });

    it("gives every tenant its own rows and no other's, whoever had the connection before", {
      timeout: 120_000,
    }, async () => {
      const faults: string[] = [];
      const created = new Map<string, number>();
      let givenUp = 0;
      const check = async (answer: Response, status: number, { slug }: Tenant): Promise<void> => {
        const text = await answer.text();
        if (answer.status !== status) faults.push(`${slug}: ${answer.status} ${text}`);
        const others = [...text.matchAll(/"(soak-\d+) /g)].filter(([, owner]) => owner !== slug);
        if (others.length > 0) faults.push(`${slug} was shown ${others.map(([, owner]) => owner).join(", ")}`);
      };
      const create = async (tenant: Tenant): Promise<Response> => {
        const answer = await call("POST", "/api/customers", tenant.token, { name: `${tenant.slug} customer` });
        created.set(tenant.id, (created.get(tenant.id) ?? 0) + 1);
        return answer;
      };
      const hop = async (lane: number): Promise<void> => {
        for (let round = 0; round < rounds; round += 1) {
          const tenant = tenants[(lane * 7 + round * 5) % tenantCount];
          if (tenant === undefined) throw new Error("no such tenant");
          const { token } = tenant;
          if (round % 4 === 0) await check(await create(tenant), 201, tenant);
          else if (round % 10 === 9) await check(await call("GET", "/api/tenants/export", token), 200, tenant);
          else if (round % 10 === 5) {
            // Given up while it is under way: whoever gets the connection next must not notice.
            const left = new AbortController();
            const asked = call("GET", "/api/tenants/export", token, undefined, left.signal);
            setTimeout(() => left.abort(), 1 + lane);
            await asked
              .then((answer) => answer.text())
              .catch(() => {
                givenUp += 1;
              });
          } else await check(await call("GET", "/api/customers", token), 200, tenant);
        }
      };
      await Promise.all(Array.from({ length: lanes }, (_, lane) => hop(lane)));

      expect(faults).toEqual([]);
      expect(givenUp).toBeGreaterThan(0);
      for (const tenant of tenants) {
        const rows = (await (await call("GET", "/api/customers?limit=1000", tenant.token)).json()) as unknown[];
        expect(rows).toHaveLength(created.get(tenant.id) ?? 0);
      }
      // All of this went through these few connections.
      const { rows } = await withClient(database.url, (client) =>
        client.query(
          "select usename, count(*)::int as count from pg_stat_activity where usename = any ($1) group by usename",
          [[`${database.prefix}_tenant`, `${database.prefix}_operator`]],
        ),
      );
      expect(rows.map(({ usename }) => usename).sort()).toEqual([
        `${database.prefix}_operator`,
        `${database.prefix}_tenant`,
      ]);
      for (const { count } of rows) expect(count).toBeLessThanOrEqual(poolSize);
      expect(bouncer.log()).not.toMatch(/ (ERROR|FATAL) /);
    });

    it("runs its jobs beside it, on a connection of their own", async () => {
      await until(
        "a job",
        () =>
          withClient(database.url, async (client) => {
            await client.query(`set role ${database.prefix}_owner`);
            const { rows } = await client.query("select from app.alert_evaluations");
            return rows.length > 0;
          }),
        90,
      );
    });
  },
);
