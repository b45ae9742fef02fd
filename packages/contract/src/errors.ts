/**
 * Every error the product can answer with. One row gives the HTTP status, the CLI's exit code, and whether trying the
 * same call again can help; nothing else in the product maps errors.
 */
export interface ErrorKind {
  readonly status: number;
  readonly exit: number;
  readonly retry: boolean;
  readonly title: string;
}

/** Exit codes of `tenantctl`, as cron and scripts rely on them. */
export const exitCodes = {
  done: 0,
  unexpected: 1,
  usage: 2,
  partial: 3,
  denied: 4,
  declined: 5,
  notFound: 6,
  conflict: 7,
  limit: 8,
  unreachable: 9,
  problemFound: 10,
  locked: 11,
  interrupted: 130,
  terminated: 143,
} as const;

const kind = (status: number, exit: number, title: string, retry = false): ErrorKind => ({
  status,
  exit,
  retry,
  title,
});
const { unexpected, usage, denied, notFound, conflict, limit, unreachable } = exitCodes;

export const errors = {
  // What the caller sent
  invalid_request: kind(400, usage, "The request is not valid"),
  malformed_json: kind(400, usage, "The body is not valid JSON"),
  tenant_required: kind(400, usage, "Say which tenant"),
  invalid_cursor: kind(400, usage, "The cursor is not one of ours"),
  weak_password: kind(400, usage, "The password does not meet the policy"),
  body_too_large: kind(413, usage, "The body is too large"),
  headers_too_large: kind(431, usage, "The address and headers are too large"),
  request_timeout: kind(408, unreachable, "The request came too slowly", true),
  unsupported_media_type: kind(415, usage, "The body must be JSON"),
  idempotency_mismatch: kind(422, conflict, "The idempotency key was used for another request"),

  // Who the caller is
  unauthenticated: kind(401, denied, "No valid credentials"),
  invalid_credentials: kind(401, denied, "E-mail, password or tenant is wrong"),
  token_expired: kind(401, denied, "The access token has expired"),
  token_invalid: kind(401, denied, "The token is not valid"),
  session_ended: kind(401, denied, "The session has ended"),
  reset_invalid: kind(401, denied, "The reset secret is not valid"),

  // What the caller may do
  forbidden: kind(403, denied, "Your role does not allow this"),
  scope_missing: kind(403, denied, "The token lacks the scope for this"),
  tenant_suspended: kind(403, denied, "The tenant is suspended"),
  tenant_cancelled: kind(403, denied, "The tenant is cancelled"),
  password_change_required: kind(403, denied, "A new password must be set first"),

  // What is there
  not_found: kind(404, notFound, "Not found"),
  tenant_not_found: kind(404, notFound, "No such tenant"),
  route_not_found: kind(404, notFound, "No such route"),
  method_not_allowed: kind(405, usage, "This path does not take this method"),

  // What state it is in
  slug_taken: kind(409, conflict, "The slug is taken"),
  email_taken: kind(409, conflict, "The e-mail is taken"),
  name_taken: kind(409, conflict, "The name is taken"),
  transition_forbidden: kind(409, conflict, "The lifecycle does not allow this"),
  tenant_deleted: kind(409, conflict, "The tenant is deleted"),
  last_admin: kind(409, conflict, "The last tenant_admin cannot be removed"),
  last_operator: kind(409, conflict, "The last operator cannot be disabled"),
  plan_too_small: kind(409, conflict, "What is in use does not fit the plan"),
  still_referenced: kind(409, conflict, "Other rows refer to this one"),
  operation_finished: kind(409, conflict, "The operation is over"),
  alert_resolved: kind(409, conflict, "The alert is resolved"),
  rule_broken: kind(409, exitCodes.problemFound, "The rule cannot be evaluated"),
  edit_conflict: kind(409, conflict, "Somebody else changed it at the same time", true),

  incident_closed: kind(409, conflict, "The incident is closed"),
  steps_pending: kind(409, conflict, "Steps are not done yet"),
  step_claimed: kind(409, exitCodes.locked, "Somebody else is at this step"),
  step_done: kind(409, conflict, "The step is done"),
  lease_held: kind(409, exitCodes.locked, "Another run holds the lock"),
  lease_lost: kind(409, exitCodes.locked, "The lock is no longer yours"),
  legal_hold: kind(409, conflict, "The tenant is under a legal hold"),
  archive_invalid: kind(422, exitCodes.problemFound, "The archive is not whole"),
  archive_unsupported: kind(422, conflict, "The archive is of a kind that cannot be restored here"),
  restore_mismatch: kind(409, exitCodes.problemFound, "What was restored is not what the archive holds"),

  // How much of it
  quota_exceeded: kind(409, limit, "The tenant's quota is used up"),
  daily_quota_exceeded: kind(429, limit, "The tenant's API requests for today are used up"),
  rate_limited: kind(429, limit, "Too many requests", true),
  login_throttled: kind(429, limit, "Too many failed logins", true),

  // Whom the system tells
  webhook_refused: kind(400, usage, "The webhook's URL may not be used"),
  channel_missing: kind(409, conflict, "There is no webhook to send to"),

  // What went wrong here
  maintenance: kind(503, unreachable, "In maintenance", true),
  tenant_busy: kind(503, unreachable, "The tenant is held for a moment", true),
  overloaded: kind(503, unreachable, "The server is at its limit", true),
  draining: kind(503, unreachable, "The server is stopping", true),
  database_unavailable: kind(503, unreachable, "The database does not answer", true),
  timeout: kind(504, unreachable, "It took too long", true),
  internal: kind(500, unexpected, "Something went wrong here"),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errors;

/** True for a string that names a row of the table above. */
export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(errors, code);

/** RFC 9457 problem document: the body of every error answer (`application/problem+json`). */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  /** What happened, in one sentence. */
  readonly detail: string;
  /** The next step. */
  readonly hint: string;
  readonly requestId: string;
  /** For `invalid_request`: every fault that was found, each with the place it is in. */
  readonly faults?: readonly { readonly path: string; readonly message: string }[];
}

/** Makes an error without a stack, which is most of what one costs: for refusals that come by the thousand. */
export const withoutStack = <T extends Error>(make: () => T): T => {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
};

/** An error that has a row in the table. `hint` is the next step for whoever reads it. */
export class ContractError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly faults: Problem["faults"];
  /** Seconds until a retry makes sense; becomes Retry-After. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ErrorCode,
    detail: string,
    hint: string,
    more: { faults?: Problem["faults"]; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(detail, { cause: more.cause });
    this.name = "ContractError";
    this.code = code;
    this.hint = hint;
    this.faults = more.faults;
    this.retryAfter = more.retryAfter;
  }
}
