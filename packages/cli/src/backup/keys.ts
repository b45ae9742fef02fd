import { readFile } from "node:fs/promises";
import { ArchiveError, checkIdentities, checkRecipients, parseKeys } from "@tenantctl/archive";
import { usage } from "../cli-error.ts";
import type { Invocation } from "../invocation.ts";

const textsOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

const readKeys = async (path: string, flag: string): Promise<string[]> => {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw usage(`${flag}: cannot read ${path}: ${cause instanceof Error ? cause.message : cause}`, "Check the path.");
  });
  const keys = parseKeys(text);
  if (keys.length === 0) throw usage(`${flag}: ${path} holds no key`, "age-keygen makes a pair of keys.");
  return keys;
};

const asUsage = (cause: unknown): never => {
  if (cause instanceof ArchiveError) throw usage(cause.message, cause.hint);
  throw cause;
};

/** The recipients that --recipient and --recipients-file name, each once. Gives a usage error for what is none. */
export const recipientsOf = async ({ flags }: Pick<Invocation, "flags">): Promise<string[]> => {
  const given = Array.isArray(flags.recipient) ? textsOf(flags.recipient) : [];
  // A secret typed here is in the shell's history now; it must not also be in a log.
  if (given.some((key) => /^AGE-SECRET-KEY-/i.test(key)))
    throw usage("--recipient was given a secret key", "Give its public half, age1…, and make a new pair.");
  const file = flags.recipientsFile;
  const all = [...given, ...(typeof file === "string" ? await readKeys(file, "--recipients-file") : [])];
  const recipients = [...new Set(all)];
  if (recipients.length === 0) return [];
  await checkRecipients(recipients).catch(asUsage);
  return recipients;
};

/** The identities in --identity-file; none where it was not given. */
export const identitiesOf = async ({ flags }: Pick<Invocation, "flags">): Promise<string[]> => {
  if (typeof flags.identityFile !== "string") return [];
  const identities = await readKeys(flags.identityFile, "--identity-file");
  await checkIdentities(identities).catch(asUsage);
  return identities;
};
