import { Client } from "pg";

/** Runs `work` on a connection of its own. */
export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {}); // A lost connection fails the query that waits for it; without one, nobody cares.
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The same server and user, another database. */
export function urlOf(url: string, database: string, user?: { name: string; password: string }): string {
  const result = new URL(url);
  result.pathname = `/${database}`;
  if (user !== undefined) {
    result.username = user.name;
    result.password = user.password;
  }
  return result.href;
}
