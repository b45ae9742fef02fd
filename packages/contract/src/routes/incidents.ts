import Type from "typebox";
import { operatorAccess } from "../access.ts";
import { route } from "../route.ts";
import { CheckItem } from "../schemas/check.ts";
import { Contact, contactRoles } from "../schemas/contact.ts";
import {
  Changed,
  EvidenceFile,
  Incident,
  IncidentEntry,
  IncidentState,
  IncidentSummary,
  ManySuspended,
  NewEntry,
  NewIncident,
  SealedEvidence,
} from "../schemas/incident.ts";
import { Closed, Count, Cursor, Limit, Line, OneOf, Reason, TenantRef, Text, Uuid } from "../schemas/values.ts";

const tag = "incidents";
const params = Closed({ id: Uuid("The incident's id") });
const id = "01890000-0000-7000-8000-000000000009";
const example = { params: { id } };
const withChanged = <P extends object>(properties: P) => ({ ...properties, changed: Changed });

export const incidentRoutes = {
  "incidents.open": route({
    method: "POST",
    path: "/api/admin/incidents",
    tag,
    summary: "Open an incident",
    description: "Only its timeline: steps are run by tenantctl. With the same id it is opened once.",
    access: operatorAccess("incidents:write"),
    body: NewIncident,
    responses: { 200: Closed(withChanged(Incident.properties)) },
    errors: ["tenant_not_found", "idempotency_mismatch"],
    audit: { action: "open", resourceType: "incident" },
    example: { body: { kind: "data-breach", title: "Customers see each other", tenants: ["company-name"] } },
  }),
  "incidents.list": route({
    method: "GET",
    path: "/api/admin/incidents",
    tag,
    summary: "List incidents",
    description: "Open ones unless `status` says otherwise, newest first.",
    access: operatorAccess("incidents:read"),
    query: Closed({
      status: Type.Optional(OneOf(["open", "closed", "all"], "Only incidents in this status")),
      limit: Limit(),
      cursor: Cursor,
    }),
    responses: { 200: Type.Array(IncidentSummary) },
    errors: ["invalid_cursor"],
    list: "array",
    example: { query: { status: "all" } },
  }),
  "incidents.system": route({
    method: "GET",
    path: "/api/admin/incidents/system",
    tag,
    summary: "Look at the database as an outage would have one look",
    description: "Connections, who waits for whose lock, long transactions, disks.",
    access: operatorAccess("incidents:read"),
    responses: { 200: Type.Array(CheckItem) },
    example: {},
  }),
  "incidents.get": route({
    method: "GET",
    path: "/api/admin/incidents/:id",
    tag,
    summary: "Show an incident with its steps and its timeline",
    access: operatorAccess("incidents:read"),
    params,
    responses: { 200: Incident },
    errors: ["not_found"],
    example,
  }),
  "incidents.entry": route({
    method: "POST",
    path: "/api/admin/incidents/:id/entries",
    tag,
    summary: "Record what happened in an incident",
    description:
      "An entry is never changed. A step that somebody is at is theirs for 15 minutes; others hear who it is. With the same id it is recorded once.",
    access: operatorAccess("incidents:write"),
    params,
    body: NewEntry,
    responses: { 200: Closed(withChanged(IncidentEntry.properties)) },
    errors: ["not_found", "step_claimed", "step_done", "incident_closed", "idempotency_mismatch"],
    audit: { action: "record", resourceType: "incident" },
    example: {
      ...example,
      body: { id: "01890000-0000-7000-8000-00000000000a", kind: "note", text: "called the bank" },
    },
  }),
  "incidents.close": route({
    method: "POST",
    path: "/api/admin/incidents/:id/close",
    tag,
    summary: "Close an incident",
    description: "When every step is done or was skipped with a reason.",
    access: operatorAccess("incidents:write"),
    params,
    body: Closed({
      summary: Line("What it came to", 2000),
      recordedAs: Type.Optional(Line("Who closed it, where that was without the API", 200)),
    }),
    responses: { 200: Closed(withChanged(Incident.properties)) },
    errors: ["not_found", "steps_pending"],
    audit: { action: "close", resourceType: "incident" },
    example: { ...example, body: { summary: "A stolen laptop; all sessions ended" } },
  }),
  "incidents.notify": route({
    method: "POST",
    path: "/api/admin/incidents/:id/notify",
    tag,
    summary: "Tell contacts of an incident",
    description: "With the same id they are told once.",
    access: operatorAccess("incidents:write"),
    params,
    body: Closed({
      id: Uuid("Made by you"),
      roles: Type.Array(Type.Enum([...contactRoles]), {
        minItems: 1,
        maxItems: contactRoles.length,
        uniqueItems: true,
      }),
      message: Type.Optional(Text("What to tell them beside kind and tenants", 2000)),
    }),
    responses: {
      200: Closed({
        changed: Changed,
        channels: Count("Webhooks that it was sent to"),
        contacts: Type.Array(Contact, { description: "Everybody in these roles, for calling them" }),
      }),
    },
    errors: ["not_found"],
    audit: { action: "notify", resourceType: "incident" },
    example: { ...example, body: { id: "01890000-0000-7000-8000-00000000000b", roles: ["security"] } },
  }),
  "incidents.state": route({
    method: "GET",
    path: "/api/admin/incidents/:id/state",
    tag,
    summary: "Read the sessions and tokens of an incident's tenants, and the configuration",
    description: "For evidence: metadata only, never a secret.",
    access: operatorAccess("incidents:read"),
    params,
    responses: { 200: IncidentState },
    errors: ["not_found"],
    example,
  }),
  "incidents.seal": route({
    method: "POST",
    path: "/api/admin/incidents/:id/seal",
    tag,
    summary: "Sign the list of an incident's evidence",
    description: "With the audit log's key, as checkpoints are signed.",
    access: operatorAccess("incidents:write"),
    params,
    body: Closed({ files: Type.Array(EvidenceFile, { minItems: 1, maxItems: 100_000 }) }),
    responses: { 200: SealedEvidence },
    errors: ["not_found"],
    audit: { action: "seal", resourceType: "incident" },
    example: { ...example, body: { files: [{ name: "audit.jsonl", bytes: 3, sha256: "0".repeat(64) }] } },
  }),
  "tenants.suspendMany": route({
    method: "POST",
    path: "/api/admin/tenants-suspend",
    tag: "tenants",
    summary: "Suspend many tenants at once, and try their sessions and tokens",
    description:
      "Each by itself: one that fails is named and stops no other. Then up to 20 of the newest sessions and of the tokens of each are tried as a request would be.",
    access: operatorAccess("tenants:write"),
    body: Closed({
      tenants: Type.Optional(Type.Array(TenantRef, { maxItems: 10_000, description: "By id or slug" })),
      all: Type.Optional(Type.Boolean({ description: "All active tenants" })),
      reason: Reason,
    }),
    responses: { 200: ManySuspended },
    audit: { action: "suspend", resourceType: "tenant" },
    example: { body: { tenants: ["company-name"], reason: "data breach" } },
  }),
};
