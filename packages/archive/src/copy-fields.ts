import { ArchiveError } from "./archive-error.ts";

const tab = 0x09;
const newline = 0x0a;
const backslash = 0x5c;

/** What stands behind a backslash, and the byte it stands for. Any other byte stands for itself. */
const escaped: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};
const letterOf = new Map(Object.entries(escaped).map(([letter, character]) => [character.charCodeAt(0), letter]));
const characterOf = new Map(
  Object.entries(escaped).map(([letter, character]) => [letter.charCodeAt(0), character.charCodeAt(0)]),
);

/** The fields of one row (without its line end), as bytes; null where PostgreSQL wrote \N. */
export function decodeRow(row: Buffer): (Buffer | null)[] {
  const fields: (Buffer | null)[] = [];
  for (let start = 0; ; ) {
    const end = row.indexOf(tab, start);
    fields.push(decodeField(row.subarray(start, end === -1 ? row.length : end)));
    if (end === -1) return fields;
    start = end + 1;
  }
}

/** The fields of one row (without its line end), as text, the form in which a parameter of any type can be sent back. */
export function decodeRowText(row: Buffer): (string | null)[] {
  return row
    .toString("utf8")
    .split("\t")
    .map((field) => (field.includes("\\") ? decodeText(field) : field));
}

/** One row of COPY text, its line end included: `decodeRow` of it gives the same fields. Text is written in UTF-8. */
export function encodeRow(fields: readonly (string | Uint8Array | null)[]): Buffer {
  const pieces: Uint8Array[] = [];
  for (const [index, field] of fields.entries()) {
    if (index > 0) pieces.push(separator);
    pieces.push(field === null ? nullField : encodeField(Buffer.from(field)));
  }
  pieces.push(rowEnd);
  return Buffer.concat(pieces);
}

const separator = Buffer.of(tab);
const rowEnd = Buffer.of(newline);
const nullField = Buffer.from("\\N");

function encodeField(field: Buffer): Buffer {
  let special = 0;
  for (const byte of field) special += byte === backslash || letterOf.has(byte) ? 1 : 0;
  if (special === 0) return field;
  const encoded = Buffer.allocUnsafe(field.length + special);
  let at = 0;
  for (const byte of field) {
    const letter = letterOf.get(byte);
    if (byte === backslash || letter !== undefined) encoded[at++] = backslash;
    encoded[at++] = letter === undefined ? byte : letter.charCodeAt(0);
  }
  return encoded;
}

function decodeText(field: string): string | null {
  if (field === "\\N") return null;
  // Bytes given by number may be parts of characters; PostgreSQL never writes them, but reads them.
  if (/\\[0-7x]/.test(field)) return decodeField(Buffer.from(field))?.toString("utf8") ?? null;
  if (field.endsWith("\\") && /(?<!\\)(?:\\\\)*\\$/.test(field)) throw unfinished();
  return field.replaceAll(/\\(.)/gs, (_, letter: string) => escaped[letter] ?? letter);
}

function decodeField(field: Buffer): Buffer | null {
  if (!field.includes(backslash)) return field;
  if (field.equals(nullField)) return null;
  const decoded = Buffer.allocUnsafe(field.length);
  let length = 0;
  for (let at = 0; at < field.length; ) {
    const plainEnd = field.indexOf(backslash, at);
    length += field.copy(decoded, length, at, plainEnd === -1 ? field.length : plainEnd);
    if (plainEnd === -1) break;
    at = plainEnd + 1;
    const next = field[at];
    if (next === undefined) throw unfinished();
    const number = /^(?:[0-7]{1,3}|x[0-9a-fA-F]{1,2})/.exec(field.toString("latin1", at, at + 3))?.[0];
    if (number === undefined) {
      decoded[length++] = characterOf.get(next) ?? next;
      at += 1;
    } else {
      decoded[length++] = number.startsWith("x") ? Number.parseInt(number.slice(1), 16) : Number.parseInt(number, 8);
      at += number.length;
    }
  }
  return decoded.subarray(0, length);
}

const unfinished = (): ArchiveError =>
  new ArchiveError(
    "row_invalid",
    "a field of COPY text ends in a lone backslash",
    "The row was cut; use a whole archive.",
  );
