import { promises as fs } from "node:fs";
import { usage } from "../cli-error.ts";

/** A secret's file without the line break that editors add. Gives a usage error where it can't be read. */
export const readSecretFile = async (path: string, flag: string): Promise<string> => {
  const text = await fs.readFile(path, "utf8").catch((cause: unknown) => {
    throw usage(
      `${flag}: cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      "Check the path and who may read it.",
    );
  });
  return text.replace(/\r?\n$/, "");
};

/** All of standard input, at most 1 MiB unless said. */
export const readStdin = async (maxBytes = 1_048_576): Promise<string> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > maxBytes) throw usage(`standard input is larger than ${maxBytes} bytes`, "Send less.");
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
};

/** The lines of standard input, one for each secret that is wanted. */
export const readSecretLines = async (count: number, flag: string): Promise<string[]> => {
  const lines = (await readStdin()).split(/\r?\n/);
  const wanted = lines.slice(0, count);
  if (wanted.length < count || wanted.some((line) => line === ""))
    throw usage(`${flag} reads ${count === 1 ? "one line" : `${count} lines`} from standard input, and got fewer`);
  return wanted;
};
