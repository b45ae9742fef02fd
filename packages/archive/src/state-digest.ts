import { createHash } from "node:crypto";

/** One digest for the content of several tables: SHA-256, in hex, of a line `<name> <digest>` for each, in the order of the names' bytes. */
export const stateDigest = (tables: Iterable<{ readonly name: string; readonly digest: string }>): string => {
  const lines = [...tables].map(({ name, digest }) => `${name} ${digest}\n`);
  return createHash("sha256")
    .update(lines.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).join(""))
    .digest("hex");
};
