import { randomBytes } from "node:crypto";
import { Client } from "./client.ts";
import { requirePostgresUrl } from "./connection-url.ts";
import { DatabaseUnavailable } from "./database-error.ts";
import { defaultRolePrefix, roleName } from "./role-names.ts";

/** A secret of 32 bytes that only the owner of the database can read; made by whoever asks first. Throws DatabaseUnavailable. */
export async function ownerSecret(
  { url, prefix = defaultRolePrefix }: { url: string; prefix?: string | undefined },
  name: string,
): Promise<Buffer> {
  requirePostgresUrl(url);
  const client = new Client({ connectionString: url });
  try {
    await client.connect();
    await client.query(`set role ${roleName(prefix, "owner")}`);
    await client.query("insert into tenancy.secrets (name, value) values ($1, $2) on conflict do nothing", [
      name,
      randomBytes(32),
    ]);
    const { rows } = await client.query<{ value: Buffer }>("select value from tenancy.secrets where name = $1", [name]);
    const [row] = rows;
    if (row === undefined) throw new Error(`The secret ${name} that was just written cannot be read.`);
    return row.value;
  } catch (error) {
    throw client.lost === undefined && error instanceof Error && "severity" in error
      ? error
      : new DatabaseUnavailable(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}
