import { ContractError, type ErrorCode, errors, isErrorCode, type Problem, withoutStack } from "@tenantctl/contract";
import { CallerLeft, DatabaseUnavailable, PoolExhausted, TransactionRolledBack } from "@tenantctl/database";

/** PostgreSQL's constraints, by name, as the errors that they mean. */
const constraints: Readonly<Record<string, { code: ErrorCode; detail: string; hint: string }>> = {
  tenants_slug: {
    code: "slug_taken",
    detail: "Another tenant has this slug.",
    hint: "Choose another slug, or leave it out to have one derived.",
  },
  tenants_plan: {
    code: "not_found",
    detail: "There is no such plan.",
    hint: "`tenantctl plans list` shows the plans.",
  },
  users_email: {
    code: "email_taken",
    detail: "Another user of this tenant has this e-mail.",
    hint: "Use another e-mail, or change that user: `tenantctl users list`.",
  },
  password_resets_user: {
    code: "not_found",
    detail: "There is no such user.",
    hint: "`tenantctl users list` shows them.",
  },
  operators_email: {
    code: "email_taken",
    detail: "Another operator has this e-mail.",
    hint: "Use another e-mail: `tenantctl operators list`.",
  },
};

/** What the product's own checks raise in PostgreSQL (SQLSTATE TN000, the code as constraint name), told in words. */
const raised: Partial<Record<ErrorCode, { detail: string; hint: string; retryAfter?: number }>> = {
  session_ended: { detail: "This session has ended.", hint: "Log in again: `tenantctl login`." },
  token_invalid: {
    detail: "This token is unknown, revoked or expired.",
    hint: "Make a new one: `tenantctl tokens create`.",
  },
  scope_missing: {
    detail: "This token does not have the scope for this.",
    hint: "Make a token with the scope: `tenantctl tokens create --scopes …`.",
  },
  tenant_suspended: {
    detail: "This tenant is suspended.",
    hint: "An operator can reactivate it: `tenantctl reactivate`.",
  },
  tenant_cancelled: {
    detail: "This tenant is cancelled.",
    hint: "An operator can reactivate it: `tenantctl reactivate`.",
  },
  tenant_not_found: { detail: "There is no such tenant.", hint: "`tenantctl list` shows the tenants." },
  tenant_busy: {
    detail: "The tenant is being restored or deleted.",
    hint: "Try again in a few seconds.",
    retryAfter: 2,
  },
  maintenance: { detail: "The system is in maintenance.", hint: "Try again in a minute.", retryAfter: 60 },
  quota_exceeded: {
    detail: "The tenant's quota is used up.",
    hint: "Upgrade the plan, have an operator increase the quota, or remove what is no longer needed.",
  },
  last_admin: {
    detail: "This is the last tenant_admin who can log in.",
    hint: "Make another user a tenant_admin first.",
  },
  last_operator: { detail: "This is the last operator who can log in.", hint: "Create another operator first." },
};

/** PostgreSQL's own conditions by SQLSTATE (or its class), where no constraint says more. */
const states: Readonly<Record<string, { code: ErrorCode; detail: string; hint: string; retryAfter?: number }>> = {
  "23503": { code: "still_referenced", detail: "Other rows refer to this one.", hint: "Remove those first." },
  "23514": {
    code: "invalid_request",
    detail: "A value is outside what the database takes.",
    hint: "`/docs` describes each request.",
  },
  "40001": {
    code: "edit_conflict",
    detail: "Somebody else changed it at the same time.",
    hint: "Send the request again.",
    retryAfter: 1,
  },
  "40P01": {
    code: "edit_conflict",
    detail: "Somebody else changed it at the same time.",
    hint: "Send the request again.",
    retryAfter: 1,
  },
  "55P03": {
    code: "tenant_busy",
    detail: "The rows are locked by somebody else.",
    hint: "Send the request again.",
    retryAfter: 1,
  },
  "57014": {
    code: "timeout",
    detail: "The database took longer than this kind of request may.",
    hint: "Ask for less at once, or try again later.",
    retryAfter: 5,
  },
  "53": {
    code: "overloaded",
    detail: "The database is out of connections, memory or disk.",
    hint: "`tenantctl status`; the database's log says which.",
    retryAfter: 5,
  },
  "57": {
    code: "database_unavailable",
    detail: "The database is stopping or starting.",
    hint: "Try again in a few seconds; `tenantctl status` shows its state.",
    retryAfter: 2,
  },
  "08": {
    code: "database_unavailable",
    detail: "The connection to the database broke.",
    hint: "Try again; `tenantctl status` shows its state.",
    retryAfter: 2,
  },
  // A time beyond PostgreSQL's calendar, a number beyond its column: schemas can't foresee every one.
  "22": {
    code: "invalid_request",
    detail: "A value is outside of what the database takes.",
    hint: "`/docs` describes each request.",
  },
  "22P05": {
    code: "invalid_request",
    detail: "The text has a character that the database cannot hold.",
    hint: "Remove control characters from the text.",
  },
  "22021": {
    code: "invalid_request",
    detail: "The text has a character that the database cannot hold.",
    hint: "Remove control characters from the text.",
  },
};

interface PostgresFields {
  readonly code?: unknown;
  readonly constraint?: unknown;
  readonly detail?: unknown;
  readonly hint?: unknown;
  readonly severity?: unknown;
  readonly statusCode?: unknown;
  readonly message?: unknown;
}

const own = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

/** Seconds that the check itself has said, else those of its kind. */
const retryAfterOf = (detail: unknown, usual: number | undefined): { retryAfter: number } | undefined => {
  const said = /^\{"retryAfter": (\d+)\}$/.exec(own(detail) ?? "")?.[1];
  const retryAfter = said === undefined ? usual : Number(said);
  return retryAfter === undefined ? undefined : { retryAfter };
};

/**
 * The constraint that an error names. A node of Citus passes its own on without that field: then it stands in the message,
 * with the number of a shard, and of the product's own checks only that of quotas runs there.
 */
const constraintOf = (state: string, { constraint, message, detail }: PostgresFields): string | undefined => {
  const given = own(constraint);
  if (given !== undefined) return given;
  if (state === "TN000") return /^\{"used": .*"resource": /.test(own(detail) ?? "") ? "quota_exceeded" : undefined;
  return state.startsWith("23") ? /constraint "(.+?)(?:_\d+)?"/.exec(own(message) ?? "")?.[1] : undefined;
};

const fromPostgres = (fields: PostgresFields, cause: unknown): ContractError | undefined => {
  const state = own(fields.code);
  if (state === undefined) return undefined;
  const constraint = constraintOf(state, fields);
  if (state === "TN000" && constraint !== undefined && isErrorCode(constraint)) {
    const words = raised[constraint];
    const detail = own(fields.message) ?? words?.detail ?? errors[constraint].title;
    const more = { ...retryAfterOf(fields.detail, words?.retryAfter), cause };
    return new ContractError(constraint, detail, own(fields.hint) ?? words?.hint ?? "", more);
  }
  const known =
    (constraint === undefined ? undefined : constraints[constraint]) ?? states[state] ?? states[state.slice(0, 2)];
  if (known !== undefined) {
    const retryAfter =
      "retryAfter" in known && typeof known.retryAfter === "number" ? { retryAfter: known.retryAfter } : {};
    return new ContractError(known.code, known.detail, known.hint, { ...retryAfter, cause });
  }
  return undefined;
};

/** Fastify's own refusals, by its error code. */
const fastifyErrors: Readonly<Record<string, { code: ErrorCode; detail: string; hint: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    code: "body_too_large",
    detail: "The body is larger than this server takes.",
    hint: "Send less at once.",
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: "unsupported_media_type",
    detail: "The body's content type is not JSON.",
    hint: "Send `Content-Type: application/json`.",
  },
  FST_ERR_CTP_INVALID_JSON_BODY: {
    code: "malformed_json",
    detail: "The body is not valid JSON.",
    hint: "Check quotes, commas and braces.",
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: {
    code: "malformed_json",
    detail: "The body is empty but announced as JSON.",
    hint: "Send a JSON object.",
  },
  FST_ERR_BAD_URL: {
    code: "invalid_request",
    detail: "The path is not a valid one.",
    hint: "Encode what stands in it as UTF-8, with % escapes.",
  },
  FST_ERR_MAX_PARAM_LENGTH: {
    code: "invalid_request",
    detail: "A part of the path is longer than any id or name.",
    hint: "`/docs` describes each request.",
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: "invalid_request",
    detail: "The body is not as long as its header says.",
    hint: "Send the right Content-Length.",
  },
};

/** Any error as one that has a row in the contract's table. What nobody foresaw is `internal`. */
export const asContractError = (error: unknown): ContractError => {
  if (error instanceof ContractError) return error;
  if (error instanceof DatabaseUnavailable) {
    return new ContractError(
      "database_unavailable",
      "The database does not answer.",
      "Try again in a few seconds; `tenantctl status` shows its state.",
      { retryAfter: 2, cause: error },
    );
  }
  if (error instanceof PoolExhausted || error instanceof CallerLeft) {
    return withoutStack(
      () =>
        new ContractError(
          "overloaded",
          "This server has as much to do as it can.",
          "Send the request again in a moment.",
          { retryAfter: 1, cause: error },
        ),
    );
  }
  if (error instanceof TransactionRolledBack) {
    return new ContractError(
      "edit_conflict",
      "The change was rolled back; nothing of it was kept.",
      "Send the request again.",
      { retryAfter: 1, cause: error },
    );
  }
  if (typeof error === "object" && error !== null) {
    const fields: PostgresFields = error;
    const fastify = fastifyErrors[own(fields.code) ?? ""];
    if (fastify !== undefined) return new ContractError(fastify.code, fastify.detail, fastify.hint, { cause: error });
    if (error instanceof SyntaxError && fields.statusCode === 400) {
      return new ContractError("malformed_json", "The body is not valid JSON.", "Check quotes, commas and braces.", {
        cause: error,
      });
    }
    const database = fromPostgres(fields, error);
    if (database !== undefined) return database;
    if (typeof fields.statusCode === "number" && fields.statusCode >= 400 && fields.statusCode < 500) {
      return new ContractError(
        "invalid_request",
        own(fields.message) ?? "The request is not valid.",
        "`/docs` describes each request.",
        { cause: error },
      );
    }
  }
  return new ContractError(
    "internal",
    "Something went wrong here; it has been logged.",
    "Give the requestId to whoever runs this server: the log has the cause under it.",
    { cause: error },
  );
};

/** The problem document of an error. */
export const problemOf = (error: ContractError, requestId: string): Problem => ({
  type: `urn:tenantctl:error:${error.code}`,
  title: errors[error.code].title,
  status: errors[error.code].status,
  code: error.code,
  detail: error.message,
  hint: error.hint,
  requestId,
  ...(error.faults === undefined ? {} : { faults: error.faults }),
});
