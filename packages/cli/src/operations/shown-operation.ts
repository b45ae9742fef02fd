/** What a table shows of an operation: all but the result, which is a document of its own. */
export const shownOperation = [
  "id",
  "kind",
  "tenantSlug",
  "tenantId",
  "status",
  "plan",
  "progress",
  "error",
  "requestedBy",
  "createdAt",
  "startedAt",
  "finishedAt",
] as const;
