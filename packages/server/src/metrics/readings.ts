import { build, type Database, sql } from "@tenantctl/database";
import type { FastifyBaseLogger } from "fastify";
import type { CompiledQuery } from "kysely";
import { Gauge } from "prom-client";
import { probeDatabase } from "../health/database-probe.ts";
import type { Metrics } from "./registry.ts";

export type Sample = readonly [gauge: string, labels: Readonly<Record<string, string>>, value: number | null];

/** Gauges that one cheap statement gives, for all tenants. */
export interface Reading {
  /** By name: what it says, and its labels. */
  readonly gauges: Readonly<Record<string, readonly [help: string, ...labels: string[]]>>;
  /** What is read: from the database as role operator, unless it asks elsewhere. */
  readonly read: (db: Database) => Promise<readonly Sample[]>;
}

/** A reading as the operator role; a value of null leaves its gauge out. */
export const reading = <Row>(
  gauges: Reading["gauges"],
  query: CompiledQuery<Row>,
  samples: (row: Row) => readonly Sample[],
): Reading => ({ gauges, read: async (db) => (await db.operator().run(query)).flatMap(samples) });

export interface Readings {
  /** Reads what is due, within `patienceMs`; what could not be read is left out of the next answer. */
  refresh(): Promise<void>;
}

/** A reading holds for ten seconds, and for twenty times as long as it took: at most a twentieth of one connection. */
const holdMs = 10_000;
const rest = 20;
/** What takes longer is left out of this answer, and shown in a later one. */
const patienceMs = 4000;

interface State {
  readonly name: string;
  readonly reading: Reading;
  samples: readonly Sample[];
  dueAt: number;
  failing: boolean;
}

const within = async (ms: number, work: Promise<unknown>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, tooLong]);
  clearTimeout(timer);
};

const slugsOf = (ids: readonly string[]): CompiledQuery<{ id: string; slug: string }> =>
  sql<{ id: string; slug: string }>`select id, slug from app.tenants where id = any(${ids}::uuid[])`.compile(build);

/**
 * Gauges that need the database, read when somebody asks for `/metrics` and kept for a while. They are read one after
 * another on one connection, once however many ask; a database that is away or hangs costs an answer its gauges, never
 * the answer.
 */
export const createReadings = (
  metrics: Metrics,
  table: Readonly<Record<string, Reading>>,
  db: Database,
  log: FastifyBaseLogger,
): Readings => {
  const registers = [metrics.registry];
  const states = Object.entries(table).map(
    ([name, one]): State => ({ name, reading: one, samples: [], dueAt: 0, failing: false }),
  );
  const up = new Gauge({ name: "tenantctl_database_up", help: "1 if the database answered", registers });
  const ok = new Gauge({
    name: "tenantctl_reading_up",
    help: "1 if the gauges of this name could be read; else they are left out",
    labelNames: ["reading"],
    registers,
  });

  for (const state of states) {
    for (const [name, [help, ...labelNames]] of Object.entries(state.reading.gauges)) {
      const gauge: Gauge = new Gauge({
        name,
        help,
        labelNames,
        registers,
        collect: () => {
          gauge.reset();
          if (labelNames.length === 0) gauge.remove();
          for (const [of, labels, value] of state.samples) if (of === name && value !== null) gauge.set(labels, value);
        },
      });
    }
  }

  const readOne = async (state: State): Promise<void> => {
    const begun = performance.now();
    try {
      state.samples = await state.reading.read(db);
      state.failing = false;
    } catch (err) {
      state.samples = [];
      if (!state.failing) log.warn({ err, reading: state.name }, "metrics: could not be read, left out");
      state.failing = true;
    }
    ok.set({ reading: state.name }, state.failing ? 0 : 1);
    const ended = performance.now();
    // What failed is tried again by the next one who asks.
    state.dueAt = state.failing ? ended : ended + Math.max(holdMs, rest * (ended - begun));
  };

  const readDue = async (): Promise<void> => {
    const nameless = metrics.tenants.nameless();
    if (nameless.length > 0) {
      const found = await db.operator().run(slugsOf(nameless));
      metrics.tenants.name(new Map(found.map(({ id, slug }) => [id, slug])));
    }
    for (const state of states) if (state.dueAt <= performance.now()) await readOne(state);
  };

  let underWay: Promise<void> | undefined;
  return {
    refresh: async () => {
      const { reachable } = await probeDatabase(db);
      up.set(reachable ? 1 : 0);
      if (reachable) {
        underWay ??= readDue()
          .catch(() => undefined) // The tenants' names: asked for again with the next answer.
          .finally(() => {
            underWay = undefined;
          });
        await within(patienceMs, underWay);
      }
      const tooOld = performance.now() - patienceMs;
      for (const state of states) {
        if (reachable && state.dueAt > tooOld) continue;
        state.samples = [];
        state.dueAt = 0;
        ok.set({ reading: state.name }, 0);
      }
    },
  };
};
