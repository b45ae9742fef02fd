export * from "./access.ts";
export { accessGroups } from "./access-groups.ts";
export { canonicalJson } from "./canonical-json.ts";
export { DeletionCertificate } from "./certificate.ts";
export { type CheckResult, checkResults } from "./check-result.ts";
export * from "./client.ts";
export * from "./errors.ts";
export { formWords } from "./form-words.ts";
export * from "./lifecycle.ts";
export * from "./route.ts";
export { reportKinds, reportOutcomes } from "./routes/backups.ts";
export { customerSorts } from "./routes/customers.ts";
export * from "./routes/index.ts";
export { restoreModes } from "./routes/restores.ts";
export * from "./runbooks.ts";
export { alertStatuses } from "./schemas/alert.ts";
export { AuditCheckpoint, auditOutcomes, auditProblems, checkpointFormat } from "./schemas/audit.ts";
export { CheckItem } from "./schemas/check.ts";
export {
  type CheckCadence,
  type CheckRun,
  checkCadences,
  type Figure,
  type TriedCommand,
} from "./schemas/check-run.ts";
export {
  type ContactRole,
  contactRoles,
  type NotificationEvent,
  notificationEvents,
  type Severity,
  severities,
} from "./schemas/contact.ts";
export { deliveryStatuses } from "./schemas/delivery.ts";
export { Diagnosis } from "./schemas/diagnosis.ts";
export { evidenceFormat, type Incident, type IncidentEntry } from "./schemas/incident.ts";
export { operationStatuses, type QuotaResource, quotaResources } from "./schemas/tenant.ts";
export { TenantRef } from "./schemas/values.ts";
export { isFreeSlug, reservedSlugs, slugPattern } from "./slug.ts";
export { slugOfName } from "./slug-of-name.ts";
export { apiTokenChecksum, readAccessToken, readApiToken, tokenKindOf } from "./token-form.ts";
export { tokenItems } from "./token-items.ts";
export * from "./version.ts";
