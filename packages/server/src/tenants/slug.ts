import { randomInt } from "node:crypto";
import { ContractError, reservedSlugs } from "@tenantctl/contract";

const longest = 63;
/** Room for "-" and a number behind a derived slug. */
const suffixRoom = 8;
const uuidShaped = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Latin letters that Unicode does not take apart into a base and an accent. */
const letters: Readonly<Record<string, string>> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  ø: "o",
  đ: "d",
  ð: "d",
  þ: "th",
  ł: "l",
  ı: "i",
};

const randomSuffix = (): string =>
  Array.from({ length: 4 }, () => "abcdefghijkmnpqrstuvwxyz23456789".charAt(randomInt(32))).join("");

/** The slug that a name suggests; whether it is free is for the database to say. */
export const slugOf = (name: string): string => {
  const base = name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[\u0300-\u036f'’]/g, "")
    .replace(/[ßæœøđðþłı]/g, (letter) => letters[letter] ?? "")
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, longest - suffixRoom)
    .replace(/^-+|-+$/g, "");
  if (!/[a-z]/.test(base)) return `tenant-${randomSuffix()}`;
  // Nothing that could be taken for an id, a path or a word of ours.
  return base.length < 2 || uuidShaped.test(base) || reservedSlugs.has(base)
    ? `tenant-${base}`.slice(0, longest - suffixRoom)
    : base;
};

/** Refuses slugs that would be mistaken for something else. Throws invalid_request. */
export const checkSlug = (slug: string): void => {
  const reserved = reservedSlugs.has(slug);
  if (!reserved && !uuidShaped.test(slug)) return;
  const message = reserved ? `"${slug}" is a reserved word` : "has the form of an id";
  throw new ContractError(
    "invalid_request",
    `body.slug ${message}.`,
    "Choose another slug, or leave it out to have one derived from the name.",
    { faults: [{ path: "body.slug", message }] },
  );
};
