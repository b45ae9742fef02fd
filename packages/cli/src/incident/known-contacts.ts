import { join } from "node:path";
import type { ContactRole, ResultOf, Routes } from "@tenantctl/contract";
import { readIfThere, writePrivate } from "../session/private-file.ts";

export type Contact = ResultOf<Routes["contacts.list"]>[number];

const fileOf = (dir: string): string => join(dir, "incidents", "contacts.json");

interface Kept {
  readonly at: string;
  readonly contacts: readonly Contact[];
}

/** Kept beside the incidents, so that people can be called when nothing else works. Only its owner can read it. */
export const keepContacts = (dir: string, contacts: readonly Contact[]): Promise<void> =>
  writePrivate(fileOf(dir), JSON.stringify({ at: new Date().toISOString(), contacts } satisfies Kept));

/** As they were when they were last seen; undefined where they never were. */
export const keptContacts = async (dir: string): Promise<Kept | undefined> => {
  const text = await readIfThere(fileOf(dir));
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Kept);
  } catch {
    return undefined;
  }
};

export const withRoles = (contacts: readonly Contact[], roles: readonly ContactRole[]): Contact[] =>
  contacts.filter(({ role }) => roles.includes(role));

/** Who, what for, and how to reach them. */
export const contactLine = ({ name, role, phone, email, channels }: Contact): string =>
  `${role}: ${name}, ${[phone, email].filter((way) => way !== null).join(", ") || "no phone or e-mail"}${channels.length === 0 ? ", no webhook" : ""}`;
