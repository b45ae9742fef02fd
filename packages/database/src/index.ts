export type { Answer } from "./answers.ts";
export { build, sql } from "./build.ts";
export { type Catalogue, type CatalogueColumn, type CatalogueTable, countRows, readCatalogue } from "./catalogue.ts";
export type { Statement } from "./context.ts";
export { type InsertTarget, insertRows } from "./copy-in.ts";
export {
  archivedColumns,
  archivedKey,
  type CopyShape,
  copyStatement,
  copyStatements,
  selectStatement,
} from "./copy-out.ts";
export type { CopyOut } from "./copy-stream.ts";
export {
  type Database,
  type DatabaseConfig,
  type Entries,
  type OperatorOptions,
  openDatabase,
  type PoolName,
  type ScopeOptions,
} from "./database.ts";
export {
  CallerLeft,
  DatabaseRefusal,
  DatabaseUnavailable,
  PoolExhausted,
  TransactionRolledBack,
} from "./database-error.ts";
export { digestTable, type TableDigest } from "./digest.ts";
export * from "./entries.ts";
export {
  type ClosedWay,
  type InspectSettings,
  inspectLogins,
  inspectNodes,
  inspectServer,
  type ServerFacts,
} from "./inspect.ts";
export { checkProtection, type LintFinding, type LintResult, runLints } from "./lints.ts";
export { type MigrateOptions, migrate, pendingMigrations } from "./migrate.ts";
export { ownerSecret } from "./owner-secret.ts";
export { type NotProven, type ProbeFinding, type ProbeReport, probeTenants } from "./probes/probe-tenants.ts";
export { rebuildSystem } from "./rebuild-system.ts";
export type { Rewrite } from "./rewrite.ts";
export type { RoleUrls } from "./role-urls.ts";
export { describeSchema } from "./schema-description.ts";
export type { Scope, Transaction } from "./scope.ts";
export {
  openScratch,
  type RestoredTable,
  type ScratchDatabase,
  type ScratchSource,
  type ScratchTable,
} from "./scratch-restore.ts";
export type { SharedSnapshot, TenantStatements } from "./shared-snapshot.ts";
export type { Snapshot } from "./snapshot.ts";
export { SYSTEM_TENANT_ID } from "./system-tenant.ts";
export { readTableDdl, type TableDdl, tenantPlaceholder } from "./table-ddl.ts";
export * from "./tables.ts";
export { template } from "./template.ts";
