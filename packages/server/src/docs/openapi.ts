import {
  type Access,
  ContractError,
  type ErrorCode,
  errors,
  type RouteShape,
  routeIds,
  routes,
  version,
} from "@tenantctl/contract";
import { problemOf } from "../problem.ts";
import { headersOf, problemResponses, problemSchema, sharedHeaders } from "./openapi-problems.ts";
import { type JsonSchema, openApiSchema } from "./openapi-schema.ts";

const exampleRequestId = "01890000-0000-7000-8000-00000000000a";

const exampleProblem = (code: ErrorCode) =>
  problemOf(new ContractError(code, `${errors[code].title}.`, "What to do next."), exampleRequestId);

const tagTexts: Readonly<Record<string, string>> = {
  auth: "Log in, stay logged in, change passwords",
  tenants: "Provision tenants and move them through their lifecycle",
  users: "A tenant's users",
  customers: "A tenant's customers: the example of a tenant's own data",
  quotas: "Use against quota",
  plans: "Plans and their limits",
  operators: "Who runs the system",
  tokens: "Tokens for programs",
  audit: "Who did what",
  alerts: "What needs somebody's attention",
  errors: "What went wrong, grouped",
  metrics: "Requests, errors and latency over time",
  operations: "Long work under way",
  checks: "Daily, weekly and monthly checklists",
  diagnose: "Why something does not work",
  placements: "On which shard tenants live",
  backups: "Archives of tenants and of the system, and what became of them",
  restores: "Bring tenants back, or in, from a document",
  holds: "Legal holds: what must not be removed",
  maintenance: "The system or a tenant out of service, as planned",
  changelog: "What operators changed",
  contacts: "Whom the system tells, and what was sent to them",
  incidents: "Outages, breaches and lost data, step by step",
  health: "Is it well",
};

/** Who may call a route, in words. */
export const whoMayCall = (access: Access): string => {
  switch (access.kind) {
    case "public":
      return "Anybody, without credentials.";
    case "session":
      return "Whoever is logged in, about themselves; no tokens.";
    case "operator":
      return `Operators; their tokens need the scope \`${access.scope}\`.`;
    case "tenant":
      return `Users of the tenant (${access.roles.join(", ")}); operators, with \`tenantId\`${access.operatorNeedsTenant ? "" : " or for all tenants"}; tokens need the scope \`${access.scope}\`.`;
  }
};

const securityOf = (access: Access): readonly JsonSchema[] => {
  // Said outright: no credentials are asked for.
  if (access.kind === "public") return [{}];
  if (access.kind === "session") return [{ session: [] }];
  // Names of their own, so that what only operators may call is told from the rest.
  return access.kind === "operator"
    ? [{ operatorSession: [] }, { operatorToken: [] }]
    : [{ session: [] }, { token: [] }];
};

const parametersOf = (route: RouteShape): JsonSchema[] => {
  const listed = (place: "path" | "query", schema: RouteShape["params"]): JsonSchema[] =>
    Object.entries(schema?.properties ?? {}).map(([name, property]) => {
      const { description, ...rest } = openApiSchema(property);
      const example = (place === "path" ? route.example.params : route.example.query)?.[name];
      return {
        name,
        in: place,
        required: schema?.required?.includes(name) ?? false,
        description: description ?? name,
        schema: rest,
        ...(example === undefined ? {} : { example }),
      };
    });
  const idempotencyKey: JsonSchema = {
    name: "Idempotency-Key",
    in: "header",
    required: false,
    description: "The same key and body answer the same; nothing is done twice. Kept for a day.",
    schema: { type: "string", minLength: 1, maxLength: 255, pattern: "^[\\x20-\\x7e]+$" },
  };
  return [
    ...listed("path", route.params),
    ...listed("query", route.query),
    ...(route.idempotencyKey === true ? [idempotencyKey] : []),
  ];
};

const statusTexts: Readonly<Record<string, string>> = {
  "200": "Done",
  "201": "Created",
  "202": "Under way",
  "503": "Not well, told in the same form",
};

const answersOf = (route: RouteShape): JsonSchema => {
  const problems: Record<string, { content: object }> = problemResponses(route, exampleProblem);
  const answers = Object.entries(route.responses).map(([status, schema]) => {
    const answer = {
      description: statusTexts[status] ?? "Done",
      headers: headersOf(Number(status), ...(route.query?.properties.cursor === undefined ? [] : ["Link"])),
      content: { [route.document ?? "application/json"]: { schema: openApiSchema(schema) } },
    };
    const problem = problems[status];
    return [status, problem === undefined ? answer : { ...answer, content: { ...answer.content, ...problem.content } }];
  });
  return { ...problems, ...Object.fromEntries(answers) };
};

/** Bytes as they are, of any number: the schema of what is read as a stream. */
const binary: JsonSchema = {};
const uploadText = "The document itself, read as a stream and of any length.";

const operationOf = (id: string, route: RouteShape): JsonSchema => ({
  operationId: id.replace(".", "_"),
  tags: [route.tag],
  summary: route.summary,
  description: [
    route.description ?? `${route.summary}.`,
    whoMayCall(route.access),
    ...(route.audit === undefined ? [] : [`Audited as \`${route.audit.action}\` of \`${route.audit.resourceType}\`.`]),
  ].join("\n\n"),
  security: securityOf(route.access),
  parameters: parametersOf(route),
  ...(route.body === undefined
    ? {}
    : {
        requestBody: {
          required: (route.body.required ?? []).length > 0,
          content: {
            "application/json": {
              schema: openApiSchema(route.body),
              ...(route.example.body === undefined ? {} : { example: route.example.body }),
            },
          },
        },
      }),
  ...(route.upload === undefined
    ? {}
    : { requestBody: { required: false, description: uploadText, content: { [route.upload]: { schema: binary } } } }),
  responses: answersOf(route),
});

const sessionScheme = (whose: string): JsonSchema => ({
  type: "http",
  scheme: "bearer",
  bearerFormat: "JWT",
  description: `An access token from POST /api/auth/login, ${whose}; good for some minutes, checked as RFC8725 says.`,
});

const tokenScheme = (whose: string): JsonSchema => ({
  type: "http",
  scheme: "bearer",
  bearerFormat: "tctl",
  description: `A \`tctl_\` token for programs, ${whose}, limited to its scopes. It is no JWT, so RFC8725 is not about it.`,
});

/** The contract as an OpenAPI 3.1 document. */
export const openApiDocument = (): JsonSchema => {
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const id of routeIds) {
    const route: RouteShape = routes[id];
    const path = route.path.replace(/:([A-Za-z]+)/g, "{$1}");
    const methods = paths[path] ?? {};
    methods[route.method.toLowerCase()] = operationOf(id, route);
    paths[path] = methods;
  }
  const used = new Set(routeIds.map((id): string => routes[id].tag));
  return {
    openapi: "3.1.0",
    info: {
      title: "tenantctl",
      version,
      description:
        "Runs a multi-tenant system: tenants, their users, quotas and data. Errors are problem documents with a `code` and a `hint`, the next step. Lists are bare arrays; the next page is in the `Link` header.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      contact: { name: "Whoever runs this server" },
    },
    servers: [{ url: "/", description: "This server, be it local, staging or production", "x-internal": true }],
    tags: [...used].map((name) => ({ name, description: tagTexts[name] ?? name })),
    paths,
    components: {
      securitySchemes: {
        session: sessionScheme("a user's, or an operator's"),
        token: tokenScheme("a tenant's, or an operator's"),
        operatorSession: sessionScheme("an operator's"),
        operatorToken: tokenScheme("an operator's"),
      },
      headers: sharedHeaders,
      schemas: { Problem: problemSchema },
    },
  };
};
