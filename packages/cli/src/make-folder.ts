import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

const isFolder = (path: string): boolean => {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
};

const make = (path: string, above: boolean): void => {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (isFolder(path)) return;
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (!above || !isMissing || dirname(path) === path) throw error;
    make(dirname(path), true);
    make(path, false);
  }
};

/**
 * Makes a folder for its owner alone, and those above it. Node's own way (`recursive`) never ends where a file system says
 * ENOENT although the folder above is there, as /proc does, and a mount that is away.
 */
export const makeFolder = (path: string): void => make(path, true);
