import { accessGroups, type ResultOf, type Routes, routes } from "@tenantctl/contract";
import { answerProperties } from "../arguments/field.ts";
import { usage } from "../cli-error.ts";
import { defineCommands, type Positional } from "../command.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { cleanLine } from "../output/clean.ts";
import type { Column } from "../output/column.ts";
import { printAnswer, readPages, runRoute } from "../run-route.ts";
import { auditColumns } from "./audit.ts";

const group = [{ name: "fingerprint", label: "error" }] as const satisfies readonly Positional[];

const errorColumns = [
  { key: "lastSeenAt", title: "last seen", as: "time" },
  { key: "occurrences", title: "times", as: "count" },
  { key: "tenants", as: "count", drop: 2 },
  { key: "route", title: "where", flex: true },
  { key: "code", flex: true },
  { key: "fingerprint" },
  { key: "error", flex: true, drop: 3 },
  { key: "message", flex: true, drop: 1 },
  { key: "firstSeenAt", title: "first seen", as: "time", drop: 7 },
  { key: "resolvedAt", title: "resolved", as: "time", drop: 8 },
  { key: "requestId", title: "request", drop: 9 },
] as const satisfies readonly Column[];

const accessColumns = [
  { key: "at", title: "minute", as: "time" },
  { key: "actor.name", title: "actor", flex: true },
  { key: "tenantSlug", title: "tenant", none: "(system)", flex: true },
  { key: "route", flex: true },
  { key: "requests", title: "times", as: "count", drop: 1 },
  { key: "address", drop: 2 },
  { key: "actor.type", title: "as", drop: 3 },
  { key: "actor.id", title: "actor id", drop: 4 },
  { key: "lastRequestId", title: "last request", drop: 5 },
] as const satisfies readonly Column[];

const sums = [
  { key: "requests", as: "count" },
  { key: "tenants", as: "count", drop: 2 },
  { key: "actors", as: "count", drop: 3 },
  { key: "addresses", as: "count", drop: 1 },
  { key: "firstAt", title: "first", as: "time", drop: 4 },
  { key: "lastAt", title: "last", as: "time" },
] as const satisfies readonly Column[];

/** The columns of sums: who or what first, and no count of what there is one of in each row. */
const sumColumns = (by: string): readonly Column[] => {
  const named: Readonly<Record<string, readonly Column[]>> = {
    actor: [
      { key: "name", title: "actor", flex: true },
      { key: "key", title: "actor id", flex: true, drop: 5 },
    ],
    tenant: [
      { key: "name", title: "tenant", none: "(system)", flex: true },
      { key: "key", title: "tenant id", flex: true, drop: 5 },
    ],
  };
  const counted: Readonly<Record<string, string>> = { actor: "actors", tenant: "tenants", address: "addresses" };
  return [...(named[by] ?? [{ key: "key", title: by, flex: true }]), ...sums.filter(({ key }) => key !== counted[by])];
};

const showAccess = async (invocation: Invocation): Promise<number> => {
  const by = textFlag(invocation.flags, "by");
  const { input } = await invocation.gathered();
  if (by === undefined) {
    // Of one tenant each row would say the same.
    const columns = accessColumns.filter(({ key }) => key !== "tenantSlug" || input.query.tenantId === undefined);
    return runRoute({ ...invocation, command: { ...invocation.command, columns } });
  }
  const { limit, ...filters } = input.query;
  if (limit !== undefined) throw usage("--limit is for rows, not for sums", "Leave out --limit or --by.");
  const pages = await readPages(invocation, "accessLog.summary", { ...input, query: { ...filters, by } });
  await printAnswer(
    { ...invocation, command: { ...invocation.command, columns: sumColumns(by) } },
    "accessLog.summary",
    pages,
  );
  return 0;
};

const showError = async (invocation: Invocation): Promise<number> => {
  const { input } = await invocation.gathered();
  const { text } = await (await invocation.api()).text("errors.get", input);
  const { command, out, settings } = invocation;
  // On a table each frame has a line; the other formats carry the whole record.
  const shown = answerProperties(routes["errors.get"]).filter((name) => name !== "stack" && name !== "tenantIds");
  await printAnswer({ ...invocation, command: { ...command, shown } }, "errors.get", [text]);
  const { stack, tenantIds, requestId }: ResultOf<Routes["errors.get"]> = JSON.parse(text);
  if (settings.output === "table") {
    for (const line of stack?.split("\n") ?? []) out.text(`  ${cleanLine(line)}\n`);
    for (const id of tenantIds) out.text(`  met by ${id}\n`);
  }
  if (requestId !== null) out.note(`the whole of it is in the API's log: ${requestId}`);
  return 0;
};

export const commands = defineCommands([
  {
    path: ["logs"],
    route: "audit.list",
    summary: "Show what was refused, or failed",
    description: "The rows of the audit log that did not succeed, newest first: refused requests, failed logins.",
    columns: auditColumns,
    empty: "nothing in the audit log matches",
    flags: [
      { flags: "--denied", help: "What was refused: a missing right, another tenant's data, a suspended tenant" },
      { flags: "--failed", help: "What failed: logins with a wrong password, for instance" },
    ],
    run: (invocation) => {
      const { denied, failed, outcome } = invocation.flags;
      if (denied !== true && failed !== true && outcome === undefined)
        throw usage("say which: --denied or --failed", "`tenantctl audit` shows everything.");
      if (denied === true && failed === true)
        throw usage("--denied and --failed exclude each other", "Run it once for each.");
      if (outcome !== undefined) return runRoute(invocation);
      const outcomes = { denied: "denied", failed: "failure" } as const;
      const wanted = denied === true ? outcomes.denied : outcomes.failed;
      return runRoute({
        ...invocation,
        gathered: async () => {
          const { route, input } = await invocation.gathered();
          return { route, input: { ...input, query: { ...input.query, outcome: wanted } } };
        },
      });
    },
    examples: ["logs --tenant acme --denied", "logs --denied --since 1h", "logs acme --failed --action login"],
  },
  {
    path: ["logs", "errors"],
    route: "errors.list",
    columns: errorColumns,
    empty: "nothing went wrong that is not resolved",
    examples: ["logs errors", "logs errors --since 24h", "logs errors --route customers.list --all -o json"],
  },
  {
    path: ["logs", "errors", "show"],
    route: "errors.get",
    positional: group,
    run: showError,
    examples: ["logs errors show 0123456789abcdef"],
  },
  {
    path: ["logs", "errors", "resolve"],
    route: "errors.resolve",
    positional: group,
    shown: ["fingerprint", "code", "route", "message", "occurrences", "resolvedAt", "resolvedBy"],
    done: () => "resolved; it is open again as soon as it comes again.",
    examples: ["logs errors resolve 0123456789abcdef --note 'fixed in 1.4.2'"],
  },
  {
    path: ["logs", "access"],
    route: "accessLog.ofTenant",
    covers: ["accessLog.summary"],
    summary: "Show who read and wrote what",
    columns: accessColumns,
    empty: "nobody has, as far as the access log tells",
    flags: [{ flags: "--by <what>", help: "Sums instead of rows", choices: accessGroups }],
    run: showAccess,
    examples: [
      "logs access acme --since 7d",
      "logs access acme --by address",
      "logs access --actor root@example.com --by tenant",
      "logs access --address 203.0.113.9 -o csv",
    ],
  },
]);
