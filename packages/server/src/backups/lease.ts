import { type BodyOf, ContractError, type ResultOf, type Routes } from "@tenantctl/contract";
import { build, sql, type Transaction } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { audited } from "../audit/audited.ts";
import type { Call } from "../call.ts";
import { jsonTime } from "../json-time.ts";

export type Lease = ResultOf<Routes["backups.acquire"]>;

/** Seconds that a lease holds unless its holder says otherwise or renews it. */
const defaultSeconds = 60;

const leaseColumns = sql<Lease>`id, holder, ${jsonTime("acquired_at")} as "acquiredAt", ${jsonTime("expires_at")} as "expiresAt"`;

const expiry = ({ seconds = defaultSeconds }: BodyOf<Routes["backups.renew"]>) =>
  sql`clock_timestamp() + make_interval(secs => ${seconds}::int)`;

const held = async (transaction: Transaction): Promise<ContractError> => {
  const [row] = await transaction.run(
    sql<Lease & { left: number }>`select ${leaseColumns},
        greatest(1, ceil(extract(epoch from expires_at - clock_timestamp())))::int as left from app.backup_lease`.compile(
      build,
    ),
  );
  return new ContractError(
    "lease_held",
    row === undefined
      ? "Another backup run held the lock a moment ago."
      : `A backup run holds the lock since ${row.acquiredAt}: ${row.holder}.`,
    "Wait for that run to end. Where its process is dead, the lock ends by itself within a minute or so.",
    row === undefined ? {} : { retryAfter: row.left },
  );
};

const lost = (): ContractError =>
  new ContractError(
    "lease_lost",
    "This lock is not held any more: it was given back, or it ran out and another run took it.",
    "Start the run again; `tenantctl backup --resume` keeps what it has finished.",
  );

/** Takes the lock where nobody has it, or where it has run out by the database's clock. Throws lease_held. */
export const acquireLease = (call: Call<Routes["backups.acquire"]>): Promise<Lease> =>
  call.scope.transaction(async (transaction) => {
    const { holder } = call.body;
    // Who comes second waits for the first one's row, then finds it in force.
    const [lease] = await transaction.run(
      sql<Lease>`insert into app.backup_lease as l (id, holder, acquired_at, expires_at)
        values (${uuidv7()}::uuid, ${holder}, clock_timestamp(), ${expiry(call.body)})
        on conflict (single) do update set id = excluded.id, holder = excluded.holder,
          acquired_at = excluded.acquired_at, expires_at = excluded.expires_at
        where l.expires_at <= clock_timestamp() returning ${leaseColumns}`.compile(build),
    );
    if (lease === undefined) throw await held(transaction);
    await transaction.run(audited(call, { resourceId: lease.id, detail: holder }));
    return lease;
  });

/** Also after it has run out, as long as nobody else has taken it. Throws lease_lost. */
export const renewLease = async (call: Call<Routes["backups.renew"]>): Promise<Lease> => {
  const [lease] = await call.scope.run(
    sql<Lease>`update app.backup_lease set expires_at = ${expiry(call.body)}
      where id = ${call.params.id}::uuid returning ${leaseColumns}`.compile(build),
  );
  if (lease === undefined) throw lost();
  return lease;
};

/** Throws lease_lost. */
export const releaseLease = (call: Call<Routes["backups.release"]>): Promise<Lease> =>
  call.scope.transaction(async (transaction) => {
    const [lease] = await transaction.run(
      sql<Lease>`delete from app.backup_lease where id = ${call.params.id}::uuid returning ${leaseColumns}`.compile(
        build,
      ),
    );
    if (lease === undefined) throw lost();
    await transaction.run(audited(call, { resourceId: lease.id, detail: lease.holder }));
    return lease;
  });
