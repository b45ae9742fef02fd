import type { ContactRole, IncidentKind } from "@tenantctl/contract";
import { contactLine, keepContacts, keptContacts, withRoles } from "../known-contacts.ts";
import { over, plural, type Step } from "../step.ts";

/** Whom each runbook's step means. */
const toldOf: Readonly<Record<IncidentKind, readonly ContactRole[]>> = {
  "system-down": ["on_call", "escalation", "emergency"],
  "data-breach": ["security"],
  "data-loss": ["on_call", "escalation"],
};

/** Webhooks are told; everybody is named with their number, since a webhook wakes nobody whose phone is off. */
export const notify: Step = async ({ invocation, api, incident, place, attempt }) => {
  const roles = toldOf[incident.kind];
  const { dir } = (await invocation.api()).target;
  if (api === undefined) {
    const kept = await keptContacts(dir);
    const known = withRoles(kept?.contacts ?? [], roles);
    return over({
      result: "needs_person",
      evidence: [
        "nothing could be sent: neither the API nor the database is there",
        ...(known.length === 0
          ? [`nobody is known here for ${roles.join(", ")}`]
          : [`call them, as known on ${kept?.at}:`, ...known.map(contactLine)]),
      ],
      next: "call them; then: tenantctl incident step ID notify --done 'called …'",
    });
  }
  const { channels, contacts, changed } = await api.call("incidents.notify", {
    params: { id: incident.id },
    body: { id: attempt, roles: [...roles] },
  });
  await api
    .call("contacts.list", {})
    .then((all) => keepContacts(dir, all))
    .catch(() => undefined);
  const sent = changed
    ? `${plural(channels, "webhook")} told${place.kind === "database" ? "; what does not get through is sent again by the API once it runs" : ""}`
    : "they were told already";
  const people = contacts.map(contactLine);
  if (contacts.length === 0)
    return over({
      result: "needs_person",
      evidence: [`there is no contact for ${roles.join(", ")}: nobody was told`],
      next: `tenantctl contacts set NAME --role ${roles[0]} --phone …`,
    });
  if (changed && channels === 0)
    return over({
      result: "needs_person",
      evidence: ["none of them has a webhook: call them", ...people],
      next: "call them; then: tenantctl incident step ID notify --done 'called …'",
    });
  return over({ result: "ok", evidence: [sent, ...people], next: null });
};
