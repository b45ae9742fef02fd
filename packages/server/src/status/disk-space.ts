import { statfs } from "node:fs/promises";
import type { ResultOf, Routes } from "@tenantctl/contract";
import type { Settings } from "../settings.ts";

/** The disk that the embedded PostgreSQL writes to; null where the database is elsewhere, or the disk does not tell. */
export const diskSpace = async ({
  databaseUrl,
  dataDir,
}: Pick<Settings, "databaseUrl" | "dataDir">): Promise<ResultOf<Routes["status.get"]>["disk"]> => {
  if (databaseUrl !== undefined) return null;
  const disk = await statfs(dataDir).catch(() => undefined);
  if (disk === undefined) return null;
  return { freeBytes: disk.bavail * disk.bsize, totalBytes: disk.blocks * disk.bsize };
};
