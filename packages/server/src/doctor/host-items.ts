import { mkdtemp, rmdir, stat, statfs } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { CheckItem } from "@tenantctl/contract";
import { checkRedis } from "../quotas/check-redis.ts";
import type { Settings } from "../settings.ts";

const enoughBytes = 1024 ** 3;

const existing = async (folder: string): Promise<string> => {
  const there = await stat(folder).then(
    () => true,
    () => false,
  );
  return there || dirname(folder) === folder ? folder : existing(dirname(folder));
};

/** Whether the data folder can be written to, and how much room it has. */
export const folderItem = async ({ dataDir }: Settings): Promise<CheckItem> => {
  const id = "data-folder";
  const title = "The data folder can be written to";
  const folder = resolve(dataDir);
  const there = await existing(folder);
  try {
    await rmdir(await mkdtemp(join(there, ".tenantctl-doctor-")));
    const { bavail, bsize } = await statfs(there);
    const free = `${folder}${there === folder ? "" : " (not made yet)"}: ${Math.floor((bavail * bsize) / 1024 ** 2)} MiB free`;
    return bavail * bsize < enoughBytes
      ? {
          id,
          title,
          result: "warning",
          evidence: [free],
          next: "Free some space, or name another folder with TENANTCTL_DATA_DIR.",
        }
      : { id, title, result: "ok", evidence: [free], next: null };
  } catch (error) {
    const evidence = [error instanceof Error ? error.message : String(error)];
    return {
      id,
      title,
      result: "problem",
      evidence,
      next: "Give this user the folder, or name another with TENANTCTL_DATA_DIR.",
    };
  }
};

/** Whether Redis lets itself be used; nothing where processes count for themselves. */
export const redisItems = async ({ redisUrl }: Settings): Promise<CheckItem[]> => {
  if (redisUrl === undefined) return [];
  const { place, problem } = await checkRedis(redisUrl);
  const item = { id: "redis", title: "Redis takes the rate limits" };
  return [
    problem === null
      ? { ...item, result: "ok", evidence: [place], next: null }
      : {
          ...item,
          result: "problem",
          evidence: [`${place}: ${problem}`],
          next: "Check REDIS_URL, and that Redis runs there.",
        },
  ];
};
