import { exitCodes, type Incident, type IncidentKind } from "@tenantctl/contract";
import { CliError, usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { hasProblem } from "../output/check-items.ts";
import { cleanLine } from "../output/clean.ts";
import { confirmStep } from "../prompt/confirm.ts";
import { failureOf } from "../report-error.ts";
import { type NewIncident, openJournal } from "./journal.ts";
import { keepContacts } from "./known-contacts.ts";
import { isOutOfReach, openPlace, type Place } from "./place.ts";
import { headLines, sayItem } from "./print-incident.ts";
import { itemOf, type Progress, runPending, stepOf } from "./run-steps.ts";
import { notOver, type StepResult } from "./step.ts";
import { type ManySuspended, suspendNow, suspensionResult } from "./steps/suspend.ts";
import { workOn } from "./timeline.ts";

const listOf = (value: unknown): string[] =>
  (Array.isArray(value) ? value : value === undefined ? [] : [value])
    .flatMap((text) => String(text).split(","))
    .filter((text) => text !== "");

const newIncident = (invocation: Invocation, kind: IncidentKind): NewIncident => {
  const { flags, args } = invocation;
  if (args.length > 0) throw usage(`unexpected argument: ${args[0]}`, "Name tenants with --tenant.");
  const tenants = listOf(flags.tenant);
  const all = flags.all === true;
  if (all && tenants.length > 0) throw usage("--all and --tenant exclude each other", "Give one of them.");
  if (kind !== "system-down" && !all && tenants.length === 0)
    throw usage("which tenants are affected?", "Add --tenant TENANT for each, or --all.");
  const title = textFlag(flags, "title");
  return {
    id: crypto.randomUUID(),
    kind,
    ...(title === undefined ? {} : { title }),
    ...(tenants.length === 0 ? {} : { tenants }),
    ...(all ? { all } : {}),
  };
};

const nobody = (tenants: readonly string[]): CliError =>
  new CliError(
    "tenant_not_found",
    exitCodes.notFound,
    `there is no such tenant: ${tenants.join(", ")}; nothing was suspended, and no incident was opened`,
    "`tenantctl list` shows the tenants.",
  );

/** What the suspension has to know: nothing, but that somebody meant it. */
const confirmed = (invocation: Invocation, { tenants, all }: NewIncident): Promise<void> => {
  if (invocation.flags.auto === true) return Promise.resolve();
  const whom = all === true ? "ALL active tenants" : (tenants ?? []).join(", ");
  const question = { question: "Suspend %s now?", reversible: true } as const;
  return confirmStep(question, cleanLine(whom), invocation.settings, invocation.ask, async () => undefined);
};

interface Suspension {
  readonly result: StepResult;
  readonly many: ManySuspended | undefined;
}

const suspendFirst = async (place: Place, wanted: NewIncident): Promise<Suspension> => {
  const { tenants, all } = wanted;
  const whom = all === true ? { all } : { tenants: tenants ?? [] };
  if (place.api === undefined) {
    const evidence = ["NOT SUSPENDED: neither the API nor the database is there", ...place.why];
    return {
      result: notOver({ result: "problem", evidence, next: "tenantctl incident step ID suspend" }),
      many: undefined,
    };
  }
  const many = await suspendNow(place.api, whom, wanted.id);
  return { result: suspensionResult(many), many };
};

/** Opens an incident, and goes through its steps. Of a breach the tenants are suspended before anything else is done. */
export const openCommand =
  (kind: IncidentKind) =>
  async (invocation: Invocation): Promise<number> => {
    const wanted = newIncident(invocation, kind);
    const { out, settings } = invocation;
    if (kind === "data-breach") await confirmed(invocation, wanted);
    let place = await openPlace(invocation);
    const { dir } = (await invocation.api()).target;
    const journal = await openJournal(dir, wanted.id);
    const timeline = await workOn(invocation, place, journal, wanted);
    try {
      let announced = wanted;
      const early: Progress["items"][number][] = [];
      let failed = 0;
      const say = sayItem(invocation);
      if (kind === "data-breach") {
        const step = stepOf({ kind }, "suspend");
        if (step === undefined) throw new Error("a breach begins with a suspension");
        await timeline.record({ kind: "started", step: step.id });
        const { result, many } = await suspendFirst(place, wanted).catch(async (error: unknown) => {
          if (!isOutOfReach(error)) throw error;
          await place.close();
          place = await openPlace(invocation);
          return suspendFirst(place, wanted);
        });
        const known = many?.tenants.flatMap(({ id, tenant }) => (id === null ? [] : [tenant])) ?? wanted.tenants ?? [];
        if (many !== undefined && wanted.all !== true && known.length === 0) throw nobody(wanted.tenants ?? []);
        if (wanted.all !== true) announced = { ...wanted, tenants: known };
        const item = itemOf(step, wanted.id, result.item);
        await timeline.record({ kind: result.over ? "done" : "failed", step: step.id, item });
        if (!result.over || item.result === "problem") failed += 1;
        early.push(item);
        await say(item);
      }
      const incident = await timeline.announce(announced);
      for (const line of headLines(incident)) out.note(cleanLine(line));
      await place.api
        ?.call("contacts.list", {})
        .then((contacts) => keepContacts(dir, contacts))
        .catch(() => undefined);
      const progress = await runPending(invocation, timeline, say);
      return await finish(
        invocation,
        await timeline.incident(),
        {
          items: [...early, ...progress.items.filter(({ id }) => !early.some((item) => item.id === id))],
          failed: failed + progress.failed,
        },
        settings.output !== "table",
      );
    } catch (error) {
      // Nothing was opened: nothing is left of it either.
      if (failureOf(error).exit === exitCodes.notFound) await journal.remove();
      throw error;
    } finally {
      await timeline.place.close();
    }
  };

/** What there is to do, and the exit code: 3 where a step failed, 10 where one found a problem, else 0. */
export const finish = async (
  { out }: Invocation,
  incident: Incident,
  { items, failed }: Progress,
  data: boolean,
): Promise<number> => {
  if (data)
    await out.record(JSON.stringify({ ...incident, items }), {
      cells: [],
      properties: ["id", "kind", "status", "openedAt"],
    });
  const pending = incident.steps.filter(({ state }) => state !== "done" && state !== "skipped");
  if (pending.length > 0) {
    out.note(`${pending.length} of ${incident.steps.length} steps are left: ${pending.map(({ id }) => id).join(", ")}`);
    out.note(`go on with: tenantctl incident step ${incident.id}`);
  } else if (incident.status === "open") {
    out.note("every step is done");
    out.note(`close it with: tenantctl incident close ${incident.id} --summary '…'`);
  }
  if (failed > 0) return exitCodes.partial;
  return hasProblem(items) ? exitCodes.problemFound : exitCodes.done;
};
