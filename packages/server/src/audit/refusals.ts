import type { ErrorCode, RouteShape } from "@tenantctl/contract";
import { build, type Database, SYSTEM_TENANT_ID, sql, writeAsLifecycle } from "@tenantctl/database";
import type { FastifyBaseLogger } from "fastify";
import { inBackground, type ReportFailure } from "../background-work.ts";
import type { Actor, Principal } from "../principal.ts";
import { type AuditEntry, auditRow } from "./audit-row.ts";

/** A request that was refused, or a login that failed. */
export interface Refusal {
  readonly principal: Principal;
  readonly actor: Actor;
  readonly route: RouteShape;
  readonly code: ErrorCode;
  readonly address: string;
  readonly requestId: string;
  /** Whose, where that is known otherwise than by the credentials: a login names its tenant. */
  readonly tenantId?: string | null;
  readonly action?: string;
  readonly resourceType?: string;
  readonly resourceId?: string | null;
  /** "denied" unless said. */
  readonly outcome?: "failure" | "denied";
  readonly detail?: string;
}

export interface Refusals {
  /** Takes note of it; never waits, never throws. The first of its kind in a minute is written at once. */
  add(refusal: Refusal): void;
  /** Writes all that is noted, this minute's repetitions too. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

interface Fold {
  readonly minute: number;
  readonly refusal: Refusal;
  /** Repetitions since the row that was written. */
  repeated: number;
}

interface Waiting {
  readonly refusal: Refusal;
  readonly occurrences: number;
  attempts: number;
}

const minuteMs = 60_000;
/** Kinds of refusal told apart per minute: from one address, and altogether. What comes on top is folded into one row. */
const mostFromOneAddress = 50;
const mostAltogether = 2000;
const mostWaiting = 5000;
/** Attempts a second apart, while the database answers but this row can't be written: a tenant that is being deleted. */
const mostAttempts = 600;

const anonymous: Actor = { type: "anonymous", id: null, name: null };

/** What the audit log calls a call to this route. */
const markOf = (route: RouteShape): { action: string; resourceType: string } =>
  route.audit ?? {
    action: route.method === "GET" ? "read" : "call",
    resourceType: route.tag === "auth" ? "session" : route.tag.replace(/s$/, ""),
  };

const actorKey = ({ principal, actor }: Refusal): string =>
  "hash" in principal ? principal.hash.toString("base64") : `${actor.type} ${actor.id ?? ""} ${actor.name ?? ""}`;

/** A token that is not valid proves nothing, not even which tenant it was made for. */
const withoutFalseName = (refusal: Refusal): Refusal =>
  refusal.code === "token_invalid" || refusal.code === "token_expired"
    ? { ...refusal, principal: { kind: "anonymous" }, actor: anonymous }
    : refusal;

/** The tenant and actor that the credentials prove; a token's row is looked up, since anybody can make one up. */
const proven = async (db: Database, refusal: Refusal): Promise<{ tenantId: string | null; actor: Actor }> => {
  const { principal, actor } = refusal;
  const tenantId = refusal.tenantId ?? null;
  if (principal.kind === "user") return { tenantId: principal.tenantId, actor };
  if (principal.kind !== "tenantToken" && principal.kind !== "operatorToken") return { tenantId, actor };
  const table =
    principal.kind === "tenantToken"
      ? sql`app.api_tokens where tenant_id = ${principal.tenantId}::uuid and`
      : sql`app.operator_tokens where`;
  const [token] = await db
    .operator(undefined, { readOnly: true })
    .run(
      sql<{ id: string; name: string }>`select id, name from ${table} token_hash = ${principal.hash}`.compile(build),
    );
  if (token === undefined) return { tenantId: null, actor: anonymous };
  return {
    tenantId: principal.kind === "tenantToken" ? principal.tenantId : tenantId,
    actor: { type: "token", id: token.id, name: token.name },
  };
};

const rowOf = ({ refusal, occurrences }: Waiting, who: { tenantId: string | null; actor: Actor }): AuditEntry => {
  const mark = markOf(refusal.route);
  return {
    ...who,
    action: refusal.action ?? mark.action,
    resourceType: refusal.resourceType ?? mark.resourceType,
    resourceId: refusal.resourceId ?? null,
    outcome: refusal.outcome ?? "denied",
    address: refusal.address,
    requestId: refusal.requestId,
    detail: refusal.detail ?? `${refusal.code}: ${refusal.route.method} ${refusal.route.path}`,
    occurrences,
  };
};

/** Audits what was refused, in transactions of its own, folded per actor, address, action and minute. */
export const createRefusals = (db: Database, log: FastifyBaseLogger, report?: ReportFailure): Refusals => {
  const folds = new Map<string, Fold>();
  const fromAddress = new Map<string, number>();
  let waiting: Waiting[] = [];
  let lost = 0;

  const enqueue = (refusal: Refusal, occurrences: number): void => {
    if (waiting.length >= mostWaiting) lost += occurrences;
    else waiting.push({ refusal, occurrences, attempts: 0 });
  };

  let openMinute = -1;
  const endMinutesBefore = (minute: number): void => {
    if (minute === openMinute) return;
    openMinute = minute;
    for (const [key, { minute: its, refusal, repeated }] of folds) {
      if (its === minute) continue;
      if (repeated > 0) enqueue(refusal, repeated);
      folds.delete(key);
    }
    fromAddress.clear();
  };

  const writeAll = async (): Promise<void> => {
    endMinutesBefore(Math.floor(Date.now() / minuteMs));
    const taken = waiting;
    waiting = [];
    for (const [index, item] of taken.entries()) {
      try {
        const who = await proven(db, item.refusal);
        await db
          .operator(writeAsLifecycle(), { tenantId: who.tenantId ?? SYSTEM_TENANT_ID })
          .run(auditRow(rowOf(item, who)));
      } catch (error) {
        const isAway =
          typeof error === "object" && error !== null && "code" in error && error.code === "database_unavailable";
        if (isAway) {
          waiting = [...taken.slice(index), ...waiting];
          throw error;
        }
        item.attempts += 1;
        if (item.attempts < mostAttempts) waiting.push(item);
        else
          log.error(
            { err: error, refusal: rowOf(item, { tenantId: null, actor: anonymous }) },
            "a refusal could not be audited",
          );
      }
    }
    if (lost > 0) {
      log.error({ lost }, "refusals were not audited: too many at once, or the database was away for too long");
      lost = 0;
    }
  };

  const background = inBackground("audit of refusals", 1000, log, writeAll, report);
  let scheduled = false;
  const writeSoon = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      void background.now();
    });
  };

  const flush = (): Promise<void> => {
    endMinutesBefore(-1);
    return background.now();
  };

  return {
    add: (given) => {
      const refusal = withoutFalseName(given);
      const minute = Math.floor(Date.now() / minuteMs);
      endMinutesBefore(minute);
      const mark = markOf(refusal.route);
      const known = fromAddress.get(refusal.address) ?? 0;
      let kept = refusal;
      let key = `${actorKey(refusal)}|${refusal.tenantId ?? ""}|${refusal.address}|${refusal.action ?? mark.action}|${refusal.resourceType ?? mark.resourceType}|${refusal.outcome ?? "denied"}|${refusal.code}`;
      if (!folds.has(key) && (known >= mostFromOneAddress || folds.size >= mostAltogether)) {
        const one = known >= mostFromOneAddress;
        key = one ? `address|${refusal.address}` : "rest";
        kept = {
          ...refusal,
          principal: { kind: "anonymous" },
          actor: anonymous,
          tenantId: null,
          resourceId: null,
          address: one ? refusal.address : "",
          detail: `more kinds of refusal within a minute than are told apart; the last was ${refusal.code}`,
        };
      }
      const fold = folds.get(key);
      if (fold !== undefined) {
        fold.repeated += 1;
        return;
      }
      folds.set(key, { minute, refusal: kept, repeated: 0 });
      fromAddress.set(refusal.address, known + 1);
      enqueue(kept, 1);
      writeSoon();
    },
    flush,
    close: async () => {
      background.stop();
      await flush();
    },
  };
};
