import { Readable } from "node:stream";
import { writeSeveral } from "@tenantctl/archive";
import { SYSTEM_TENANT_ID, writeAsJob } from "@tenantctl/database";
import { Answer } from "../answer.ts";
import { audited } from "../audit/audited.ts";
import type { Call, Handlers } from "../call.ts";
import { namedActor, operatorEntry } from "../call-scope.ts";
import { findTenant } from "../tenants/find-tenant.ts";
import { inArchiveTurn } from "./archive-turns.ts";
import { type ArchiveBody, openSystemArchive, openTenantArchive } from "./open-archive.ts";
import { openTenantArchives } from "./tenant-archives.ts";

const answer = ({ app, request }: Pick<Call, "app" | "request">, { slug, body }: ArchiveBody): Answer<never> => {
  body.on("error", (err) => app.log.error({ err, slug, requestId: request.id }, "an archive broke off"));
  return new Answer<never>(200, body, {
    "content-type": "application/x-tar",
    "content-disposition": `attachment; filename="${slug}.tar"`,
  });
};

/** Archives are audited first: what left is on record even where the transfer broke. */
export const archiveHandlers: Handlers<"backups.archive" | "backups.archives" | "backups.systemArchive"> = {
  "backups.archive": async (call) => {
    const { app, principal, route, scope } = call;
    const { id } = await findTenant(scope, call.params.id);
    const opened = await inArchiveTurn(app, async () => {
      const actor = await namedActor(scope, principal);
      await app.db
        .operator([operatorEntry(principal, route.access), writeAsJob()], { tenantId: id })
        .run(audited({ ...call, actor }, { tenantId: id, resourceId: id }));
      return openTenantArchive(app.db, id);
    });
    return answer(call, opened);
  },

  "backups.archives": async (call) => {
    const { app, principal, query, request, route, scope } = call;
    const ids = [...new Set(query.tenants.split(","))];
    const { body } = await inArchiveTurn(app, async () => {
      const actor = await namedActor(scope, principal);
      await app.db.operatorInEach(
        operatorEntry(principal, route.access),
        writeAsJob(),
        ids.map((id) => ({ tenantId: id, query: audited({ ...call, actor }, { tenantId: id, resourceId: id }) })),
      );
      const archives = openTenantArchives(app.db, ids);
      const each = ids.map((tenantId) => ({ tenantId, open: async () => (await archives.open(tenantId)).bytes }));
      const failed = (tenantId: string, err: unknown): void =>
        app.log.error({ err, tenantId, requestId: request.id }, "an archive broke off");
      const body = Readable.from(writeSeveral(each, failed), { objectMode: false });
      body.once("close", () => void archives.end());
      return { slug: "tenants", body };
    });
    body.on("error", (err) => app.log.error({ err, requestId: request.id }, "archives broke off"));
    return new Answer<never>(200, body, { "content-type": "application/x-tenantctl-archives" });
  },

  "backups.systemArchive": async (call) => {
    const { app, principal, route } = call;
    const entry = operatorEntry(principal, route.access);
    const opened = await inArchiveTurn(app, async () => {
      await app.db.operator(entry, { tenantId: SYSTEM_TENANT_ID }).run(audited(call));
      return openSystemArchive(app.db, entry);
    });
    return answer(call, opened);
  },
};
