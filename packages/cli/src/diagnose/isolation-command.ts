import { exitCodes, timeLimit } from "@tenantctl/contract";
import { CliError } from "../cli-error.ts";
import type { Invocation } from "../invocation.ts";
import { printDiagnosis } from "./print-diagnosis.ts";

/** A system of many tables takes its time; each statement is bounded on the server. */
const patienceMs = 290_000;
const sayEveryMs = 10_000;

/** Has isolation diagnosed, says on stderr that it goes on, and exits with 10 on any finding. */
export const diagnoseIsolation = async (invocation: Invocation): Promise<number> => {
  const { out, flags } = invocation;
  const tenants = Array.isArray(flags.tenant) ? flags.tenant.map(String) : undefined;
  if (tenants !== undefined && tenants.length !== 2) {
    throw new CliError("usage", exitCodes.usage, "--tenant is to be given twice.", "Name two tenants, or none.");
  }
  const api = await invocation.api();
  out.note(
    tenants === undefined
      ? "trying every table and every route between two hidden tenants …"
      : `reading between ${tenants.join(" and ")} …`,
  );
  const started = Date.now();
  const saying = setInterval(() => out.note(`… ${Math.round((Date.now() - started) / 1000)} s`), sayEveryMs);
  try {
    const body = tenants === undefined ? {} : { tenants };
    const { text } = await api.text(
      "diagnose.isolation",
      { body },
      { signal: timeLimit(patienceMs), timeoutMs: patienceMs },
    );
    return await printDiagnosis(invocation, text);
  } finally {
    clearInterval(saying);
  }
};
