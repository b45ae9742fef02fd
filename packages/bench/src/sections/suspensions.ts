import { performance } from "node:perf_hooks";
import { median } from "../compare.ts";
import { loadTenants } from "../load-tenants.ts";
import { postJson } from "../post-json.ts";
import { readAll, type SentRequest } from "../read-all.ts";
import { type Bench, section } from "../section.ts";
import { signIn } from "../sign-in.ts";
import { liftLimits, unlimited } from "../users.ts";

const many = 1000;
const few = 100;
const readers = 16;

/** Requests that were served although they had left after their tenant's suspension was answered. */
const late = (requests: readonly SentRequest[], answeredAt: (slug: string) => number): number =>
  requests.filter(({ slug, status, sentAt }) => status < 400 && sentAt > answeredAt(slug)).length;

/** Whether suspended means suspended: while everybody reads, and at once. */
export const suspensions = section({
  name: "suspensions",
  measures: {
    together: {
      what: `${many} tenants suspended by one request, under load: served although sent after the answer`,
      unit: "requests",
      better: "lower",
      must: 0,
      aim: 0,
    },
    apart: {
      what: "tenants suspended one by one, under load: served although sent after the answer",
      unit: "requests",
      better: "lower",
      must: 0,
      aim: 0,
    },
    togetherTime: { what: `${many} tenants suspended by one request, under load`, unit: "s", better: "lower" },
    fewTime: { what: `${few} tenants suspended by one request`, unit: "s", better: "lower", must: 1 },
  },
  about: ({ size }) =>
    `Suspensions: ${readers} connections read as the administrators of ${many} tenants, before, meanwhile and for a ` +
    `second afterwards; one by one ${size === "quick" ? few : many} of them; ${few} tenants without other load.`,
  run: async (bench: Bench) => {
    const system = await bench.start({ env: unlimited });
    const names = ["together", "apart", "few"] as const;
    for (const [index, name] of names.entries())
      await loadTenants(system, { name, kind: `0${index + 4}`, count: name === "few" ? few * 3 : many, customers: 5 });
    await liftLimits(system);
    const suspendAll = async (slugs: readonly string[]): Promise<number> => {
      const begun = performance.now();
      const { suspended } = await postJson(`${system.url}/api/admin/tenants-suspend`, { tenants: slugs }, system.token);
      if (suspended !== slugs.length) throw new Error(`${String(suspended)} of ${slugs.length} were suspended`);
      return (performance.now() - begun) / 1000;
    };

    const users = await signIn(system, "together-");
    const reading = readAll(system.url, users, readers);
    await reading.roundOver();
    const togetherTime = await suspendAll(users.map(({ slug }) => slug));
    const answered = performance.now();
    const together = await reading.stopAfter(1000);
    bench.log(`${many} suspended together in ${togetherTime.toFixed(2)} s; ${together.length} requests meanwhile`);

    const others = (await signIn(system, "apart-")).slice(0, bench.size === "quick" ? few : many);
    const readingOthers = readAll(system.url, others, readers);
    await readingOthers.roundOver();
    const answers = new Map<string, number>();
    for (const { slug } of others) {
      await postJson(`${system.url}/api/admin/tenants/${slug}/suspend`, {}, system.token);
      answers.set(slug, performance.now());
    }
    const apart = await readingOthers.stopAfter(1000);
    bench.log(`${others.length} suspended one by one; ${apart.length} requests meanwhile`);

    const fewTimes: number[] = [];
    await signIn(system, "few-");
    for (let round = 0; round < 3; round += 1)
      fewTimes.push(await suspendAll(Array.from({ length: few }, (_, index) => `few-${round * few + index + 1}`)));
    return {
      together: {
        values: [late(together, () => answered)],
        detail: `${together.filter(({ sentAt }) => sentAt > answered).length} sent after the answer`,
      },
      apart: {
        values: [late(apart, (slug) => answers.get(slug) ?? Number.POSITIVE_INFINITY)],
        detail: `${apart.filter(({ slug, sentAt }) => sentAt > (answers.get(slug) ?? Number.POSITIVE_INFINITY)).length} sent after their answer`,
      },
      togetherTime: { values: [togetherTime] },
      fewTime: {
        values: fewTimes,
        detail: `the longest of three ${Math.max(...fewTimes).toFixed(2)} s, the middle one ${median(fewTimes).toFixed(2)} s`,
      },
    };
  },
});
