import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Settings } from "../settings.ts";

const localHosts: ReadonlySet<string> = new Set(["", "localhost", "127.0.0.1", "[::1]"]);

/** Line of postmaster.pid that holds the port. */
const portLine = 3;

/** Where the embedded PostgreSQL keeps its data, if that is what this API serves from: its postmaster listens where the API connects to. */
export const embeddedFolder = async ({ dataDir, databaseUrl }: Settings): Promise<string | undefined> => {
  if (databaseUrl === undefined || !URL.canParse(databaseUrl)) return undefined;
  const { hostname, port } = new URL(databaseUrl);
  if (!localHosts.has(hostname)) return undefined;
  for (const folder of [join(resolve(dataDir), "postgres", "data"), join(resolve(dataDir), "postgres")]) {
    const lines = await readFile(join(folder, "postmaster.pid"), "utf8").then(
      (text) => text.split("\n"),
      () => [],
    );
    if (lines[portLine]?.trim() === (port || "5432")) return folder;
  }
  return undefined;
};
