import { archiveBytes, type TenantRecord } from "@tenantctl/archive";
import {
  build,
  type Database,
  readAsExport,
  type SharedSnapshot,
  type Statement,
  sql,
  type TenantStatements,
} from "@tenantctl/database";
import type { CompiledQuery } from "kysely";
import { noSuchTenant } from "../tenants/find-tenant.ts";
import { tenantJson } from "../tenants/tenant-json.ts";
import { type ArchivedTable, type ArchivePlan, archivePlan, type Span } from "./archive-plan.ts";
import { isOfAnotherShape, type Moment, momentQuery, readMoment } from "./moment.ts";
import { type Answers, nextText, smallBytes, tableSources } from "./table-sources.ts";

/** An archive that can be read: its reader ends it. */
export interface OpenedArchive {
  readonly slug: string;
  /** Valid until the next are asked for. */
  readonly bytes: AsyncGenerator<Uint8Array, void, undefined>;
}

/** Archives of several tenants, opened one after the other, each read to its end before the next. */
export interface TenantArchives {
  /** The archive of one of them as of this moment or shortly before. Throws tenant_not_found. */
  open(tenantId: string): Promise<OpenedArchive>;
  /** Lets go of the snapshot. */
  end(): Promise<void>;
}

/**
 * Bytes of each table that the archive before held. Where it was little, the next tenant's rows are asked for by a statement that
 * stays planned: planning a COPY takes several times as long as reading a few rows does. Much of it COPY sends in less time.
 */
const lately = new WeakMap<ArchivedTable, number>();
const fewBytes = 64 * 1024;

/** What asks for a tenant's rows of a table. */
const rowsStatement = (table: ArchivedTable, tenantId: string, within: Span | undefined): Statement =>
  table.select !== null && isSmall(table)
    ? { sql: table.select, parameters: [tenantId], asCopyText: true }
    : { sql: table.copy(tenantId, within), parameters: [], plain: true };

const isSmall = (table: ArchivedTable): boolean => (lately.get(table) ?? Number.POSITIVE_INFINITY) <= fewBytes;

/** How long a snapshot serves one tenant after the other, in milliseconds. */
const longest = 10_000;

const tenantQuery = (tenantId: string): CompiledQuery<unknown> =>
  sql`select json_build_object('tenant', ${tenantJson}, 'previousStatus', t.previous_status)::text
    from app.tenants t where t.id = ${tenantId}::uuid`.compile(build);

/** Where a tenant's rows of a partitioned table begin and end: asked of a plan that is kept, it costs less than planning all partitions anew. */
const spanQuery = ({ description, partitionedBy }: ArchivedTable, tenantId: string): CompiledQuery<unknown> => {
  const [column, table] = [sql.ref(`t.${partitionedBy}`), sql.raw(description.name)];
  return sql`select case when min(${column}) is not null then json_build_object('from', min(${column})::text, 'to', max(${column})::text)::text end
    from ${table} as t where t.tenant_id = ${tenantId}::uuid`.compile(build);
};

/** What is known of a snapshot that tenants are read from. */
interface Begun {
  readonly plan: ArchivePlan;
  readonly snapshot: SharedSnapshot;
  readonly moment: Moment;
  readonly since: number;
  /** Of each tenant that was asked about: one for each partitioned table that is copied and holds rows of it, by name. */
  readonly spans: ReadonlyMap<string, ReadonlyMap<string, Span>>;
}

/** Opens archives of these tenants, which share snapshots as long as they are small: what each tenant costs by itself is then mostly its rows. */
export const openTenantArchives = (db: Database, tenantIds: readonly string[]): TenantArchives => {
  let begun: Begun | undefined;
  let snapshot: SharedSnapshot | undefined;
  let bytes = 0;

  const begin = async (plan: ArchivePlan, tenantId: string): Promise<Begun> => {
    await snapshot?.end();
    snapshot = db.sharedSnapshot(plan.tenant.names);
    bytes = 0;
    const partitioned = plan.tenant.tables.filter((table) => table.partitionedBy !== null && !isSmall(table));
    const following = tenantIds.slice(Math.max(0, tenantIds.indexOf(tenantId)));
    const parts = following.map((id, place): TenantStatements => {
      const spans = partitioned.map((table) => spanQuery(table, id));
      return { tenantId: id, entry: undefined, statements: place === 0 ? [momentQuery, ...spans] : spans };
    });
    const answers = snapshot.ask(parts);
    const moment = await readMoment(answers);
    const spans = new Map<string, Map<string, Span>>();
    for (const id of following) {
      const ofTenant = new Map<string, Span>();
      for (const { description } of partitioned) {
        const text = await nextText(answers);
        if (typeof text === "string") ofTenant.set(description.name, JSON.parse(text) as Span);
      }
      spans.set(id, ofTenant);
    }
    await answers.next();
    return { plan, snapshot, moment, since: performance.now(), spans };
  };

  /** The snapshot as long as it serves, or another one, whose tables are those of its plan. */
  const current = async (tenantId: string): Promise<Begun> => {
    if (begun !== undefined && !begun.snapshot.over && bytes < smallBytes && performance.now() - begun.since < longest)
      return begun;
    for (let plan = await archivePlan(db); ; ) {
      begun = undefined;
      try {
        begun = await begin(plan, tenantId);
        if (begun.moment.shape === plan.shape) return begun;
      } catch (error) {
        const fresh = isOfAnotherShape(error) ? await archivePlan(db, plan) : plan;
        if (fresh.shape === plan.shape) throw error;
        plan = fresh;
        continue;
      }
      plan = await archivePlan(db, plan);
    }
  };

  const readTenant = async (answers: Answers): Promise<TenantRecord> => {
    const text = await nextText(answers);
    if (typeof text !== "string") {
      await answers.return();
      throw noSuchTenant();
    }
    const { tenant, previousStatus } = JSON.parse(text) as { tenant: TenantRecord; previousStatus: string | null };
    return { ...tenant, previousStatus };
  };

  return {
    async open(tenantId) {
      const { plan, snapshot, moment, spans } = await current(tenantId);
      const ofTenant = spans.get(tenantId);
      const rows = plan.tenant.tables.map((table) =>
        rowsStatement(table, tenantId, ofTenant?.get(table.description.name)),
      );
      // All of it is asked at once: round trips, and waking each other up, cost more than a small tenant's rows.
      const answers = snapshot.ask([{ tenantId, entry: readAsExport(), statements: [tenantQuery(tenantId), ...rows] }]);
      const tenant = await readTenant(answers);
      const { shape: _, ...seen } = moment;
      const source = {
        tenant,
        snapshot: { ...seen, migrations: [...plan.migrations] },
        ddl: plan.tenant.ddl,
        tables: tableSources(answers, plan.tenant.tables, tenantId, {
          passed: (more) => {
            bytes += more;
          },
          ended: (table, all) => void lately.set(table, all),
        }),
      };
      async function* untilEnd(): AsyncGenerator<Uint8Array, void, undefined> {
        try {
          yield* archiveBytes(source);
        } finally {
          await answers.return();
        }
      }
      return { slug: tenant.slug, bytes: untilEnd() };
    },
    end: async () => {
      await snapshot?.end();
    },
  };
};
