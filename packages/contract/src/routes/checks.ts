import Type from "typebox";
import { operatorAccess } from "../access.ts";
import { route } from "../route.ts";
import { Cadence, CheckRun, CheckRunSummary, NewCheckRun, SignedOff } from "../schemas/check-run.ts";
import { Closed, Cursor, Limit, Line, Uuid } from "../schemas/values.ts";

const tag = "checks";
const params = Closed({ id: Uuid("The run's id") });
const example = { params: { id: "01890000-0000-7000-8000-000000000007" } };

export const checkRoutes = {
  "checks.run": route({
    method: "POST",
    path: "/api/admin/checks",
    tag,
    summary: "Run a checklist",
    description:
      "Looks at each of its items and keeps what was found, all of it or nothing. Reads only. The newest 1,000 runs of each checklist are kept.",
    access: operatorAccess("checks:write"),
    body: NewCheckRun,
    responses: { 201: CheckRun },
    errors: ["overloaded"],
    audit: { action: "run", resourceType: "check" },
    example: { body: { cadence: "daily" } },
  }),
  "checks.list": route({
    method: "GET",
    path: "/api/admin/checks",
    tag,
    summary: "List runs of checklists",
    description: "Newest first.",
    access: operatorAccess("checks:read"),
    query: Closed({
      cadence: Type.Optional(Cadence),
      unsigned: Type.Optional(Type.Boolean({ description: "Only runs that nobody has signed off" })),
      limit: Limit(),
      cursor: Cursor,
    }),
    responses: { 200: Type.Array(CheckRunSummary) },
    errors: ["invalid_cursor"],
    list: "array",
    example: { query: { cadence: "daily" } },
  }),
  "checks.get": route({
    method: "GET",
    path: "/api/admin/checks/:id",
    tag,
    summary: "Show what a run of a checklist found",
    access: operatorAccess("checks:read"),
    params,
    responses: { 200: CheckRun },
    errors: ["not_found"],
    example,
  }),
  "checks.signOff": route({
    method: "POST",
    path: "/api/admin/checks/:id/sign-off",
    tag,
    summary: "Say that you have looked at what a run found",
    description: "Of two who sign at once the first has; the other's answer says who, with `changed: false`.",
    access: operatorAccess("checks:write"),
    params,
    body: Closed({ note: Type.Optional(Line("What you make of it", 500)) }),
    responses: { 200: SignedOff },
    errors: ["not_found"],
    audit: { action: "sign_off", resourceType: "check" },
    example: { ...example, body: { note: "disk ordered" } },
  }),
};
