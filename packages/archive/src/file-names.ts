import type { maxFileBytes } from "./limits.ts";

/** Every name an archive can hold. None is absolute, none has `..`, all fit a plain tar header. */
export const openingFile = "archive.json";
export const sharedDdlFile = "schema.sql";
export const manifestFile = "manifest.json";

const folder = "tables/\\d{4}-[A-Za-z0-9_]+(?:\\.[A-Za-z0-9_]+)*";

const kinds: readonly { pattern: RegExp; kind: keyof typeof maxFileBytes }[] = [
  { pattern: /^archive\.json$/, kind: "opening" },
  { pattern: /^manifest\.json$/, kind: "manifest" },
  { pattern: /^schema\.sql$/, kind: "ddl" },
  { pattern: new RegExp(`^${folder}/(?:create|constraints)\\.sql$`), kind: "ddl" },
  { pattern: new RegExp(`^${folder}/\\d{8}\\.copy\\.gz$`), kind: "part" },
];

export type FileKind = keyof typeof maxFileBytes;

/** What a file is, by its name; undefined for a name no archive has. */
export const kindOf = (name: string): FileKind | undefined => kinds.find(({ pattern }) => pattern.test(name))?.kind;

/**
 * The folder of the table at `index` (from 0). The number makes it unique; the rest is there for people, so that what a path
 * cannot carry safely becomes `_` and a long name is cut. The manifest holds the true name.
 */
export function tableFolder(index: number, table: string): string {
  const readable = table
    .replaceAll(/[^A-Za-z0-9_.]/g, "_")
    .slice(0, 60)
    .replaceAll(/^\.+|\.+$/g, "")
    .replaceAll(/\.{2,}/g, ".");
  return `tables/${String(index + 1).padStart(4, "0")}-${readable || "_"}`;
}

export const createFile = (table: string): string => `${table}/create.sql`;
export const constraintsFile = (table: string): string => `${table}/constraints.sql`;

/** The part at `index` (from 0) of the table in that folder; parts in the order of their names are its COPY stream. */
export const partFile = (table: string, index: number): string =>
  `${table}/${String(index + 1).padStart(8, "0")}.copy.gz`;
