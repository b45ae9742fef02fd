import { build, sql } from "@tenantctl/database";
import type { CompiledQuery } from "kysely";
import { jsonTime } from "../json-time.ts";

export interface HoldingBackup {
  readonly runId: string;
  readonly repository: string;
  readonly host: string;
  readonly snapshotAt: string | null;
  readonly sha256: string | null;
  readonly expiresAt: string | null;
}

/** The backups that still hold a tenant's data, as far as they were reported: the newest first. */
export const backupsHolding = (tenantId: string): CompiledQuery<HoldingBackup> =>
  sql<HoldingBackup>`select run_id as "runId", r.repository, r.host, ${jsonTime("i.snapshot_at")} as "snapshotAt", i.sha256,
      ${jsonTime("r.expires_at")} as "expiresAt"
    from app.backup_items i join app.backup_runs r using (kind, run_id)
    where i.tenant_id = ${tenantId}::uuid and kind = 'backup' and i.outcome = 'ok'
    order by i.at desc, run_id desc`.compile(build);
