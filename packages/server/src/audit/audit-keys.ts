import { createHash, createHmac, createPrivateKey, createPublicKey, hkdfSync, type KeyObject, sign } from "node:crypto";
import { ownerSecret } from "@tenantctl/database";
import type { Settings } from "../settings.ts";

/** What one key does. Everything is derived from one secret, so that there is one thing to keep. */
export interface AuditKey {
  /** 16 hex digits, of the public key: says which key sealed a row, and nothing about it. */
  readonly id: string;
  /** Of Ed25519, base64url: checks what this key signed. */
  readonly publicKey: string;
  /** The keyed hash (HMAC-SHA-256) of a row, behind the one before it. */
  seal(previous: Uint8Array, text: string): Buffer;
  /** The keyed hash of a record that is kept beside the seals. */
  mac(text: string): Buffer;
  /** An Ed25519 signature, for checkpoints that are checked without the secret. */
  sign(text: string): Buffer;
}

export interface AuditKeys {
  /** Seals from now on. */
  readonly current: AuditKey;
  readonly all: readonly AuditKey[];
  find(id: string | null): AuditKey | undefined;
  /** apart: outside the database; database: its owner could read the key, and seal anew what they had altered. */
  readonly kept: "apart" | "database";
}

/** PKCS #8 around the 32 bytes of an Ed25519 seed (RFC 8410). */
const pkcs8 = Buffer.from("302e020100300506032b657004220420", "hex");

const derive = (secret: string | Buffer, use: string): Buffer =>
  Buffer.from(hkdfSync("sha256", secret, "tenantctl audit log", use, 32));

const rawPublicKey = (key: KeyObject): string => {
  const { x } = createPublicKey(key).export({ format: "jwk" });
  if (x === undefined) throw new Error("An Ed25519 key has an x.");
  return x;
};

/** The key that a secret stands for; the same in every process and after every restart. */
export const auditKey = (secret: string | Buffer): AuditKey => {
  const seals = derive(secret, "seals");
  const records = derive(secret, "records");
  const signing = createPrivateKey({
    key: Buffer.concat([pkcs8, derive(secret, "checkpoints")]),
    format: "der",
    type: "pkcs8",
  });
  const publicKey = rawPublicKey(signing);
  return {
    id: createHash("sha256").update(publicKey).digest("hex").slice(0, 16),
    publicKey,
    seal: (previous, text) => createHmac("sha256", seals).update(previous).update(text).digest(),
    mac: (text) => createHmac("sha256", records).update(text).digest(),
    sign: (text) => sign(null, Buffer.from(text), signing),
  };
};

export const auditKeys = (secrets: readonly (string | Buffer)[], kept: AuditKeys["kept"]): AuditKeys => {
  const all = secrets.map(auditKey);
  const [current] = all;
  if (current === undefined) throw new Error("There is no audit key.");
  return { current, all, kept, find: (id) => all.find((key) => key.id === id) };
};

/** The keys of the settings; without any, one that is made once and kept where only the database's owner reads it. */
export const resolveAuditKeys = async ({
  auditKeys: given,
  databaseUrl,
  rolePrefix,
}: Pick<Settings, "auditKeys" | "databaseUrl" | "rolePrefix">): Promise<AuditKeys> => {
  if (given !== undefined) return auditKeys(given, "apart");
  if (databaseUrl === undefined) throw new Error("Without DATABASE_URL the audit key has to be given.");
  return auditKeys([await ownerSecret({ url: databaseUrl, prefix: rolePrefix }, "audit")], "database");
};
