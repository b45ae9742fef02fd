import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { type Serving, startServing } from "../api-process.ts";
import type { BenchSystem } from "../bench-system.ts";

/** As many connections to PostgreSQL as the API has for tenants' requests. */
const poolSize = "10";

export interface References {
  /** (a) */
  readonly bare: Serving;
  /** (a), its statements prepared */
  readonly barePrepared: Serving;
  /** (a′) */
  readonly jsonByPostgres: Serving;
  /** (b) */
  readonly usualRls: Serving;
  stop(): Promise<void>;
}

/** Starts the servers that the API is compared with: a process each, on the same PostgreSQL and rows. */
export const startReferences = async (system: BenchSystem): Promise<References> => {
  const { folder, superuserUrl, jwtSecret, sql } = system;
  // A user of the usual kind, for whom the same policies hold as for the API's role.
  const password = randomBytes(12).toString("hex");
  await sql(`create role reference_rls login password '${password}' in role tenantctl_tenant`);
  const rlsUrl = new URL(superuserUrl);
  rlsUrl.username = "reference_rls";
  rlsUrl.password = password;
  const started: Serving[] = [];
  const stop = async (): Promise<void> => {
    for (const serving of started.splice(0).reverse()) await serving.stop();
  };
  const start = async (name: string, url: string): Promise<Serving> => {
    const program = fileURLToPath(new URL(`./reference/${name}.js`, import.meta.url));
    const env = { REFERENCE_DATABASE_URL: url, REFERENCE_JWT_SECRET: jwtSecret, REFERENCE_POOL_SIZE: poolSize };
    const serving = await startServing([program], { folder, name: `reference-${name}`, env });
    started.push(serving);
    return serving;
  };
  try {
    return {
      // As a superuser, whom no policy holds up.
      bare: await start("bare", superuserUrl),
      barePrepared: await start("bare-prepared", superuserUrl),
      jsonByPostgres: await start("json-by-postgres", superuserUrl),
      usualRls: await start("usual-rls", rlsUrl.href),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
};
