import { type RouteId, type RouteShape, routes } from "@tenantctl/contract";
import { answerProperties } from "./arguments/field.ts";
import type { RouteInput } from "./arguments/route-input.ts";
import { usage } from "./cli-error.ts";
import { type Invocation, textFlag } from "./invocation.ts";
import { cleanLine } from "./output/clean.ts";
import { confirmStep } from "./prompt/confirm.ts";
import { impactOn, showImpact } from "./prompt/impact.ts";

/** Rows that a page may have at the most, when a list is read page by page. */
const pageRows = 1000;

/** The pages of a list as JSON texts, one after the other; `limit` ends it after so many rows. */
export async function* eachPage(
  { api }: Pick<Invocation, "api">,
  route: RouteId,
  input: RouteInput,
): AsyncGenerator<string> {
  const client = await api();
  const shape: RouteShape = routes[route];
  const takesLimit = Object.hasOwn(shape.query?.properties ?? {}, "limit");
  const wanted = typeof input.query.limit === "number" ? input.query.limit : undefined;
  if (wanted !== undefined && wanted < 1) throw usage("--limit takes a number of 1 or more");
  let left = wanted;
  let cursor: string | undefined;
  do {
    // A complete list without a limit comes in one answer.
    const limit = !takesLimit
      ? undefined
      : left === undefined
        ? shape.list === "complete"
          ? undefined
          : pageRows
        : Math.min(left, pageRows);
    const query = { ...input.query, limit, cursor };
    const { text, next } = await client.text(route, { ...input, query });
    yield text;
    if (left !== undefined) {
      const rows: unknown = JSON.parse(text);
      left -= Array.isArray(rows) ? rows.length : 0;
    }
    cursor = left !== undefined && left <= 0 ? undefined : next;
  } while (cursor !== undefined);
}

/** Every page of a list at once. */
export const readPages = async (
  invocation: Pick<Invocation, "api">,
  route: RouteId,
  input: RouteInput,
): Promise<string[]> => {
  const pages: string[] = [];
  for await (const page of eachPage(invocation, route, input)) pages.push(page);
  return pages;
};

/** The record that a change answers with, or nothing where the answer is a list. */
const recordOf = (text: string): Readonly<Record<string, unknown>> | undefined => {
  const data: unknown = JSON.parse(text);
  return typeof data === "object" && data !== null && !Array.isArray(data)
    ? (data as Readonly<Record<string, unknown>>)
    : undefined;
};

const confirmIt = async (invocation: Invocation, input: RouteInput): Promise<void> => {
  const { command, settings, ask, out, args } = invocation;
  if (command.confirm === undefined || input.query.dryRun === true) return;
  const named = input.params.id ?? input.params.name ?? args.at(-1) ?? "it";
  // As typed, so that somebody named by e-mail is asked about by e-mail.
  const subject = cleanLine(args.at(-1) ?? String(named));
  await confirmStep(command.confirm, subject, settings, ask, async () => {
    if (command.confirm?.impact === "tenant") showImpact(await impactOn(await invocation.api(), String(named)), out);
  });
};

/** Prints what a call answered: a list by its columns, anything else as a record. */
export const printAnswer = async (invocation: Invocation, route: RouteId, pages: readonly string[]): Promise<void> => {
  const { command, out } = invocation;
  const properties = answerProperties(routes[route]);
  const [first = "null"] = pages;
  if (command.columns !== undefined)
    return out.list(pages, {
      columns: command.columns,
      properties,
      empty: command.empty ?? `no ${command.path[0]} found`,
    });
  await out.record(first, { cells: command.cells ?? [], shown: command.shown, properties });
  const data = recordOf(first);
  if (data === undefined) return;
  if (data.dryRun === true) return out.note("dry run: nothing was changed.");
  const line =
    data.changed === false ? (command.unchanged?.(data) ?? "nothing to do: it was so already.") : command.done?.(data);
  if (line !== undefined) out.note(cleanLine(line));
};

/** Does what a command declares: gather, ask, call, print. */
export const runRoute = async (invocation: Invocation): Promise<number> => {
  const { route, input } = await invocation.gathered();
  const shape: RouteShape = routes[route];
  await confirmIt(invocation, input);
  if (shape.list !== undefined) {
    await printAnswer(invocation, route, await readPages(invocation, route, input));
    return 0;
  }
  const idempotencyKey = shape.idempotencyKey ? textFlag(invocation.flags, "idempotencyKey") : undefined;
  const { text } = await (await invocation.api()).text(
    route,
    input,
    idempotencyKey === undefined ? {} : { idempotencyKey },
  );
  await printAnswer(invocation, route, [text]);
  return 0;
};
