import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Incident } from "@tenantctl/contract";
import { arrayLines } from "../audit/array-lines.ts";
import { readBody } from "../backup/read-body.ts";
import { syncFolder } from "../backup/whole-file.ts";
import { usage } from "../cli-error.ts";
import { makeFolder } from "../make-folder.ts";
import { readPages } from "../run-route.ts";
import type { Api } from "../session/api.ts";

interface Sealed {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Bundle {
  readonly folder: string;
  readonly files: readonly Sealed[];
  readonly keyId: string;
  readonly manifestSha256: string;
  /** Of the audit log's rows in it. */
  readonly rows: number;
  /** What the verification of the audit log said, in one line. */
  readonly verification: string;
  readonly proven: boolean;
}

const stallMs = 60_000;

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** One file of the bundle, written line by line and on the disk when it is finished. */
const fileIn = async (folder: string, name: string) => {
  const path = join(folder, name);
  const file = await open(path, "wx", 0o600);
  const hash = createHash("sha256");
  let bytes = 0;
  return {
    write: async (text: string): Promise<void> => {
      const data = Buffer.from(text);
      hash.update(data);
      bytes += data.length;
      await file.appendFile(data);
    },
    finish: async (): Promise<Sealed> => {
      await file.sync();
      await file.close();
      return { name, bytes, sha256: hash.digest("hex") };
    },
  };
};

const jsonFile = async (folder: string, name: string, value: unknown): Promise<Sealed> => {
  const file = await fileIn(folder, name);
  await file.write(`${JSON.stringify(value, null, 2)}\n`);
  return file.finish();
};

const streamed = (
  send: (signal: AbortSignal) => Promise<Response>,
  what: string,
  each: (line: string) => Promise<void>,
) => {
  const lines = arrayLines();
  return readBody(send, { what, stallMs }, async (chunk) => {
    for (const line of lines.add(chunk)) await each(line);
  }).then(() => lines.finish(what));
};

/** The rows about the affected tenants, and those about no tenant: operators' logins, plans, other settings. */
const auditFile = async (folder: string, api: Api, tenants: ReadonlySet<string>, since: string) => {
  const file = await fileIn(folder, "audit.jsonl");
  let rows = 0;
  await streamed(
    (signal) => api.send("audit.export", { query: { since } }, { signal }),
    "the audit log",
    async (line) => {
      const { tenantId }: { tenantId: string | null } = JSON.parse(line);
      if (tenantId !== null && tenants.size > 0 && !tenants.has(tenantId)) return;
      rows += 1;
      await file.write(`${line}\n`);
    },
  );
  return { sealed: await file.finish(), rows };
};

interface Verified {
  readonly ok?: boolean;
  readonly rows?: number;
  readonly problems?: number;
  readonly waiting?: number;
  readonly sealedUntil?: string | null;
}

/** The proof of all chains, and the newest checkpoint: signed, so that it can be held against any later state. */
const proofFiles = async (folder: string, api: Api) => {
  const file = await fileIn(folder, "audit-verification.jsonl");
  let result: Verified = {};
  const send = (signal: AbortSignal) => api.send("audit.verify", { query: {} }, { signal, upload: nothing });
  await streamed(send, "the verification", async (line) => {
    const event: Verified & { type: string } = JSON.parse(line);
    if (event.type === "result") result = event;
    await file.write(`${line}\n`);
  });
  const verification = await file.finish();
  const checkpoint = await fileIn(folder, "audit-checkpoint.jsonl");
  const take = (signal: AbortSignal) => api.send("audit.checkpoint", { query: {} }, { signal });
  await streamed(take, "the checkpoint", (line) => checkpoint.write(`${line}\n`));
  return { files: [verification, await checkpoint.finish()], result };
};

const accessFile = async (folder: string, api: Api, incident: Incident, since: string): Promise<Sealed> => {
  const file = await fileIn(folder, "access-log.jsonl");
  const whose = incident.tenants.length === 0 ? [undefined] : incident.tenants.map(({ id }) => id);
  for (const tenantId of whose) {
    const query = { since, ...(tenantId === undefined ? {} : { tenantId }) };
    const pages = await readPages({ api: async () => api }, "accessLog.list", { params: {}, query, body: undefined });
    for (const page of pages) {
      const rows: unknown[] = JSON.parse(page);
      for (const row of rows) await file.write(`${JSON.stringify(row)}\n`);
    }
  }
  return file.finish();
};

const spki = Buffer.from("302a300506032b6570032100", "hex");

const pem = (publicKey: string): string => {
  const der = Buffer.concat([spki, Buffer.from(publicKey, "base64url")]).toString("base64");
  return `-----BEGIN PUBLIC KEY-----\n${der}\n-----END PUBLIC KEY-----\n`;
};

const readme = (incident: Incident, since: string): string => `Evidence of incident ${incident.id} (${incident.kind})
Rows from ${since} on.

audit.jsonl               the audit log of the affected tenants, and its rows about no tenant
audit-verification.jsonl  the proof of all chains of the audit log at that moment
audit-checkpoint.jsonl    where each chain ended, signed
access-log.jsonl          who read and wrote what, by minute
credentials.json          sessions and tokens: metadata, never a secret
configuration.json        settings, plans, alert rules, contacts: of a secret only whether it is set
holds.json                legal holds
incident.json             the incident's timeline so far
SHA256SUMS                of all these:  sha256sum -c SHA256SUMS
manifest.json             the same, signed with the audit log's key (Ed25519)
manifest.sig              the signature:
  openssl pkeyutl -verify -pubin -inkey public-key.pem -rawin -in manifest.json -sigfile manifest.sig
public-key.pem            compare it with what \`tenantctl audit key\` shows
`;

/** Milliseconds to wait for what was just done to be sealed; without the API nobody seals, and it is counted as too new. */
const sealingMs = 5000;

const untilSealed = async (api: Api): Promise<void> => {
  if (api.target.envToken === "local") return;
  const deadline = Date.now() + sealingMs;
  while (Date.now() < deadline) {
    const { auditSealing } = await api.call("status.get", {});
    if (auditSealing.waiting === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
};

/** Refuses to write into what is there already: evidence is never overwritten. */
const freshFolder = async (folder: string): Promise<string> => {
  const path = resolve(folder);
  const there = await readdir(path).catch((cause: NodeJS.ErrnoException) =>
    cause.code === "ENOENT" ? undefined : [""],
  );
  if (there !== undefined && there.length > 0)
    throw usage(`${path} is there already, and evidence is not overwritten`, "Name another folder.");
  return path;
};

/** Writes and seals an incident's evidence: whole under its name, or not at all. */
export const sealEvidence = async (api: Api, incident: Incident, since: string, folder: string): Promise<Bundle> => {
  const target = await freshFolder(folder);
  makeFolder(dirname(target));
  const partial = `${target}.${crypto.randomUUID()}.partial`;
  await mkdir(partial, { mode: 0o700 });
  try {
    const ids = new Set(incident.tenants.map(({ id }) => id));
    await untilSealed(api);
    const proof = await proofFiles(partial, api);
    const audit = await auditFile(partial, api, ids, since);
    const state = await api.call("incidents.state", { params: { id: incident.id } });
    const holds = await api.call("holds.list", {});
    const text = async (name: string, content: string): Promise<Sealed> => {
      const file = await fileIn(partial, name);
      await file.write(content);
      return file.finish();
    };
    const files = [
      audit.sealed,
      ...proof.files,
      await accessFile(partial, api, incident, since),
      await jsonFile(partial, "credentials.json", { at: state.at, tenants: state.tenants }),
      await jsonFile(partial, "configuration.json", state.configuration),
      await jsonFile(partial, "holds.json", holds),
      await jsonFile(partial, "incident.json", incident),
      await text("README.txt", readme(incident, since)),
    ];
    await text("SHA256SUMS", files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join(""));
    const sealed = await api.call("incidents.seal", { params: { id: incident.id }, body: { files } });
    const manifest = await text("manifest.json", sealed.manifest);
    const signature = await open(join(partial, "manifest.sig"), "wx", 0o600);
    await signature.writeFile(Buffer.from(sealed.signature, "base64url"));
    await signature.sync();
    await signature.close();
    await text("public-key.pem", pem(sealed.publicKey));
    await syncFolder(partial);
    await rm(target, { recursive: true, force: true });
    await rename(partial, target);
    await syncFolder(dirname(target));
    const { ok = false, rows = 0, problems = 0, waiting = 0, sealedUntil = null } = proof.result;
    return {
      folder: target,
      files,
      keyId: sealed.keyId,
      manifestSha256: manifest.sha256,
      rows: audit.rows,
      proven: ok,
      verification: ok
        ? `the audit log is as it was written: ${rows} sealed rows, proven until ${sealedUntil ?? "nothing is sealed yet"}${waiting === 0 ? "" : `, ${waiting} too new`}`
        : `the audit log was ALTERED: ${problems} problems in ${rows} rows`,
    };
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
};

/** The bundle as one tar file beside or instead of the folder. */
export const packEvidence = async (folder: string, path: string): Promise<string> => {
  const { encodeTarHeader, paddingAfter, trailerBytes } = await import("@tenantctl/archive");
  const { beginFile } = await import("../backup/whole-file.ts");
  const file = beginFile(path);
  const hash = createHash("sha256");
  const write = async (data: Uint8Array): Promise<void> => {
    hash.update(data);
    await file.write(data);
  };
  try {
    for (const name of (await readdir(folder)).sort()) {
      const { size, mtimeMs } = await stat(join(folder, name));
      await write(encodeTarHeader({ name, size, mtime: Math.floor(mtimeMs / 1000) }));
      await write(await readFile(join(folder, name)));
      await write(Buffer.alloc(paddingAfter(size)));
    }
    await write(Buffer.alloc(trailerBytes));
    await file.finish(path);
    await syncFolder(dirname(resolve(path)));
    return hash.digest("hex");
  } finally {
    await file.discard();
  }
};
