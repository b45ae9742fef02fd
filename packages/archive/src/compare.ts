import {
  constraintsFile,
  createFile,
  manifestFile,
  openingFile,
  partFile,
  sharedDdlFile,
  tableFolder,
} from "./file-names.ts";
import type { Manifest, ManifestTable } from "./manifest.ts";

/** What a reader saw of one file. */
export interface SeenFile {
  name: string;
  offset: number;
  storedBytes: number;
  storedSha256: string;
  /** What a part unpacks to; or why it does not. */
  unpacked?: { bytes: number; rows: number; sha256: string };
  damage?: string;
}

interface ExpectedFile {
  name: string;
  storedBytes: number;
  storedSha256: string;
  unpacked?: { bytes: number; rows: number; sha256: string };
}

/** Everything in which what was read is not what the manifest says; empty for a whole archive. */
export function compare(manifest: Manifest, seen: readonly SeenFile[]): string[] {
  const expected = expectedFiles(manifest);
  return [
    ...manifest.tables.flatMap(tableFaults),
    ...placeFaults(
      [openingFile, ...expected.map((file) => file.name), manifestFile],
      seen.map((file) => file.name),
    ),
    ...contentFaults(expected, seen),
  ];
}

const expectedFiles = (manifest: Manifest): ExpectedFile[] => [
  { name: sharedDdlFile, storedBytes: manifest.ddl.bytes, storedSha256: manifest.ddl.sha256 },
  ...manifest.tables.flatMap((table): ExpectedFile[] => [
    ...table.ddl.map(({ file, bytes, sha256 }) => ({ name: file, storedBytes: bytes, storedSha256: sha256 })),
    ...table.parts.map(({ file, storedBytes, storedSha256, ...unpacked }) => ({
      name: file,
      storedBytes,
      storedSha256,
      unpacked,
    })),
  ]),
];

/** A manifest that contradicts itself. */
function tableFaults(table: ManifestTable, index: number): string[] {
  const faults: string[] = [];
  const folder = tableFolder(index, table.name);
  const names = [createFile(folder), constraintsFile(folder), ...table.parts.map((_, part) => partFile(folder, part))];
  const given = [...table.ddl, ...table.parts].map(({ file }) => file);
  if (table.folder !== folder || names.some((name, at) => name !== given[at])) {
    faults.push(`manifest.json: the files of ${table.name} are not named as its place demands`);
  }
  for (const of of ["rows", "bytes"] as const) {
    const sum = table.parts.reduce((total, part) => total + part[of], 0);
    if (sum !== table[of]) faults.push(`manifest.json: ${table.name} has ${table[of]} ${of}, its parts have ${sum}`);
  }
  return faults;
}

/** Files missing, too many, or not in their place. */
function placeFaults(expected: readonly string[], seen: readonly string[]): string[] {
  const wanted = new Set(expected);
  const found = new Set(seen);
  const faults = [
    ...expected.filter((name) => !found.has(name)).map((name) => `${name}: missing`),
    ...[...found].filter((name) => !wanted.has(name)).map((name) => `${name}: the manifest does not know it`),
  ];
  if (found.size < seen.length) faults.push(`${repeated(seen)}: there more than once`);
  if (faults.length > 0) return faults;
  const at = expected.findIndex((name, place) => seen[place] !== name);
  return at === -1 ? [] : [`${seen[at]}: stands where ${expected[at]} belongs`];
}

const repeated = (names: readonly string[]): string =>
  names.find((name, index) => names.indexOf(name) !== index) ?? "a file";

function contentFaults(expected: readonly ExpectedFile[], seen: readonly SeenFile[]): string[] {
  const seenByName = new Map(seen.map((file) => [file.name, file]));
  const nameOfContent = new Map(expected.map((file) => [file.storedSha256, file.name]));
  return expected.flatMap((file) => {
    const found = seenByName.get(file.name);
    return found === undefined ? [] : contentFault(file, found, nameOfContent);
  });
}

function contentFault(expected: ExpectedFile, found: SeenFile, nameOfContent: ReadonlyMap<string, string>): string[] {
  const { name } = expected;
  if (found.storedSha256 !== expected.storedSha256) {
    const owner = nameOfContent.get(found.storedSha256);
    if (owner !== undefined) return [`${name}: holds what belongs in ${owner}`];
    if (found.damage !== undefined) return [found.damage];
    return [`${name}: not what the manifest names: changed, or moved here from another archive`];
  }
  if (found.storedBytes !== expected.storedBytes) return [`manifest.json: wrong size for ${name}`];
  if (found.damage !== undefined) return [found.damage];
  const [is, says] = [found.unpacked, expected.unpacked];
  if (is === undefined || says === undefined) return [];
  const differing = (["bytes", "rows", "sha256"] as const).find((of) => is[of] !== says[of]);
  return differing === undefined
    ? []
    : [`${name}: unpacks to ${differing} ${is[differing]}, the manifest says ${says[differing]}`];
}
