import type { Database } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import type { TableDiff } from "./diff-tables.ts";
import { checkRestore, previewRestore } from "./restore-from-file.ts";
import { type RestoreOperation, type RestoreResult, readResult, startRestore } from "./restore-operation.ts";
import { checkRequest, type RestoreRequest } from "./restore-target.ts";
import { runRestore } from "./run-restore.ts";

export interface LocalRestore extends RestoreRequest {
  /** For the audit log: `local:<os user>`. */
  readonly actor: string;
}

/** What was restored with its proof, or for a dry run what would change. */
export type LocalRestored = RestoreResult | { readonly dryRun: true; readonly tables: Record<string, TableDiff> };

const requesterOf = (actor: string) => ({
  actor: { type: "local" as const, id: null, name: actor },
  address: null,
  requestId: null,
});

/** Restores the archive in a file without the API, by the same path and with the same proof. Throws ContractError. */
export const restoreFromFile = async (
  db: Database,
  path: string,
  { actor, ...request }: LocalRestore,
): Promise<LocalRestored> => {
  const scope = db.operator(undefined, { readOnly: true });
  await checkRequest(scope, request);
  const checked = await checkRestore(db, path, request);
  try {
    if (request.dryRun === true) return { dryRun: true, tables: await previewRestore(db, checked) };
    const operation: RestoreOperation = {
      id: uuidv7(),
      kind: "restore",
      target: checked.target,
      requester: requesterOf(actor),
    };
    await startRestore(db, undefined, operation, checked.plan);
    await runRestore({ ...checked, db, operation, stopping: () => false });
    return await readResult(db, operation.id);
  } finally {
    await checked.archive.close();
  }
};
