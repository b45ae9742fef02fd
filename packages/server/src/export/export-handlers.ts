import type { ResultOf, Routes } from "@tenantctl/contract";
import { readAsExport, writeAsJob } from "@tenantctl/database";
import { Answer } from "../answer.ts";
import { audited } from "../audit/audited.ts";
import type { Call, Handlers } from "../call.ts";
import { memberEntry } from "../call-scope.ts";
import { tenantOf } from "../tenant-of.ts";
import { inDocumentTurn } from "./document-turns.ts";
import { openExport } from "./open-export.ts";

type Export = ResultOf<Routes["tenants.export"]>;

/** Members export while their tenant is active; operators, whose session was checked before, until it is purged. */
const entries = ({ principal, route }: Pick<Call, "principal" | "route">) =>
  principal.kind === "user" || principal.kind === "tenantToken"
    ? { read: memberEntry(principal, route.access, "read"), write: memberEntry(principal, route.access, "record") }
    : { read: readAsExport(), write: writeAsJob() };

/** A tenant's data as one streamed document. It is audited first: what left is on record even where the transfer broke. */
export const exportHandlers: Handlers<"tenants.export"> = {
  "tenants.export": async (call) => {
    const tenantId = tenantOf(call);
    const { read, write } = entries(call);
    const open = async () => {
      await call.app.db.tenant(tenantId, write).run(audited(call, { resourceId: tenantId }));
      return openExport(call.app.db, tenantId, read);
    };
    const { slug, body } = await inDocumentTurn(call.app, call.principal, open, (opened) => opened.body);
    body.on("error", (err) => {
      call.app.log.error({ err, tenantId, requestId: call.request.id }, "an export broke off");
    });
    return new Answer<Export>(200, body, {
      "content-type": "application/json; charset=utf-8",
      "content-disposition": `attachment; filename="${slug}.json"`,
    });
  },
};
