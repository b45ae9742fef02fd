import { createPublicKey, verify } from "node:crypto";
import { checkpointFormat, type ResultOf, type Routes } from "@tenantctl/contract";
import { build, type Snapshot, sql } from "@tenantctl/database";
import type { AuditKeys } from "./audit-keys.ts";
import { type Head, headProof, type Register, registerProof } from "./chain.ts";
import { headColumns, registerColumns } from "./seal-state.ts";

export type Checkpoint = ResultOf<Routes["audit.checkpoint"]>[number];

/** So many that a part fits into a webhook's body. */
const headsAtOnce = 500;

interface Now extends Register {
  readonly at: string;
  readonly changed: number;
}

const base64url = (hex: string): string => Buffer.from(hex, "hex").toString("base64url");

const signed = (keys: AuditKeys, statement: Omit<Checkpoint, "publicKey" | "signature">): Checkpoint => {
  const whole = { ...statement, publicKey: keys.current.publicKey };
  return { ...whole, signature: keys.current.sign(JSON.stringify(whole)).toString("base64url") };
};

/**
 * The checkpoint of one snapshot, part by part: the ends of all chains that were sealed after batch `since`. One part at the
 * least. A chain that was altered is named instead of stated: signing its end would vouch for it.
 */
export async function* checkpointOf(snapshot: Snapshot, keys: AuditKeys, since: number): AsyncGenerator<Checkpoint> {
  const [now] = await snapshot.run(
    sql<Now>`select ${registerColumns}, to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at,
      (select count(*) from app.audit_chains where batch > ${since}) as changed from app.audit_register g`.compile(
      build,
    ),
  );
  if (now === undefined) throw new Error("The audit log's register has no row: somebody removed it.");
  const parts = Math.max(1, Math.ceil(now.changed / headsAtOnce));
  const common = { format: checkpointFormat, at: now.at, since, batch: now.batch } as const;
  const counted = { chains: now.chains, rows: now.rows };
  const register = registerProof(keys, now) === "ours" ? [] : ["register"];
  let part = 0;
  const heads = snapshot.stream(
    sql<Head>`select ${headColumns} from app.audit_chains c where c.batch > ${since} order by c.tenant_id`.compile(
      build,
    ),
    { batchSize: headsAtOnce },
  );
  for await (const batch of heads) {
    part += 1;
    const proven = batch.filter((head) => headProof(keys, head) === "ours");
    const altered = batch.filter((head) => !proven.includes(head)).map(({ tenant_id }) => tenant_id);
    yield signed(keys, {
      ...common,
      part,
      parts,
      ...counted,
      heads: proven.map(({ tenant_id, sequence, hash }) => [tenant_id, sequence, base64url(hash)]),
      altered: [...register, ...altered],
    });
  }
  if (part === 0) yield signed(keys, { ...common, part: 1, parts, ...counted, heads: [], altered: register });
}

/** Whether whoever has the private half of the statement's own public key signed it as it is. */
export const isSigned = ({ signature, ...statement }: Checkpoint): boolean => {
  try {
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: statement.publicKey }, format: "jwk" });
    return verify(null, Buffer.from(JSON.stringify(statement)), key, Buffer.from(signature, "base64url"));
  } catch {
    return false;
  }
};
