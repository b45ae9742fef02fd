import { randomUUID } from "node:crypto";
import { chmod, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { CliError } from "../cli-error.ts";

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);

/** The file's text; undefined where there is none. */
export const readIfThere = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw new CliError(
      "config_unreadable",
      2,
      `cannot read ${path}: ${cause instanceof Error ? cause.message : cause}`,
      "Check who may read it.",
    );
  }
};

/** Writes a file that only its owner can read, in a folder that only its owner can enter: whole, or not at all. */
export const writePrivate = async (path: string, text: string): Promise<void> => {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700).catch(() => undefined);
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new CliError(
      "config_unwritable",
      1,
      `cannot write ${path}: ${cause instanceof Error ? cause.message : cause}`,
      "Set TENANTCTL_CONFIG_DIR to a folder that you can write to.",
    );
  }
  const directory = await open(folder, "r").catch(() => undefined);
  await directory?.sync().catch(() => undefined);
  await directory?.close();
};
