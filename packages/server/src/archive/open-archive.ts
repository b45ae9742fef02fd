import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { type ArchiveSource, beThrifty, type TableSource, type TenantRecord, writeArchive } from "@tenantctl/archive";
import { type Answer, build, type Database, type Entry, readAsExport, sql } from "@tenantctl/database";
import type { CompiledQuery, RawBuilder } from "kysely";
import { noSuchTenant } from "../tenants/find-tenant.ts";
import { tenantJson } from "../tenants/tenant-json.ts";
import { type ArchivedTable, type ArchivePlan, type ArchiveTables, archivePlan } from "./archive-plan.ts";

export interface ArchiveBody {
  /** Whose; "system" for what belongs to no tenant. */
  readonly slug: string;
  /** The archive. A failure, or the reader's going away, destroys it and ends the snapshot; it never ends early as a whole one. */
  readonly body: Readable;
}

interface Head {
  readonly shape: string;
  readonly at: string;
  readonly serverVersion: string;
  readonly tenant: TenantRecord | null;
  readonly previousStatus: string | null;
}

/** What is asked first: the moment, what the tables look like at it, and whose they are. */
const headQuery = (tenantId: string | null): CompiledQuery<unknown> => {
  const ofTenant = (column: RawBuilder<unknown>) =>
    tenantId === null ? sql`null` : sql`(select ${column} from app.tenants t where t.id = ${tenantId}::uuid)`;
  return sql`select json_build_object('shape', tenancy.shape(), 'serverVersion', current_setting('server_version'),
    'at', to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'tenant', ${ofTenant(tenantJson)},
    'previousStatus', ${ofTenant(sql`t.previous_status`)})::text`.compile(build);
};

const plainly = (text: string): CompiledQuery<unknown> => sql`${sql.raw(text)}`.compile(build);

/** Of what a tenant's archive may take without care for memory, in bytes of COPY text. */
const smallBytes = 4 * 1024 * 1024;

type Answers = AsyncGenerator<Answer, void, undefined>;

/** The next answer, which has to be there. */
const nextOf = async (answers: Answers): Promise<Answer> => {
  const { done, value } = await answers.next();
  if (done === true) throw new Error("The snapshot ended before its answers.");
  return value;
};

const readHead = async (answers: Answers): Promise<Head> => {
  const row = await nextOf(answers);
  const text = row.kind === "row" ? row.values[0] : undefined;
  if (typeof text !== "string") throw new Error("The snapshot has no head.");
  await nextOf(answers);
  return JSON.parse(text) as Head;
};

/** One table's COPY text as it leaves, with the digest of what passed; `passed` is told how many bytes. */
const tableSource = (
  answers: Answers,
  table: ArchivedTable,
  tenantId: string,
  passed: (bytes: number) => void,
): TableSource => {
  const hash = createHash("sha256");
  let rows = 0;
  async function* copied(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const answer = await nextOf(answers);
      if (answer.kind === "done") {
        ({ rows } = answer);
        return;
      }
      if (answer.kind !== "copy") throw new Error("A COPY was answered with a row.");
      hash.update(answer.bytes);
      passed(answer.bytes.length);
      yield answer.bytes;
    }
  }
  return {
    table: table.description,
    ddl: table.ddl(tenantId),
    copy: copied(),
    facts: () => ({ rows, digest: hash.digest("hex") }),
  };
};
async function* tableSources(
  answers: Answers,
  { tables }: ArchiveTables,
  tenantId: string,
): AsyncGenerator<TableSource> {
  let bytes = 0;
  let beWasteful: (() => void) | undefined;
  const passed = (more: number): void => {
    bytes += more;
    if (bytes > smallBytes) beWasteful ??= beThrifty();
  };
  try {
    for (const table of tables) yield tableSource(answers, table, tenantId, passed);
    // What failed last fails the archive, too.
    while ((await answers.next()).done !== true);
  } finally {
    beWasteful?.();
  }
}

interface Opening {
  readonly db: Database;
  readonly tables: (plan: ArchivePlan) => ArchiveTables;
  readonly ask: (statements: readonly CompiledQuery<unknown>[], lock: readonly string[]) => Answers;
  readonly tenantId: string | null;
}

/** A table or column that the plan knows is not there any more. */
const isOfAnotherShape = (error: unknown): boolean =>
  error instanceof Error && "code" in error && typeof error.code === "string" && /^42...$/.test(error.code);

/** Resolves once the first bytes can be read; what fails before is thrown. */
const openWith = async ({ db, tables, ask, tenantId }: Opening): Promise<ArchiveBody> => {
  for (let plan = await archivePlan(db); ; ) {
    const content = tables(plan);
    const copies = content.tables.map((table) => plainly(table.copy(tenantId ?? "")));
    // All of it is asked at once: round trips, and waking each other up, cost more than a small tenant's rows.
    const answers = ask([headQuery(tenantId), ...copies], content.names);
    let head: Head | undefined;
    try {
      head = await readHead(answers);
    } catch (error) {
      const fresh = isOfAnotherShape(error) ? await archivePlan(db, plan) : plan;
      if (fresh.shape === plan.shape) throw error;
      plan = fresh;
      continue;
    }
    const { shape, tenant, previousStatus, ...seen } = head;
    if (shape !== plan.shape) {
      await answers.return();
      plan = await archivePlan(db, plan);
      continue;
    }
    if (tenantId !== null && tenant === null) {
      await answers.return();
      throw noSuchTenant();
    }
    const source: ArchiveSource = {
      tenant: tenant === null ? null : { ...tenant, previousStatus },
      snapshot: { ...seen, migrations: [...plan.migrations] },
      ddl: content.ddl,
      tables: tableSources(answers, content, tenantId ?? ""),
    };
    const body = writeArchive(source);
    // The snapshot lasts until the reader is through with it, and no longer.
    body.once("close", () => void answers.return());
    return { slug: tenant?.slug ?? "system", body };
  }
};

/** Opens one tenant's archive as of this moment, read as the tenant role: suspended, cancelled and soft-deleted ones too. */
export const openTenantArchive = (db: Database, tenantId: string): Promise<ArchiveBody> =>
  openWith({
    db,
    tables: (plan) => plan.tenant,
    ask: (statements, lock) => db.tenantAnswers(tenantId, readAsExport(), statements, lock),
    tenantId,
  });

/** Opens the archive of what belongs to no tenant. */
export const openSystemArchive = (db: Database, entry: Entry | undefined): Promise<ArchiveBody> =>
  openWith({
    db,
    tables: (plan) => plan.system,
    ask: (statements, lock) => db.operatorAnswers(entry, statements, lock),
    tenantId: null,
  });
