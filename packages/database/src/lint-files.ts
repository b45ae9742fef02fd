import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface Lint {
  /** "rls-off": the file's name, and its page's in docs/lints. */
  name: string;
  /** What it looks for, from the file's first line. */
  title: string;
  /** Whether a server refuses to start on what it finds. */
  stopsServe: boolean;
  /** One statement that gives `object`, `detail` and `fix` for each finding; for the role operator. */
  text: string;
}

const header = /^-- (?<title>.+)\n(?<stops>-- Stops serve\.\n)?/;

/** The product's lints, by name: packages/database/lints, one SQL file each. */
export async function readLints(): Promise<Lint[]> {
  const folder = fileURLToPath(new URL("../lints/", import.meta.url));
  const files = (await readdir(folder)).filter((file) => file.endsWith(".sql")).sort();
  return Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(folder, file), "utf8");
      const head = header.exec(text)?.groups;
      if (head?.title === undefined) {
        throw new Error(`The lint ${file} does not begin with a line that says what it looks for.`);
      }
      return { name: file.slice(0, -".sql".length), title: head.title, stopsServe: head.stops !== undefined, text };
    }),
  );
}
