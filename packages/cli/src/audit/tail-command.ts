import { setTimeout as wait } from "node:timers/promises";
import {
  ContractError,
  errors,
  exitCodes,
  type ResultOf,
  type Routes,
  routes,
  UnreachableError,
} from "@tenantctl/contract";
import { answerProperties } from "../arguments/field.ts";
import { usage } from "../cli-error.ts";
import type { Invocation } from "../invocation.ts";
import { cleanLine } from "../output/clean.ts";
import { csvText } from "../output/csv.ts";

type Row = ResultOf<Routes["audit.tail"]>["rows"][number];

const lookEveryMs = 1000;
const awayMs = 2000;

const lineOf = ({ at, actor, action, resourceType, outcome, detail, tenantId, occurrences }: Row): string =>
  cleanLine(
    [
      at,
      outcome === "success" ? "     " : outcome,
      actor.name ?? actor.type,
      `${action} ${resourceType}`,
      ...(tenantId === null ? [] : [tenantId]),
      ...(occurrences > 1 ? [`× ${occurrences}`] : []),
      ...(detail === null ? [] : [detail]),
    ].join("  "),
  );

const printerOf = ({ settings, out }: Invocation): ((rows: readonly Row[]) => void) => {
  if (settings.output === "csv") {
    const properties = answerProperties(routes["audit.list"]);
    out.text(csvText([], properties).trimEnd());
    return (rows) => {
      const text = csvText(rows, properties);
      if (rows.length > 0) out.text(text.slice(text.indexOf("\n") + 1).trimEnd());
    };
  }
  if (settings.output === "yaml") throw usage("a tail is told as lines, jsonl or csv, not yaml");
  const line = settings.output === "table" ? lineOf : (row: Row): string => JSON.stringify(row);
  return (rows) => {
    for (const row of rows) out.text(line(row));
  };
};

const comesBack = (error: unknown): boolean =>
  error instanceof UnreachableError || (error instanceof ContractError && errors[error.code].retry);

/** The newest rows; with --follow every row committed since as it comes, for as long as it takes an API to come back. */
export const run = async (invocation: Invocation): Promise<number> => {
  const { flags, out } = invocation;
  const { input } = await invocation.gathered();
  const api = await invocation.api();
  const print = printerOf(invocation);
  const { tenantId } = input.query;
  const base = typeof tenantId === "string" ? { tenantId } : {};
  const first = await api.call("audit.tail", { query: { ...base, ...input.query } });
  print(first.rows);
  if (flags.follow !== true) return exitCodes.done;
  let { cursor } = first;
  let away = false;
  for (;;) {
    try {
      const look = await api.call("audit.tail", { query: { ...base, cursor } });
      if (away) out.note("the API answers again; nothing was left out.");
      away = false;
      print(look.rows);
      cursor = look.cursor;
      if (!look.more) await wait(lookEveryMs);
    } catch (error) {
      if (!comesBack(error)) throw error;
      if (!away) out.note(cleanLine(`${error instanceof Error ? error.message : String(error)}; waiting for it.`));
      away = true;
      await wait(awayMs);
    }
  }
};
