import { canonicalJson, evidenceFormat, type ResultOf, type Routes } from "@tenantctl/contract";
import { audited } from "../audit/audited.ts";
import type { Call } from "../call.ts";
import { readIncident } from "./incident-row.ts";

type SealRoute = Routes["incidents.seal"];

/** Signs which files an incident's evidence is of, and when that was said. The files themselves are not seen here. */
export const sealEvidence = (call: Call<SealRoute>): Promise<ResultOf<SealRoute>> =>
  call.scope.transaction(async (transaction) => {
    const incident = await readIncident(transaction, call.params.id);
    const key = call.app.auditKeys.current;
    const files = [...call.body.files].sort((a, b) => (a.name < b.name ? -1 : 1));
    const manifest = canonicalJson({
      format: evidenceFormat,
      incident: { id: incident.id, kind: incident.kind, title: incident.title, openedAt: incident.openedAt },
      tenants: incident.tenants.map(({ id, slug }) => ({ id, slug })),
      sealedAt: new Date().toISOString(),
      keyId: key.id,
      publicKey: key.publicKey,
      files: files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
    });
    await transaction.run(
      audited(call, {
        resourceId: incident.id,
        detail: `${files.length} files of evidence`,
        after: { files: files.length },
      }),
    );
    return { manifest, signature: key.sign(manifest).toString("base64url"), publicKey: key.publicKey, keyId: key.id };
  });
