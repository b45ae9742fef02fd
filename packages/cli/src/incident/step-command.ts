import { runbooks } from "@tenantctl/contract";
import { usage } from "../cli-error.ts";
import { type Invocation, textFlag } from "../invocation.ts";
import { quoted } from "../output/output.ts";
import { confirmStep } from "../prompt/confirm.ts";
import { openJournal } from "./journal.ts";
import { finish } from "./open-command.ts";
import { openPlace } from "./place.ts";
import { sayItem } from "./print-incident.ts";
import { runPending, runStep, stepOf } from "./run-steps.ts";
import { type Timeline, workOn } from "./timeline.ts";

const isId = (text: string | undefined): text is string =>
  text !== undefined && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

/** The incident that is named, from wherever it can be reached. */
export const onIncident = async <T>(invocation: Invocation, work: (timeline: Timeline) => Promise<T>): Promise<T> => {
  const [id] = invocation.args;
  if (!isId(id))
    throw usage(
      id === undefined ? "missing: <incident>" : `${quoted(id)} is no incident's id`,
      "`tenantctl incident list -o json` shows the ids.",
    );
  const place = await openPlace(invocation);
  const { dir } = (await invocation.api()).target;
  const journal = await openJournal(dir, id.toLowerCase());
  const timeline = await workOn(invocation, place, journal);
  try {
    return await work(timeline);
  } finally {
    await timeline.place.close();
  }
};

/** Runs one step, or says that it is done or skipped; without a step goes on with what is left. */
export const stepCommand = (invocation: Invocation): Promise<number> =>
  onIncident(invocation, async (timeline) => {
    const { args, flags, settings } = invocation;
    const [, wanted, more] = args;
    if (more !== undefined) throw usage(`unexpected argument: ${more}`);
    const done = textFlag(flags, "done");
    const skip = textFlag(flags, "skip");
    const incident = await timeline.incident();
    const data = settings.output !== "table";
    if (wanted === undefined) {
      if (done !== undefined || skip !== undefined) throw usage("--done and --skip are about one step", "Name it.");
      const progress = await runPending(invocation, timeline, sayItem(invocation));
      return finish(invocation, await timeline.incident(), progress, data);
    }
    const step = stepOf(incident, wanted);
    if (step === undefined)
      throw usage(
        `${incident.kind} has no step ${wanted}`,
        `Its steps: ${runbooks[incident.kind].map(({ id }) => id).join(", ")}.`,
      );
    if (done !== undefined && skip !== undefined) throw usage("--done and --skip exclude each other");
    const again = flags.again === true ? { again: true } : {};
    const takeOver = flags.takeOver === true ? { takeOver: true } : {};
    if (done !== undefined || skip !== undefined) {
      await timeline.record({
        kind: done === undefined ? "skipped" : "done",
        step: step.id,
        text: done ?? skip ?? "",
        ...again,
        ...takeOver,
      });
      return finish(invocation, await timeline.incident(), { items: [], failed: 0 }, data);
    }
    if (step.automatic === undefined)
      throw usage(
        `${step.id} is done by a person: ${step.title}`,
        `Then say so: tenantctl incident step ${incident.id} ${step.id} --done '…'`,
      );
    // Its own slug is asked for by the restore, and the flag is the answer for a restart.
    if (step.automatic === "asks" && step.id !== "restore" && flags.allowRestart !== true)
      await confirmStep(
        { question: "%s?", reversible: false },
        step.title,
        settings,
        invocation.ask,
        async () => undefined,
      );
    const { item, over } = await runStep(invocation, timeline, step);
    await sayItem(invocation)(item);
    return finish(invocation, await timeline.incident(), { items: [item], failed: over ? 0 : 1 }, data);
  });

const remark = (invocation: Invocation, flag: string): string => {
  const text = textFlag(invocation.flags, flag) ?? invocation.args.slice(1).join(" ");
  if (text.trim() === "") throw usage(`missing: --${flag}`, "Say it in one or two sentences.");
  return text;
};

export const noteCommand = (invocation: Invocation): Promise<number> => {
  const text = remark(invocation, "text");
  return onIncident(invocation, async (timeline) => {
    const step = textFlag(invocation.flags, "step");
    await timeline.record({ kind: "note", text, ...(step === undefined ? {} : { step }) });
    const incident = await timeline.incident();
    if (invocation.settings.output === "table") invocation.out.note("noted.");
    else
      await invocation.out.record(JSON.stringify(incident.entries.at(-1)), {
        cells: [],
        properties: ["id", "at", "by", "text"],
      });
    return 0;
  });
};

export const closeCommand = (invocation: Invocation): Promise<number> => {
  const summary = remark(invocation, "summary");
  return onIncident(invocation, async (timeline) => {
    await timeline.close(summary);
    invocation.out.note(`closed. Its document: tenantctl incident export ${timeline.id} -f incident.html`);
    return 0;
  });
};
