import { timingSafeEqual } from "node:crypto";
import type { AuditKey, AuditKeys } from "./audit-keys.ts";

/** What a chain begins with. */
export const genesis = "00".repeat(32);

/** One row's seal. Hashes are hex, times ISO 8601. */
export interface Seal {
  readonly tenant_id: string;
  readonly sequence: number;
  readonly audit_id: string;
  readonly at: string;
  readonly row_digest: string;
  readonly hash: string;
  readonly key_id: string;
  readonly batch: number;
  readonly not_before: string | null;
  readonly sealed_at: string;
}

/** Where a chain ends, and what it begins behind. */
export interface Head {
  readonly tenant_id: string;
  readonly sequence: number;
  readonly hash: string;
  readonly base_sequence: number;
  readonly base_hash: string;
  readonly batch: number;
  readonly key_id: string;
  readonly mac: string | null;
  readonly suspect: number | null;
}

/** How many chains and seals there are. */
export interface Register {
  readonly chains: number;
  readonly rows: number;
  readonly batch: number;
  readonly dropped_before: string | null;
  readonly key_id: string | null;
  readonly mac: string | null;
}

/** The keyed hash of a seal behind the one before it, in hex. */
export const sealHash = (key: AuditKey, previous: string, seal: Omit<Seal, "hash" | "key_id">): string =>
  key
    .seal(
      Buffer.from(previous, "hex"),
      JSON.stringify([
        1,
        seal.tenant_id,
        seal.sequence,
        seal.audit_id,
        seal.at,
        seal.row_digest,
        seal.batch,
        seal.not_before,
        seal.sealed_at,
      ]),
    )
    .toString("hex");

export const headMac = (key: AuditKey, head: Omit<Head, "key_id" | "mac" | "suspect">): string =>
  key
    .mac(
      JSON.stringify([
        "head",
        head.tenant_id,
        head.sequence,
        head.hash,
        head.base_sequence,
        head.base_hash,
        head.batch,
      ]),
    )
    .toString("hex");

export const registerMac = (key: AuditKey, register: Omit<Register, "key_id" | "mac">): string =>
  key
    .mac(JSON.stringify(["register", register.chains, register.rows, register.batch, register.dropped_before]))
    .toString("hex");

/** Whether two texts of hex are the same, told in a time that says nothing about where they differ. */
export const sameHex = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
};

/** ours: as the sealer left it; altered: not so; unknown: made with a key that is not here. */
export type Proof = "ours" | "altered" | "unknown";

const proof = (
  keys: AuditKeys,
  keyId: string | null,
  mac: string | null,
  expected: (key: AuditKey) => string,
): Proof => {
  if (mac === null) return "altered";
  const key = keys.find(keyId);
  if (key === undefined) return "unknown";
  return sameHex(mac, expected(key)) ? "ours" : "altered";
};

export const headProof = (keys: AuditKeys, head: Head): Proof =>
  proof(keys, head.key_id, head.mac, (key) => headMac(key, head));

/** The register of a database in which nothing was ever sealed has no MAC, and counts nothing. */
export const registerProof = (keys: AuditKeys, register: Register): Proof =>
  register.batch === 0 && register.mac === null && register.chains === 0 && register.rows === 0
    ? "ours"
    : proof(keys, register.key_id, register.mac, (key) => registerMac(key, register));
