import { build, type Database, SYSTEM_TENANT_ID, sql, writeAsJob } from "@tenantctl/database";
import type { FastifyBaseLogger } from "fastify";
import { forEachAtMost, inBackground, type ReportFailure } from "../background-work.ts";
import type { Principal } from "../principal.ts";

export interface TokenUse {
  /** Notes that a token was used and found valid; never waits. */
  note(principal: Principal): void;
  /** Writes what is noted, and ends. */
  close(): Promise<void>;
}

const minuteMs = 60_000;
/** Tokens remembered at once; beyond it they are forgotten, which costs a write more. */
const mostRemembered = 10_000;

const touch = (db: Database, tenantId: string, hashes: readonly Buffer[]) => {
  const stale = sql`token_hash = any(${[...hashes]}::bytea[])
    and (last_used_at is null or last_used_at < now() - interval '55 seconds')`;
  return tenantId === SYSTEM_TENANT_ID
    ? db
        .operator(undefined, { tenantId })
        .run(sql`update app.operator_tokens set last_used_at = now() where ${stale}`.compile(build))
    : db
        .tenant(tenantId, writeAsJob())
        .run(
          sql`update app.api_tokens set last_used_at = now() where tenant_id = ${tenantId}::uuid and ${stale}`.compile(
            build,
          ),
        );
};

/**
 * Keeps `last_used_at` of tokens, at most once a minute each and never on a request's path. What can't be written is
 * forgotten: the next use notes it again.
 */
export const createTokenUse = (db: Database, log: FastifyBaseLogger, report?: ReportFailure): TokenUse => {
  const remembered = new Map<string, number>();
  let noted = new Map<string, Buffer[]>();

  const touchAll = async (): Promise<void> => {
    const taken = noted;
    noted = new Map();
    await forEachAtMost(4, [...taken], async ([tenantId, hashes]) => {
      await touch(db, tenantId, hashes);
    });
  };
  const background = inBackground("last use of tokens", 1000, log, touchAll, report);

  return {
    note: (principal) => {
      if (principal.kind !== "tenantToken" && principal.kind !== "operatorToken") return;
      const key = principal.hash.toString("base64");
      const now = Date.now();
      if ((remembered.get(key) ?? 0) > now - minuteMs) return;
      if (remembered.size >= mostRemembered) remembered.clear();
      remembered.set(key, now);
      const tenantId = principal.kind === "tenantToken" ? principal.tenantId : SYSTEM_TENANT_ID;
      const hashes = noted.get(tenantId);
      if (hashes === undefined) noted.set(tenantId, [principal.hash]);
      else hashes.push(principal.hash);
    },
    close: async () => {
      background.stop();
      await background.now();
    },
  };
};
