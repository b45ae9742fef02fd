import { exitCodes, type ResultOf, type Routes, timeLimit } from "@tenantctl/contract";
import { usage } from "../cli-error.ts";
import type { Invocation } from "../invocation.ts";
import type { Column } from "../output/column.ts";

type Recount = ResultOf<Routes["quotas.recount"]>;

/** A tenant of many millions of rows is counted in one statement, which may take two minutes. */
const patienceMs = 290_000;
const sayEvery = 10_000;

const columns = [
  { key: "slug", title: "tenant" },
  { key: "resource" },
  { key: "counter", title: "counter said", as: "amount" },
  { key: "counted", title: "is there", as: "amount" },
  { key: "mended", as: "yesNo" },
] as const satisfies readonly Column[];

const plural = (count: number, one: string): string => `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}`;

/** Batch after batch until all tenants were counted, or the one that was named. */
const recountAll = async (invocation: Invocation, dryRun: boolean): Promise<Omit<Recount, "next" | "dryRun">> => {
  const { input } = await invocation.gathered();
  const api = await invocation.api();
  const all = { counted: 0, drifted: [] as Recount["drifted"], failed: [] as Recount["failed"] };
  let said = 0;
  for (let after: string | undefined; ; ) {
    const { text } = await api.text(
      "quotas.recount",
      { query: dryRun ? { dryRun } : {}, body: { ...input.body, ...(after === undefined ? {} : { after }) } },
      { signal: timeLimit(patienceMs), timeoutMs: patienceMs },
    );
    const batch = JSON.parse(text) as Recount;
    all.counted += batch.counted;
    all.drifted.push(...batch.drifted);
    all.failed.push(...batch.failed);
    if (batch.next === null) return all;
    after = batch.next;
    if (all.counted - said >= sayEvery) {
      said = all.counted;
      invocation.out.note(`… ${plural(all.counted, "tenant")} counted`);
    }
  }
};

/** Counts anew, mends unless it only looks, and says what had drifted. */
export const recountQuotas = async (invocation: Invocation): Promise<number> => {
  const { out, flags, args } = invocation;
  const check = flags.check === true;
  if (check && flags.dryRun === true) throw usage("--check and --dry-run are one or the other", "Both change nothing.");
  const looks = check || flags.dryRun === true;
  const { counted, drifted, failed } = await recountAll(invocation, looks);
  await out.list([JSON.stringify(drifted)], {
    columns,
    properties: ["tenantId", "slug", "resource", "counter", "counted", "mended"],
    empty: `${plural(counted, "tenant")} counted: every counter says what is there`,
  });
  if (drifted.length > 0) {
    const tenants = plural(new Set(drifted.map(({ tenantId }) => tenantId)).size, "tenant");
    const counters = plural(drifted.length, "counter");
    const subject = args[0] === undefined ? "" : ` ${args[0]}`;
    out.note(
      `${plural(counted, "tenant")} counted; ${counters} of ${tenants} had drifted${looks ? "" : `, and ${drifted.length === 1 ? "says" : "say"} now what is there`}.`,
    );
    if (looks) out.note(`nothing was changed; to mend them: tenantctl quotas recount${subject}`);
  }
  for (const { slug, error } of failed) out.note(`${slug} was not counted: ${error}`);
  if (failed.length > 0) return exitCodes.partial;
  return check && drifted.length > 0 ? exitCodes.problemFound : exitCodes.done;
};
