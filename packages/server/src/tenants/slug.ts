import { randomInt } from "node:crypto";
import { ContractError, isFreeSlug, reservedSlugs, slugOfName } from "@tenantctl/contract";

const randomSuffix = (): string =>
  Array.from({ length: 4 }, () => "abcdefghijkmnpqrstuvwxyz23456789".charAt(randomInt(32))).join("");

/** The slug that a name suggests; whether it is free is for the database to say. */
export const slugOf = (name: string): string => slugOfName(name) ?? `tenant-${randomSuffix()}`;

/** Refuses slugs that would be mistaken for something else. Throws invalid_request. */
export const checkSlug = (slug: string): void => {
  if (isFreeSlug(slug)) return;
  const message = reservedSlugs.has(slug) ? `"${slug}" is a reserved word` : "has the form of an id";
  throw new ContractError(
    "invalid_request",
    `body.slug ${message}.`,
    "Choose another slug, or leave it out to have one derived from the name.",
    { faults: [{ path: "body.slug", message }] },
  );
};
