import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { makeFolder } from "../make-folder.ts";

/** A secret kept in a file that only its owner reads: made once, then read; of two starts at once one makes it. */
export const keptSecret = (path: string): string => {
  makeFolder(dirname(path));
  const candidate = `${path}.${process.pid}.new`;
  writeFileSync(candidate, `${randomBytes(48).toString("base64url")}\n`, { mode: 0o600, flush: true });
  try {
    linkSync(candidate, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    rmSync(candidate, { force: true });
  }
  return readFileSync(path, "utf8").trim();
};
