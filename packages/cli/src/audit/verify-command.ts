import { createReadStream } from "node:fs";
import { access, constants } from "node:fs/promises";
import { exitCodes, type ResultOf, type Routes } from "@tenantctl/contract";
import { readBody } from "../backup/read-body.ts";
import { stallTimeoutMs } from "../backup/stall-timeout.ts";
import { CliError, usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { cleanLine } from "../output/clean.ts";
import { arrayLines } from "./array-lines.ts";

type Event = ResultOf<Routes["audit.verify"]>[number];
type Problem = Extract<Event, { type: "problem" }>;
type Result = Extract<Event, { type: "result" }>;

/** Problems that are shown; all are counted. */
const mostShown = 1000;

async function* nothing(): AsyncGenerator<Uint8Array> {}

const fileOf = async ({ flags }: Invocation): Promise<string | undefined> => {
  const path = textFlag(flags, "checkpoints");
  if (path === undefined) return undefined;
  await access(path, constants.R_OK).catch(() => {
    throw usage(`${path} cannot be read`, "Name the file that checkpoints are appended to.");
  });
  return path;
};

const shown = ({ problem, tenantId, sequence, auditId, at, what }: Problem): string => {
  const place = [
    tenantId === null ? "system" : `tenant ${tenantId}`,
    ...(sequence === null ? [] : [`sequence ${sequence}`]),
    ...(auditId === null ? [] : [`row ${auditId}`]),
    ...(at === null ? [] : [at]),
  ];
  return cleanLine(`${problem}: ${place.join(", ")}: ${what}`);
};

const count = (number: number, one: string, many = `${one}s`): string => `${number} ${number === 1 ? one : many}`;

const summary = (result: Result, api: string): string[] => {
  const { chains, rows, problems, sealedUntil, waiting, checkpoints, droppedBefore, detailsErased, keyKept } = result;
  return [
    result.ok
      ? `the audit log is as it was written: ${count(rows, "row")} in ${count(chains, "chain")}`
      : `${count(problems, "problem")} in ${count(rows, "row")} of ${count(chains, "chain")}`,
    `  proven until    ${sealedUntil ?? "nothing is sealed yet"}${waiting === 0 ? "" : `; ${count(waiting, "row")} too new`}`,
    ...(droppedBefore === null ? [] : [`  begins at       ${droppedBefore}; retention dropped what was before`]),
    ...(detailsErased === 0 ? [] : [`  details erased  of ${count(detailsErased, "row")}, with their tenant's data`]),
    checkpoints === null
      ? "  checkpoints     none given: a chain that was sealed anew with the key would not show"
      : `  checkpoints     ${checkpoints.statements}, until ${checkpoints.until ?? "never"}; ${count(checkpoints.heads, "end")} of chains agree`,
    ...(keyKept === "database"
      ? [`  key             in the database of ${api}: its owner could seal anew; set TENANTCTL_AUDIT_KEY`]
      : []),
  ];
};

export const run = async (invocation: Invocation): Promise<number> => {
  const { out, settings } = invocation;
  const checkpoints = await fileOf(invocation);
  const stallMs = stallTimeoutMs(invocation);
  const { input } = await invocation.gathered();
  const api = await invocation.api();
  const problems: Problem[] = [];
  let result: Result | undefined;
  const lines = arrayLines();
  await readBody(
    (signal) =>
      api.send("audit.verify", input, {
        signal,
        upload: () => (checkpoints === undefined ? nothing() : createReadStream(checkpoints)),
      }),
    { what: "the verification", stallMs },
    (chunk) => {
      for (const line of lines.add(chunk)) {
        const event = JSON.parse(line) as Event;
        if (event.type === "result") result = event;
        else if (event.type === "progress") out.note(`checked ${event.rows} rows of ${event.chains} chains`);
        else if (problems.length < mostShown) {
          problems.push(event);
          if (settings.output === "table") out.text(shown(event));
        }
      }
    },
  );
  lines.finish("the verification");
  if (result === undefined)
    throw new CliError("broken_off", exitCodes.unreachable, "the verification gave no result", "Run it again.");
  if (settings.output === "table") out.text(summary(result, api.target.url).map(cleanLine).join("\n"));
  else {
    const { type: _, ...facts } = result;
    const found = problems.map(({ type, ...problem }) => problem);
    await out.record(JSON.stringify({ ...facts, found }), { cells: [], properties: [...Object.keys(facts), "found"] });
  }
  return result.ok ? exitCodes.done : exitCodes.problemFound;
};
