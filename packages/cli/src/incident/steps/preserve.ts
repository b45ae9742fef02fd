import { join } from "node:path";
import { textFlag } from "../../invocation.ts";
import { failureOf } from "../../report-error.ts";
import { sealEvidence } from "../evidence.ts";
import { eachOf, notOver, outOfReach, over, plural, type Step, shortened } from "../step.ts";
import { evidenceSince } from "./scope.ts";

/** Data and audit log are held; then the evidence is written and sealed. A hold that stands already stays as it is. */
export const preserve: Step = async (context) => {
  const { api, incident, invocation, attempt } = context;
  if (api === undefined) return outOfReach(context, "holding data and audit log");
  const held = new Set((await api.call("holds.list", {})).map(({ tenantId }) => tenantId));
  const free = incident.tenants.filter(({ id }) => !held.has(id));
  const failures = await eachOf(free, async ({ id, slug }) => {
    try {
      await api.call("holds.set", { params: { id }, body: { reason: `data breach, incident ${incident.id}` } });
      return [];
    } catch (error) {
      return [`FAILED ${slug}: ${failureOf(error).detail}`];
    }
  });
  const failed = failures.flat();
  const { dir } = (await invocation.api()).target;
  const folder =
    textFlag(invocation.flags, "evidence") ?? join(dir, "incidents", "evidence", `${incident.id}-${attempt.slice(-6)}`);
  const bundle = await sealEvidence(api, incident, evidenceSince(invocation, incident.openedAt), folder);
  const evidence = [
    `${plural(free.length - failed.length, "tenant")} put under a legal hold${held.size === 0 ? "" : `, ${plural(incident.tenants.length - free.length, "was", "were")} under one already`}`,
    `${plural(bundle.rows, "row")} of the audit log sealed with ${plural(bundle.files.length - 1, "more file")}: ${bundle.folder}`,
    `manifest SHA-256 ${bundle.manifestSha256}, signed with key ${bundle.keyId}`,
    bundle.verification,
    ...shortened(failed),
  ];
  if (failed.length > 0)
    return notOver({ result: "problem", evidence, next: "tenantctl hold set TENANT --reason '…'" });
  return over({
    result: bundle.proven ? "ok" : "problem",
    evidence,
    next: bundle.proven ? null : "tenantctl audit verify",
  });
};
