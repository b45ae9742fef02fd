import Type, { type Static } from "typebox";

/** The version this package writes, and the newest it reads. */
export const formatVersion = 1;
export const formatName = "tenantctl-archive";

const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const sha256 = Type.String({ pattern: "^[0-9a-f]{64}$" });
const line = Type.String({ minLength: 1, maxLength: 1000 });
const closed = { additionalProperties: false };

const Column = Type.Object(
  {
    name: line,
    /** As PostgreSQL writes it: "timestamp(3) with time zone". */
    type: line,
    notNull: Type.Boolean(),
  },
  closed,
);

const Part = Type.Object(
  {
    file: line,
    /** Rows that end in this part. */
    rows: count,
    /** Of the COPY text in it. */
    bytes: count,
    sha256,
    /** Of the compressed file. */
    storedBytes: count,
    storedSha256: sha256,
  },
  closed,
);

const DdlFile = Type.Object({ file: line, bytes: count, sha256 }, closed);

const Table = Type.Object(
  {
    /** Schema and table, quoted where SQL needs it: "app.users". */
    name: line,
    folder: line,
    /** In the order of the COPY text. Generated columns are not among them. */
    columns: Type.Array(Column, { maxItems: 1600 }),
    generatedColumns: Type.Array(line, { maxItems: 1600 }),
    primaryKey: Type.Array(line, { maxItems: 32 }),
    /** There as evidence (an audit log), never put back over what is there now. */
    evidence: Type.Optional(Type.Boolean()),
    rows: count,
    bytes: count,
    /** Of the content, computed by PostgreSQL. */
    digest: line,
    /** create.sql (columns, keys, checks) and constraints.sql (what must wait until all rows are there). */
    ddl: Type.Tuple([DdlFile, DdlFile]),
    parts: Type.Array(Part),
  },
  closed,
);

/** The tenant as the system knew it at the time of the snapshot: id and slug, and whatever else belongs to the record. */
export const TenantRecord = Type.Unsafe<{ id: string; slug: string; [field: string]: unknown }>(
  Type.Object(
    {
      id: Type.String({ pattern: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" }),
      slug: Type.String({ minLength: 1, maxLength: 200 }),
    },
    { additionalProperties: true },
  ),
);

const Snapshot = Type.Object(
  {
    /** When the snapshot was taken: ISO 8601, UTC. */
    at: Type.String({ pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,6})?Z$" }),
    /** PostgreSQL's version, as `server_version` says. */
    serverVersion: line,
    /** The schema's version: every migration applied, in order. */
    migrations: Type.Array(line, { maxItems: 100_000 }),
  },
  closed,
);

export const Manifest = Type.Object(
  {
    format: Type.Literal(formatName),
    version: Type.Literal(formatVersion),
    /** null in an archive of what belongs to no tenant. */
    tenant: Type.Union([TenantRecord, Type.Null()]),
    snapshot: Snapshot,
    /** DDL that the tables share: schemas, types, functions. */
    ddl: DdlFile,
    tables: Type.Array(Table, { maxItems: 9999 }),
  },
  closed,
);

export type Manifest = Static<typeof Manifest>;
export type ManifestTable = Static<typeof Table>;
export type ManifestPart = Static<typeof Part>;
export type ManifestColumn = Static<typeof Column>;
export type ManifestDdlFile = Static<typeof DdlFile>;
export type TenantRecord = Static<typeof TenantRecord>;
export type ArchiveSnapshot = Static<typeof Snapshot>;
