import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { canonicalJson, type DeletionCertificate, exitCodes, type ResultOf, type Routes } from "@tenantctl/contract";
import { beginFile, syncFolder } from "../backup/whole-file.ts";
import { CliError, usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";

type Operation = ResultOf<Routes["operations.get"]>;

const isCertificate = (result: Operation["result"]): result is DeletionCertificate =>
  typeof result?.digest === "string" && typeof result.scan === "object";

const noCertificate = ({ id, kind, status }: Operation): CliError =>
  kind !== "hard_delete"
    ? new CliError(
        "no_certificate",
        exitCodes.conflict,
        `this operation is a ${kind}: only a hard delete ends with a certificate`,
        "Find it: tenantctl operations list --tenant <id or slug>",
      )
    : new CliError(
        "no_certificate",
        exitCodes.conflict,
        status === "running" || status === "queued"
          ? "this hard delete is still under way: there is no certificate yet"
          : `this hard delete ${status === "failed" ? "failed" : `is ${status}`} and has no certificate`,
        `How far it is: tenantctl operations show ${id}`,
      );

/** Throws where the certificate is not what its digest was made of. */
const checkDigest = ({ digest, ...rest }: DeletionCertificate): void => {
  if (createHash("sha256").update(canonicalJson(rest)).digest("hex") === digest) return;
  throw new CliError(
    "certificate_altered",
    exitCodes.problemFound,
    "the certificate does not match its digest: it was altered after the hard delete",
    "The audit log has the digest of the true one: tenantctl audit --action purge",
  );
};

/** For people: the same, with the rows of each table side by side. */
const readable = (certificate: DeletionCertificate): Readonly<Record<string, unknown>> => {
  const { tenantId, slug, operationId, requestedBy, startedAt, finishedAt, removed, scan, kept, digest } = certificate;
  const rows = Object.keys(scan)
    .sort()
    .map((table) => ({ table, before: scan[table]?.before, removed: removed[table] ?? 0, after: scan[table]?.after }));
  const backups = certificate.backups.map(({ runId, snapshotAt, expiresAt, repository, host }) => ({
    runId,
    snapshotAt,
    expires: expiresAt ?? "no expiry: kept until it is pruned",
    repository,
    host,
  }));
  return { slug, tenantId, requestedBy, startedAt, finishedAt, operationId, kept, digest, rows, backups };
};

const writeFile = async (path: string, text: string): Promise<void> => {
  if (path === "") throw usage("--file is empty", "Give a path.");
  if ((await stat(path).catch(() => undefined))?.isDirectory())
    throw usage(`${path} is a folder`, "Name the file: -f folder/acme-removed.json.");
  const file = beginFile(path);
  try {
    await file.write(Buffer.from(text));
    await file.finish(path);
    await syncFolder(dirname(path));
  } finally {
    await file.discard();
  }
};

/** `tenantctl operations certificate`: a table for people, JSON for everything else. */
export const printCertificate = async (invocation: Invocation): Promise<number> => {
  const { out, settings, flags } = invocation;
  const { input } = await invocation.gathered();
  const api = await invocation.api();
  const operation = await api.call("operations.get", { params: { id: String(input.params.id) } });
  const { result } = operation;
  if (!isCertificate(result)) throw noCertificate(operation);
  checkDigest(result);
  // The database keeps no order of keys: sorted, two prints of it are the same text.
  const text = JSON.stringify(JSON.parse(canonicalJson(result)), undefined, 2);
  const path = textFlag(flags, "file");
  if (path !== undefined) {
    await writeFile(path, `${text}\n`);
    out.note(`wrote the certificate: ${path}`);
    return exitCodes.done;
  }
  if (out.forPeople) {
    const cells = [
      { key: "backups", title: "backups that hold the data", none: "none were reported" },
      { key: "kept", title: "kept by design" },
    ];
    const shown = readable(result);
    await out.record(JSON.stringify(shown), { cells, properties: Object.keys(shown) });
    out.note(
      result.backups.length === 0
        ? "no backup that was reported still held the data."
        : `an expired backup goes with the next tenantctl backup prune. Those that hold the data now: tenantctl backup runs ${result.tenantId} --holding`,
    );
  } else if (settings.output === "table") out.text(text);
  else await out.record(JSON.stringify(result), { cells: [], properties: Object.keys(result) });
  return exitCodes.done;
};
