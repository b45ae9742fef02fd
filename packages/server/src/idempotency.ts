import { createHash, createHmac, randomBytes } from "node:crypto";
import { ContractError, type RouteShape } from "@tenantctl/contract";
import { build, sql, type Transaction } from "@tenantctl/database";
import type { Call } from "./call.ts";

/** One request under its Idempotency-Key, as it is compared with what came under that key before. */
export interface IdempotentRequest {
  readonly actor: string;
  readonly keyHash: Buffer;
  /** One for each secret in use; a request is stored under the first. */
  readonly requestHashes: readonly [Buffer, ...Buffer[]];
}

export interface StoredAnswer {
  readonly status: number;
  readonly response: unknown;
}

/** Where no secret is configured keys are good for the life of this process. */
const processSecret = randomBytes(32).toString("base64");

/** The same text for the same value, in whatever order its fields came. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );

/**
 * What the call's Idempotency-Key asks for; undefined without one. The body may hold a password: its hash is keyed by the
 * server's secret and the caller's key, so that nobody can try out passwords on a copy of the table.
 */
export const idempotentRequest = (call: Call<RouteShape>): IdempotentRequest | undefined => {
  const key = call.request.idempotencyKey;
  if (key === null) return undefined;
  if (!/^[\x20-\x7e]{1,255}$/.test(key)) {
    const message = "must be 1 to 255 printable ASCII characters";
    throw new ContractError("invalid_request", `headers.idempotency-key ${message}.`, "A random UUID does well.", {
      faults: [{ path: "headers.idempotency-key", message }],
    });
  }
  const text = `${call.route.method} ${call.route.path}\n${canonical(call.body)}`;
  const [first = processSecret, ...others] = call.app.settings.jwtSecrets ?? [];
  const hash = (secret: string): Buffer =>
    createHmac("sha256", createHmac("sha256", secret).update(`idempotency:${key}`).digest())
      .update(text)
      .digest();
  return {
    actor: `${call.actor.type}:${call.actor.id ?? ""}`,
    keyHash: createHash("sha256").update(key).digest(),
    requestHashes: [hash(first), ...others.map(hash)],
  };
};

const hoursKept = 24;

/**
 * Claims the key for this transaction, waiting for another one that has it. Returns the answer that was given under it
 * before, or undefined where this is the first. Throws idempotency_mismatch for another request.
 */
export const claimKey = async (
  transaction: Transaction,
  { actor, keyHash, requestHashes }: IdempotentRequest,
): Promise<StoredAnswer | undefined> => {
  const claimed = await transaction.run(
    sql<{ actor: string }>`insert into app.idempotency_keys as k (actor, key_hash, request_hash)
      values (${actor}, ${keyHash}, ${requestHashes[0]})
      on conflict (actor, key_hash) do update set request_hash = excluded.request_hash, status = null, response = null,
        tenant_id = null, created_at = now()
      where k.created_at < now() - make_interval(hours => ${hoursKept}::int) returning k.actor`.compile(build),
  );
  if (claimed.length > 0) return undefined;
  const [stored] = await transaction.run(
    sql<{
      requestHash: Buffer;
      status: number;
      response: unknown;
    }>`select request_hash as "requestHash", status, response
      from app.idempotency_keys where actor = ${actor} and key_hash = ${keyHash}`.compile(build),
  );
  // It expired and was swept between the two statements.
  if (stored === undefined) return claimKey(transaction, { actor, keyHash, requestHashes });
  if (!requestHashes.some((hash) => hash.equals(stored.requestHash))) {
    throw new ContractError(
      "idempotency_mismatch",
      "This Idempotency-Key was used for another request in the last 24 hours.",
      "Send another key, or the very same request.",
    );
  }
  return { status: stored.status, response: stored.response };
};

/** Keeps the answer under the key. It must hold no secret; with a tenant's id it is blanked when that tenant is removed. */
export const keepAnswer = async (
  transaction: Transaction,
  { actor, keyHash }: IdempotentRequest,
  { status, response, tenantId }: StoredAnswer & { tenantId: string },
): Promise<void> => {
  await transaction.run(
    sql`update app.idempotency_keys set status = ${status}, response = ${JSON.stringify(response)}::jsonb,
      tenant_id = ${tenantId}::uuid where actor = ${actor} and key_hash = ${keyHash}`.compile(build),
  );
};
