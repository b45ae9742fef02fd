const KiB = 1024;
const MiB = 1024 * KiB;

/** Uncompressed bytes in one part, at most. */
export const maxPartBytes = 8 * MiB;

/** What stands in one file of the archive, at most, in bytes: a reader refuses more before it reads any of it. */
export const maxFileBytes = {
  opening: 4 * KiB,
  /** gzip makes incompressible bytes a little longer. */
  part: maxPartBytes + 64 * KiB,
  ddl: 4 * MiB,
  manifest: 64 * MiB,
} as const;

/** All DDL files together, in bytes; they are kept in memory. */
export const maxDdlBytes = 32 * MiB;

/** Files in one archive: 2 TiB of full parts. More would not fit the manifest either. */
export const maxFiles = 262_144;

/** Tables in one archive; their number has four digits. */
export const maxTables = 9_999;
