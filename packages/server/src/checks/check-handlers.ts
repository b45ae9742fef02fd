import { type CheckRun, ContractError, type ResultOf, type Routes } from "@tenantctl/contract";
import { build, sql } from "@tenantctl/database";
import { v7 as uuidv7 } from "uuid";
import { callerName } from "../alerts/caller-name.ts";
import { created } from "../answer.ts";
import type { App } from "../app.ts";
import { audited } from "../audit/audited.ts";
import type { Handlers } from "../call.ts";
import { operatorEntry } from "../call-scope.ts";
import { allOf, given, jsonPage, pageAnswer } from "../json-page.ts";
import { jsonTime } from "../json-time.ts";
import { decodeCursor, defaultPageSize, timeShape, uuidShape } from "../page.ts";
import { runColumns, summaryColumns } from "./check-row.ts";
import { type Ran, runChecks } from "./run-checks.ts";

type SignedOff = ResultOf<Routes["checks.signOff"]>;

/** Runs of each checklist that are kept: years of them, and a script that runs one each minute fills nothing. */
const kept = 1000;
/** At once in one process: each takes a connection for as long as it looks. */
const mostAtOnce = 2;
const running = new WeakMap<App, number>();

const noSuchRun = (): ContractError =>
  new ContractError("not_found", "There is no such run of a checklist.", "`tenantctl check history` lists them.");

/** One of the few runs at once. Throws overloaded. */
const inTurn = async (app: App, run: () => Promise<Ran>): Promise<Ran> => {
  const others = running.get(app) ?? 0;
  if (others >= mostAtOnce) {
    throw new ContractError(
      "overloaded",
      `${mostAtOnce} checklists are being run already.`,
      "Wait for one of them to end.",
      {
        retryAfter: 10,
      },
    );
  }
  running.set(app, others + 1);
  try {
    return await run();
  } finally {
    running.set(app, (running.get(app) ?? 1) - 1);
  }
};

/** The checklists, for operators. */
export const checkHandlers: Handlers<"checks.run" | "checks.list" | "checks.get" | "checks.signOff"> = {
  // Looked at first and written then, in one transaction: a process that is killed between leaves no half of a run.
  "checks.run": async (call) => {
    const { app, body } = call;
    const scope = app.db.operator(operatorEntry(call.principal, call.route.access), { readOnly: true });
    const { since, startedAt, items, figures } = await inTurn(app, () =>
      runChecks(app, scope, body.cadence, body.documentation),
    );
    const id = uuidv7();
    return call.scope.transaction(async (transaction) => {
      const [[run]] = await Promise.all([
        transaction.run(
          sql<CheckRun>`insert into app.check_runs (id, cadence, since, started_at, run_by, items, figures)
            values (${id}::uuid, ${body.cadence}, ${since}::timestamptz, ${startedAt}::timestamptz, ${callerName(call)},
              ${JSON.stringify(items)}::jsonb, ${JSON.stringify(figures)}::jsonb) returning ${runColumns}`.compile(
            build,
          ),
        ),
        transaction.run(audited(call, { resourceId: id, detail: body.cadence })),
        transaction.run(
          sql`delete from app.check_runs where id in (select id from app.check_runs where cadence = ${body.cadence}
            order by started_at desc, id desc offset ${sql.lit(kept)}) and id <> ${id}::uuid`.compile(build),
        ),
      ]);
      if (run === undefined) throw noSuchRun();
      return created(run);
    });
  },

  "checks.list": async (call) => {
    const { cadence, unsigned, cursor, limit = defaultPageSize } = call.query;
    const [startedAt = "", id = ""] = cursor === undefined ? [] : decodeCursor(cursor, [timeShape, uuidShape]);
    const page = jsonPage({
      columns: summaryColumns,
      from: sql`app.check_runs`,
      where: allOf([
        ...given(cadence, (one) => sql`cadence = ${one}`),
        ...(unsigned === true ? [sql`signed_off_at is null`] : []),
        ...given(cursor, () => sql`(started_at, id) < (${startedAt}::timestamptz, ${id}::uuid)`),
      ]),
      orderBy: sql`started_at desc, id desc`,
      keys: sql`${jsonTime("started_at")}, id::text`,
      limit,
    });
    return pageAnswer(call, await call.scope.run(page));
  },

  "checks.get": async ({ scope, params }) => {
    const [run] = await scope.run(
      sql<CheckRun>`select ${runColumns} from app.check_runs where id = ${params.id}::uuid`.compile(build),
    );
    if (run === undefined) throw noSuchRun();
    return run;
  },

  "checks.signOff": (call) =>
    call.scope.transaction(async (transaction): Promise<SignedOff> => {
      const { id } = call.params;
      const [signed] = await transaction.run(
        sql<CheckRun>`update app.check_runs set signed_off_at = now(), signed_off_by = ${callerName(call)},
            note = ${call.body.note ?? null}::text
          where id = ${id}::uuid and signed_off_at is null returning ${runColumns}`.compile(build),
      );
      if (signed !== undefined) {
        await transaction.run(audited(call, { resourceId: id, detail: call.body.note ?? null }));
        return { ...signed, changed: true };
      }
      const [before] = await transaction.run(
        sql<CheckRun>`select ${runColumns} from app.check_runs where id = ${id}::uuid`.compile(build),
      );
      if (before === undefined) throw noSuchRun();
      return { ...before, changed: false };
    }),
};
