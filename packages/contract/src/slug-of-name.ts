import { isFreeSlug } from "./slug.ts";

const longest = 63;
/** Room for "-" and a number behind a derived slug. */
const suffixRoom = 8;

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

/** The slug that a name suggests, the same each time; undefined where it has no Latin letter to make one from. */
export const slugOfName = (name: string): string | undefined => {
  const base = name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[\u0300-\u036f'’]/g, "")
    .replace(/[ßæœøđðþłı]/g, (letter) => letters[letter] ?? "")
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, longest - suffixRoom)
    .replace(/^-+|-+$/g, "");
  if (!/[a-z]/.test(base)) return undefined;
  // Nothing that could be taken for an id, a path or a word of ours.
  return base.length < 2 || !isFreeSlug(base) ? `tenant-${base}`.slice(0, longest - suffixRoom) : base;
};
