import type { CompiledQuery } from "kysely";
import type pg from "pg";
import { type Answer, readTogether } from "./answers.ts";
import { opening, type Statement } from "./context.ts";
import type { Entry } from "./entries.ts";
import { type Caller, openForeignPool, openPool, type Pool, type PoolCounts } from "./pools.ts";
import { type Rewrite, withRewrite } from "./rewrite.ts";
import { type RoleUrls, resolveRoleUrls } from "./role-urls.ts";
import { createScope, runInEach, type Scope } from "./scope.ts";
import { openSharedSnapshot, type SharedSnapshot } from "./shared-snapshot.ts";
import { exactFormsOneByOne, type Rehearsal, type Snapshot, type SnapshotOptions, withSnapshot } from "./snapshot.ts";
import { createStatementNames } from "./statement-names.ts";

const poolNames = ["tenant", "operator", "tenantStream", "operatorStream"] as const;
export type PoolName = (typeof poolNames)[number];

const defaultSizes: Record<PoolName, number> = { tenant: 10, operator: 5, tenantStream: 10, operatorStream: 4 };

export interface DatabaseConfig {
  /** Of the user who owns the database: reads the derived passwords, serves nothing. Not needed when all three role URLs are given. */
  url?: string | undefined;
  roleUrls?: RoleUrls | undefined;
  /** Of the roles' names; "tenantctl" unless given. */
  prefix?: string | undefined;
  /** Most connections per pool. */
  poolSizes?: Partial<Record<PoolName, number>> | undefined;
  /** Off for PgBouncer before 1.21. On unless given. */
  preparedStatements?: boolean | undefined;
  /** Milliseconds to wait for a connection, free or new; 10,000 unless given. */
  connectTimeout?: number | undefined;
  /** Told of connections that broke while idle. */
  onError?: ((error: Error) => void) | undefined;
}

/** One entry check, or several in this order. */
export type Entries = Entry | readonly Entry[];

export interface ScopeOptions {
  readOnly?: boolean | undefined;
  /** Nothing is begun for a caller that has left. */
  caller?: Caller | undefined;
}

export interface OperatorOptions extends ScopeOptions {
  /** Sets this tenant's context: without one the operator role reads every tenant and writes none. */
  tenantId?: string | undefined;
}

export interface Database {
  /** Role tenant, in the context of one tenant. Throws TypeError unless `tenantId` is a UUID. */
  tenant(tenantId: string, entry: Entries, options?: ScopeOptions): Scope;
  /** Role operator: reads all tenants, writes in the context of `tenantId`. */
  operator(entry?: Entries, options?: OperatorOptions): Scope;
  /**
   * One statement in each of several tenants' contexts, as role operator: all or none, in one round trip. `entry` is checked once,
   * `each` in every tenant. Throws the first error.
   */
  operatorInEach(
    entry: Entry,
    each: Entry,
    statements: readonly { readonly tenantId: string; readonly query: CompiledQuery<unknown> }[],
  ): Promise<void>;
  /** One consistent, read-only state of one tenant, as role tenant. */
  tenantSnapshot<T>(
    tenantId: string,
    entry: Entries,
    fn: (snapshot: Snapshot) => Promise<T>,
    options?: SnapshotOptions,
  ): Promise<T>;
  /** One consistent, read-only state of everything, as role operator. */
  operatorSnapshot<T>(
    entry: Entries | undefined,
    fn: (snapshot: Snapshot) => Promise<T>,
    options?: SnapshotOptions,
  ): Promise<T>;
  /**
   * One snapshot for several tenants, as role tenant, values in the text forms that COPY has in archives. It is taken once the
   * tables `lock` are locked. Whoever opens it ends it.
   */
  sharedSnapshot(lock: readonly string[]): SharedSnapshot;
  /** The answers to statements about everything, known beforehand, in one round trip, as role operator; the rest likewise. */
  operatorAnswers(
    entry: Entries | undefined,
    statements: readonly Statement[],
    lock: readonly string[],
  ): AsyncGenerator<Answer, void, undefined>;
  /** Writes the whole of one tenant, as role operator in its context: one transaction that also reads back what it wrote. */
  rewriteTenant<T>(tenantId: string, entry: Entries | undefined, fn: (rewrite: Rewrite) => Promise<T>): Promise<T>;
  /**
   * Role tenant on a connection that nothing has used before, in one transaction without a context, always rolled back: for
   * trying what that role could do. `fn` sets contexts itself.
   */
  rehearseTenant<T>(fn: (rehearsal: Rehearsal) => Promise<T>, options?: { readOnly?: boolean | undefined }): Promise<T>;
  /** A direct connection as role jobs. It carries a password. */
  readonly jobsUrl: string;
  /** For graphile-worker: direct connections as role jobs, at most `size`. Whoever opens the pool ends it. */
  openJobsPool(size: number): pg.Pool;
  readonly connections: Record<PoolName, PoolCounts>;
  close(): Promise<void>;
}

/** Opens the pools. Throws DatabaseRefusal: no URL, not migrated; DatabaseUnavailable: not reachable. */
export async function openDatabase(config: DatabaseConfig): Promise<Database> {
  const urls = await resolveRoleUrls(config);
  const names = createStatementNames(config.preparedStatements ?? true);
  const onError = config.onError ?? (() => undefined);
  const open = (name: PoolName, url: string): Pool =>
    openPool({
      url,
      size: config.poolSizes?.[name] ?? defaultSizes[name],
      pipeline: !name.endsWith("Stream"),
      connectTimeout: config.connectTimeout ?? 10_000,
      name: `tenantctl ${name}`,
      onError,
    });
  const pools: Record<PoolName, Pool> = {
    tenant: open("tenant", urls.tenant),
    operator: open("operator", urls.operator),
    tenantStream: open("tenantStream", urls.tenant),
    operatorStream: open("operatorStream", urls.operator),
  };
  const begin = (readOnly: boolean | undefined) => (readOnly ? "begin read only" : "begin");
  const beginSnapshot = "begin isolation level repeatable read read only";

  return {
    tenant: (tenantId, entry, options) =>
      createScope(pools.tenant, names, opening(begin(options?.readOnly), tenantId, entry), false, options?.caller),
    operator: (entry, options) =>
      createScope(
        pools.operator,
        names,
        opening(begin(options?.readOnly), options?.tenantId, entry),
        entry === undefined && options?.tenantId === undefined && options?.readOnly !== true,
        options?.caller,
      ),
    operatorInEach: (entry, each, statements) =>
      runInEach(
        pools.operator,
        names,
        // Each begins with its context and its check; there is only one transaction.
        statements.flatMap(({ tenantId, query }, index) => [
          ...(index === 0 ? opening(begin(false), tenantId, [entry, each]) : opening("", tenantId, each).slice(1)),
          query,
        ]),
      ),
    tenantSnapshot: (tenantId, entry, fn, { lock, exactText } = {}) =>
      withSnapshot(pools.tenantStream, names, opening(beginSnapshot, tenantId, entry, lock), fn, exactText),
    operatorSnapshot: (entry, fn, { lock, exactText } = {}) =>
      withSnapshot(pools.operatorStream, names, opening(beginSnapshot, undefined, entry, lock), fn, exactText),
    sharedSnapshot: (lock) =>
      openSharedSnapshot(pools.tenantStream, names, [
        ...opening(beginSnapshot, undefined, undefined, lock),
        ...exactFormsOneByOne,
      ]),
    operatorAnswers: (entry, statements, lock) =>
      readTogether(
        pools.operatorStream,
        names,
        [...opening(beginSnapshot, undefined, entry, lock), ...exactFormsOneByOne],
        statements,
      ),
    rewriteTenant: (tenantId, entry, fn) =>
      withRewrite(pools.operatorStream, names, opening("begin", tenantId, entry), fn),
    rehearseTenant: async (fn, options) => {
      const pool = openPool({
        url: urls.tenant,
        size: 1,
        pipeline: false,
        connectTimeout: config.connectTimeout ?? 10_000,
        name: "tenantctl probe",
        onError,
      });
      try {
        return await withSnapshot(pool, names, opening(begin(options?.readOnly), undefined, undefined), fn);
      } finally {
        await pool.end();
      }
    },
    jobsUrl: urls.jobs,
    openJobsPool: (size) => openForeignPool({ url: urls.jobs, size, name: "tenantctl jobs", onError }),
    get connections() {
      return {
        tenant: pools.tenant.counts,
        operator: pools.operator.counts,
        tenantStream: pools.tenantStream.counts,
        operatorStream: pools.operatorStream.counts,
      };
    },
    close: async () => {
      await Promise.all(poolNames.map((name) => pools[name].end()));
    },
  };
}
