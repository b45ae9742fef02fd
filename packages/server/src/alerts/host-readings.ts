import { access, realpath, statfs } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, resolve } from "node:path";
import { build, sql } from "@tenantctl/database";
import type { FastifyBaseLogger } from "fastify";
import type { App } from "../app.ts";
import { type BackgroundWork, inBackground } from "../background-work.ts";
import { certificateReadings } from "./certificate-readings.ts";
import { embeddedFolder } from "./embedded-folder.ts";
import { redisReading } from "./redis-reading.ts";

/** What this host sees of a subject: a value, or why there is none. */
export interface HostReading {
  readonly metric: string;
  readonly subject: string;
  readonly value: number | null;
  readonly problem: string | null;
  readonly evidence: object;
}

const everyMs = 60_000;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The folder, or the nearest one above it that is there. */
const present = async (folder: string): Promise<string> =>
  access(folder).then(
    () => folder,
    () => (dirname(folder) === folder ? folder : present(dirname(folder))),
  );

/** How full the disk under a folder is, as those who are not root may fill it. */
const diskReading = async (metric: string, folder: string): Promise<HostReading> => {
  const subject = await realpath(folder).catch(() => folder);
  try {
    const { blocks, bfree, bavail, bsize } = await statfs(subject);
    const used = blocks - bfree;
    const value = used + bavail === 0 ? 0 : (used / (used + bavail)) * 100;
    // Blocks that only root may fill are in neither, so that whoever divides the two comes to the same percentage.
    const sizeBytes = (used + bavail) * bsize;
    const evidence = { freeBytes: bavail * bsize, sizeBytes, usedPercent: Math.round(value * 10) / 10 };
    return { metric, subject, value, problem: null, evidence };
  } catch (error) {
    return { metric, subject, value: null, problem: messageOf(error), evidence: {} };
  }
};

const databaseDisk = async ({ settings }: Pick<App, "settings">): Promise<HostReading> => {
  const metric = "database_disk_used";
  const folder = await embeddedFolder(settings);
  if (folder !== undefined) return diskReading(metric, folder);
  const problem =
    "the database is not the embedded one: its disk can't be seen from here, watch it there (a rule of your own on database_size helps)";
  return { metric, subject: "", value: null, problem, evidence: {} };
};

/** Everything that this host sees, at most a handful of rows. */
export const readHost = async (app: Pick<App, "settings" | "limits">): Promise<readonly HostReading[]> => [
  await diskReading("disk_used", await present(resolve(app.settings.dataDir))),
  await databaseDisk(app),
  ...(await certificateReadings(app.settings)),
  redisReading(app.limits),
];

const write = async ({ db }: Pick<App, "db">, readings: readonly HostReading[]): Promise<void> => {
  const host = hostname();
  const of = (pick: (reading: HostReading) => string | null) => readings.map(pick);
  await db.operator().run(
    sql`with seen as (
        select * from jsonb_to_recordset(${JSON.stringify(readings)}::jsonb)
          as s(metric text, subject text, value float8, problem text, evidence jsonb)),
      gone as (delete from app.host_readings r where r.read_at < now() - interval '1 day' or (r.host = ${host}
        and r.metric = any (${of(({ metric }) => metric)}::text[]) and not exists (
          select from seen s where s.metric = r.metric and s.subject = r.subject)))
      insert into app.host_readings (host, metric, subject, value, problem, evidence)
      select ${host}, metric, subject, value, problem, evidence from seen
      on conflict (metric, host, subject) do update set value = excluded.value, problem = excluded.problem,
        evidence = excluded.evidence, read_at = now()`.compile(build),
  );
};

/** Writes down every minute what only this host can see, so that whichever process evaluates the rules knows it of all. */
export const watchHost = (
  app: Pick<App, "settings" | "db" | "limits"> & { log: FastifyBaseLogger },
): BackgroundWork => {
  const work = inBackground("what this host sees", everyMs, app.log, async () => write(app, await readHost(app)));
  void work.now();
  return work;
};
