import { promises as fs, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { CliError } from "../cli-error.ts";
import { makeFolder } from "../make-folder.ts";

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);

/** The file's text; undefined where there is none. Read at once: every command starts with it, and has to wait for it. */
export const readIfThere = async (path: string): Promise<string | undefined> => {
  try {
    return readFileSync(path, "utf8");
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
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    makeFolder(folder);
    await fs.chmod(folder, 0o700).catch(() => undefined);
    const file = await fs.open(temporary, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(temporary, path);
  } catch (cause) {
    await fs.rm(temporary, { force: true });
    throw new CliError(
      "config_unwritable",
      1,
      `cannot write ${path}: ${cause instanceof Error ? cause.message : cause}`,
      "Set TENANTCTL_CONFIG_DIR to a folder that you can write to.",
    );
  }
  const directory = await fs.open(folder, "r").catch(() => undefined);
  await directory?.sync().catch(() => undefined);
  await directory?.close();
};
