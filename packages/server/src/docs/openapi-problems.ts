import { type ErrorCode, errors, type RouteShape } from "@tenantctl/contract";
import type { JsonSchema } from "./openapi-schema.ts";

const text = (description: string, maxLength: number): JsonSchema => ({
  type: "string",
  description,
  maxLength,
  pattern: "^[\\s\\S]*$",
});

const header = (description: string, schema: JsonSchema): JsonSchema => ({ description, schema });
const seconds: JsonSchema = { type: "integer", format: "int64", minimum: 0, maximum: 86_400 };
const requests: JsonSchema = { type: "integer", format: "int64", minimum: 0, maximum: 10_000_000 };

/** Headers that answers of several routes share, for `components.headers`. */
export const sharedHeaders: Readonly<Record<string, JsonSchema>> = {
  "x-request-id": header("The request, as the audit log and the server's log name it", {
    type: "string",
    format: "uuid",
    maxLength: 36,
  }),
  "RateLimit-Limit": header("Requests in a minute, of whichever limit was looked at last", requests),
  "RateLimit-Remaining": header("Requests left of them", requests),
  "RateLimit-Reset": header("Seconds until the minute is over", seconds),
  "Access-Control-Allow-Origin": header("Not sent: pages of other origins may not read answers", {
    type: "string",
    maxLength: 2048,
    pattern: "^https://",
  }),
  "Retry-After": header("Seconds until it makes sense to try again", seconds),
  Link: header('The next page, `rel="next"`, where there is one', {
    type: "string",
    maxLength: 8192,
    pattern: '^<[^>]+>; rel="next"$',
  }),
  "WWW-Authenticate": header("How to authenticate", { type: "string", maxLength: 100, pattern: "^Bearer .*$" }),
};

/** References to shared headers, by name. */
const headerRefs = (...names: readonly string[]): JsonSchema =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

/** What an answer of this status can carry, beside `more`. The limits' headers are left out where no limit applies. */
export const headersOf = (status: number, ...more: readonly string[]): JsonSchema =>
  headerRefs(
    "x-request-id",
    "Access-Control-Allow-Origin",
    ...(status < 500 ? ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"] : []),
    ...more,
  );

/** The schema of every error answer, for `components.schemas`. */
export const problemSchema: JsonSchema = {
  type: "object",
  description: "What went wrong, and the next step (RFC 9457)",
  additionalProperties: false,
  required: ["type", "title", "status", "code", "detail", "hint", "requestId"],
  properties: {
    type: text("urn:tenantctl:error:<code>", 200),
    title: text("The kind of problem", 200),
    status: { type: "integer", format: "int64", minimum: 400, maximum: 599, description: "The HTTP status" },
    code: { type: "string", enum: Object.keys(errors), description: "The kind of problem, for programs" },
    detail: text("What happened", 2000),
    hint: text("The next step", 2000),
    requestId: {
      type: "string",
      format: "uuid",
      maxLength: 36,
      description: "The request, for whoever runs the server",
    },
    faults: {
      type: "array",
      maxItems: 100,
      description: "For invalid_request: what is wrong, and where",
      items: {
        type: "object",
        additionalProperties: false,
        required: ["path", "message"],
        properties: { path: text("Where", 500), message: text("What", 500) },
      },
    },
  },
};

/** What any route can answer, what those with credentials can, and what follows from taking input. */
const always: readonly ErrorCode[] = [
  "invalid_request",
  "rate_limited",
  "overloaded",
  "database_unavailable",
  "internal",
  "timeout",
];
const withCredentials: readonly ErrorCode[] = [
  "unauthenticated",
  "token_expired",
  "token_invalid",
  "session_ended",
  "forbidden",
  "password_change_required",
];
const withBody: readonly ErrorCode[] = [
  "malformed_json",
  "body_too_large",
  "unsupported_media_type",
  "request_timeout",
];
const aboutTenant: readonly ErrorCode[] = ["tenant_not_found", "tenant_busy"];
const ofOutage: readonly ErrorCode[] = ["tenant_suspended", "tenant_cancelled", "maintenance"];

/** Whether a tenant can be named beside the path. */
const namesTenant = ({ query, body }: RouteShape): boolean =>
  [query, body].some((part) => Object.keys(part?.properties ?? {}).some((name) => /^tenants?(Id)?$/.test(name)));

/** Every error code that a route can answer with. */
export const errorsOf = (route: RouteShape): ErrorCode[] => {
  const { access } = route;
  const codes = new Set<ErrorCode>([...always, ...(route.errors ?? [])]);
  const add = (more: readonly ErrorCode[]): void => {
    for (const code of more) codes.add(code);
  };
  if (access.kind !== "public") add(withCredentials);
  if (access.kind === "operator" || access.kind === "tenant") codes.add("scope_missing");
  if (access.kind === "tenant") {
    add(["tenant_required", "daily_quota_exceeded", ...aboutTenant, ...ofOutage]);
  }
  if (access.kind === "session") add(ofOutage);
  if (access.kind === "operator" && (/\/tenants\/:id/.test(route.path) || namesTenant(route))) add(aboutTenant);
  if (route.method !== "GET") codes.add("edit_conflict");
  if (route.body !== undefined) add(withBody);
  if (route.upload !== undefined) codes.add("unsupported_media_type");
  return (Object.keys(errors) as ErrorCode[]).filter((code) => codes.has(code));
};

/** One response per status, naming the codes that it stands for. */
export const problemResponses = (route: RouteShape, example: (code: ErrorCode) => unknown) => {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of errorsOf(route)) {
    const { status } = errors[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes.map((code) => `${code}: ${errors[code].title}`).join(". "),
        headers: headersOf(
          status,
          ...(codes.some((code) => errors[code].retry) || status === 429 ? ["Retry-After"] : []),
          ...(status === 401 ? ["WWW-Authenticate"] : []),
        ),
        content: {
          "application/problem+json": {
            schema: { $ref: "#/components/schemas/Problem" },
            examples: Object.fromEntries(codes.map((code) => [code, { value: example(code) }])),
          },
        },
      },
    ]),
  );
};
