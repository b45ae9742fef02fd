import { ContractError, type ResultOf, type Routes } from "@tenantctl/contract";
import { type Scope as DatabaseScope, type Snapshot, SYSTEM_TENANT_ID } from "@tenantctl/database";
import { Answer } from "../answer.ts";
import type { App } from "../app.ts";
import type { Handlers } from "../call.ts";
import { snapshotStream } from "../snapshot-stream.ts";
import { findTenantEver } from "../tenants/find-tenant.ts";
import { audited } from "./audited.ts";
import { jsonLines } from "./json-lines.ts";
import type { Problem } from "./verify-chain.ts";
import { type CheckedCheckpoints, verifyCheckpoints } from "./verify-checkpoints.ts";
import { type Seen, verifyLog } from "./verify-log.ts";

type Event = ResultOf<Routes["audit.verify"]>[number];
type Body = ResultOf<Routes["audit.verify"]>;

/** Verifications at once in one process: each reads the whole log, from a connection of its own. */
const mostAtOnce = 2;
const running = new WeakMap<App, number>();

/** More chains than these that differ from a file of checkpoints are counted, and not named. */
const mostNamed = 10_000;

/** The chain that a caller names; the system tenant's id for `system`. Throws tenant_not_found. */
const chainOf = async (scope: DatabaseScope, reference: string | undefined): Promise<string | undefined> => {
  if (reference === undefined) return undefined;
  return reference === "system" ? SYSTEM_TENANT_ID : (await findTenantEver(scope, reference)).id;
};

/** All that a verification says, each as one JSON text. The file is read to its end before the first. */
async function* eventsOf(
  app: Pick<App, "auditKeys">,
  snapshot: Snapshot,
  file: Parameters<typeof verifyCheckpoints>[0],
  scope: Parameters<typeof verifyLog>[2],
): AsyncGenerator<Event> {
  const checked: CheckedCheckpoints = { lines: 0, statements: 0, heads: 0, beforeRetention: 0, until: null };
  const early: Problem[] = [];
  let problems = 0;
  for await (const problem of verifyCheckpoints(file, snapshot, app.auditKeys, scope.tenantId, checked)) {
    problems += 1;
    if (early.length < mostNamed) early.push(problem);
  }
  yield* early;
  const seen: Seen = {
    chains: 0,
    rows: 0,
    detailsErased: 0,
    waiting: 0,
    sealedUntil: null,
    firstSealedAt: null,
    droppedBefore: null,
  };
  for await (const event of verifyLog(snapshot, app.auditKeys, scope, seen)) {
    if (event.type === "problem") problems += 1;
    yield event;
  }
  const { lines, ...checkpoints } = checked;
  yield {
    type: "result",
    ok: problems === 0,
    problems,
    ...seen,
    keyKept: app.auditKeys.kept,
    checkpoints: lines === 0 ? null : checkpoints,
  };
}

export const verificationHandlers: Handlers<"audit.verify"> = {
  "audit.verify": async (call) => {
    const { app, query, scope, upload } = call;
    const tenantId = await chainOf(scope, query.tenantId);
    const others = running.get(app) ?? 0;
    if (others >= mostAtOnce) {
      throw new ContractError(
        "overloaded",
        `${mostAtOnce} verifications of the audit log are under way already.`,
        "Wait for one of them to end.",
        { retryAfter: 30 },
      );
    }
    running.set(app, others + 1);
    const over = (): void => void running.set(app, (running.get(app) ?? 1) - 1);
    try {
      await scope.run(audited(call, { resourceId: tenantId ?? null }));
      const body = await snapshotStream(
        (fn) => app.db.operatorSnapshot(undefined, fn, { exactText: true }).finally(over),
        (snapshot) => jsonLines(eventsOf(app, snapshot, upload, { tenantId, since: query.since })),
      );
      return new Answer<Body>(200, body, { "content-type": "application/json; charset=utf-8" });
    } catch (error) {
      if (running.get(app) !== others) over();
      throw error;
    }
  },
};
