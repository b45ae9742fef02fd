import type { ResultOf, Routes } from "@tenantctl/contract";
import { Answer } from "../answer.ts";
import type { Handlers } from "../call.ts";
import { operatorEntry } from "../call-scope.ts";
import { pageAnswer } from "../json-page.ts";
import { snapshotStream } from "../snapshot-stream.ts";
import { announceCheckpoint } from "./announce-checkpoint.ts";
import { auditExportHandlers } from "./audit-export.ts";
import { listAudit } from "./audit-list.ts";
import { auditTailHandlers } from "./audit-tail.ts";
import { audited } from "./audited.ts";
import { checkpointOf } from "./checkpoint.ts";
import { appendCheckpoint } from "./checkpoint-file.ts";
import { jsonLines } from "./json-lines.ts";
import { applyRetention, planRetention } from "./retention.ts";
import { verificationHandlers } from "./verification.ts";

type OwnIds = "audit.list" | "audit.checkpoint" | "audit.key" | "audit.retention" | "audit.drop";
type Ids = OwnIds | "audit.export" | "audit.tail" | "audit.verify";

/** The audit log: a tenant's own, or for an operator that of all tenants, deleted and purged ones included. */
const ownHandlers: Handlers<OwnIds> = {
  "audit.list": async (call) => pageAnswer(call, await call.scope.run(listAudit(call.tenantId, call.query))),

  "audit.checkpoint": async ({ app, principal, query, route }) => {
    const body = await snapshotStream(
      (fn) => app.db.operatorSnapshot(operatorEntry(principal, route.access), fn),
      (snapshot) => jsonLines(checkpointOf(snapshot, app.auditKeys, query.since ?? 0)),
    );
    return new Answer<ResultOf<Routes["audit.checkpoint"]>>(200, body, {
      "content-type": "application/json; charset=utf-8",
    });
  },

  "audit.key": async ({ app, scope }) => {
    await scope.batch([]);
    const { all, current, kept } = app.auditKeys;
    return { kept, keys: all.map(({ id, publicKey }) => ({ id, publicKey, current: id === current.id })) };
  },

  "audit.retention": async ({ app, query, scope }) => {
    const plan = await planRetention(scope, query.months ?? app.settings.auditRetentionMonths ?? null);
    return { ...plan, obstacles: [...plan.obstacles], dropped: false, dryRun: false };
  },

  "audit.drop": async (call) => {
    const { app, principal, query, route, scope } = call;
    const plan = await planRetention(scope, query.months ?? app.settings.auditRetentionMonths ?? null);
    const dryRun = query.dryRun === true;
    const answer = { ...plan, obstacles: [...plan.obstacles], dryRun };
    if (dryRun) return { ...answer, dropped: false };
    if (plan.rows > 0 && plan.obstacles.length === 0) {
      // What goes is on record, away from the database, before it goes.
      const { auditCheckpointFile } = app.settings;
      if (auditCheckpointFile !== undefined) await appendCheckpoint(app, auditCheckpointFile, { now: true });
      await announceCheckpoint(app);
    }
    const after = { before: plan.before, rows: plan.rows };
    const gone = await applyRetention(app, plan, {
      entry: operatorEntry(principal, route.access),
      and: [audited(call, { after })],
    });
    return { ...answer, dropped: gone > 0 };
  },
};

export const auditHandlers: Handlers<Ids> = {
  ...ownHandlers,
  ...auditExportHandlers,
  ...auditTailHandlers,
  ...verificationHandlers,
};
