import { randomBytes } from "node:crypto";
import { build, type Database, SYSTEM_TENANT_ID, sql, type Transaction } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { auditRow } from "../audit/audit-row.ts";
import { checkPassword, hashPassword } from "../auth/passwords.ts";
import { normaliseEmail } from "../email.ts";
import { localActor } from "../tokens/local-token.ts";

export interface BootstrapRequest {
  readonly email?: string | undefined;
  readonly password?: string | undefined;
  /** The e-mail unless given. */
  readonly name?: string | undefined;
  /** Invents what is missing: `operator@localhost` and a random password. Without it, both missing means: do nothing. */
  readonly generate?: boolean | undefined;
  /** Also where there are operators: makes this one, or sets their password, enables them and ends their sessions. */
  readonly recover?: boolean | undefined;
  readonly passwordMinLength?: number | undefined;
}

export interface Bootstrapped {
  readonly id: string;
  readonly email: string;
  /** The password, if it was generated here; it is stored as a hash only. */
  readonly password: string | undefined;
  /** False where the operator was there and was given the password. */
  readonly created: boolean;
}

interface Found {
  readonly id: string;
}

/** Two processes that start at once make one operator: whoever comes second waits here and then finds the first one's. */
const takeTurn = sql`select pg_advisory_xact_lock(7063)`.compile(build);

const anyOperator = sql<Found>`select id from app.operators limit 1`.compile(build);

const store = async (
  tx: Transaction,
  email: string,
  name: string,
  hash: string,
): Promise<Found & { created: boolean }> => {
  const [kept] = await tx.run(
    sql<Found>`update app.operators set password_hash = ${hash}, password_changed_at = now(), must_change_password = false,
      disabled_at = null where email = ${email} returning id`.compile(build),
  );
  if (kept !== undefined) {
    await tx.run(
      sql`update app.operator_sessions set ended_at = now(), end_reason = 'recovered'
        where operator_id = ${kept.id} and ended_at is null`.compile(build),
    );
    return { id: kept.id, created: false };
  }
  const id = uuidv7();
  await tx.run(
    sql`insert into app.operators (id, email, name, password_hash, password_changed_at)
      values (${id}, ${email}, ${name}, ${hash}, now())`.compile(build),
  );
  return { id, created: true };
};

/**
 * Makes the first operator, or with `recover` a way back in, straight in the database; audited as `local:<os user>`.
 * However many do this at once, one operator is made. Gives undefined where there was nothing to do.
 * Throws weak_password.
 */
export const bootstrapOperator = async (db: Database, asked: BootstrapRequest): Promise<Bootstrapped | undefined> => {
  const given = asked.email !== undefined || asked.password !== undefined;
  if (!given && asked.generate !== true) return undefined;
  const scope = db.operator(undefined, { tenantId: SYSTEM_TENANT_ID });
  // The usual start: somebody is there, and no password need be hashed.
  if (asked.recover !== true && (await scope.run(anyOperator)).length > 0) return undefined;

  const email = normaliseEmail(asked.email ?? "operator@localhost");
  const generated = asked.password === undefined ? randomBytes(15).toString("base64url") : undefined;
  const password = asked.password ?? generated ?? "";
  checkPassword(password, asked.passwordMinLength ?? 8, { email, name: asked.name });
  const hash = await hashPassword(password);
  return scope.transaction(async (tx) => {
    await tx.run(takeTurn);
    if (asked.recover !== true && (await tx.run(anyOperator)).length > 0) return undefined;
    const { id, created } = await store(tx, email, asked.name ?? email, hash);
    await tx.run(
      auditRow({
        tenantId: null,
        action: created ? "bootstrap" : "recover",
        resourceType: "operator",
        resourceId: id,
        actor: localActor(),
        after: { email },
      }),
    );
    return { id, email, password: generated, created };
  });
};
