import type { BodyOf, ResultOf, Routes } from "@tenantctl/contract";
import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { CompiledQuery } from "kysely";
import { audited } from "../audit/audited.ts";
import type { Call } from "../call.ts";
import { jsonTime } from "../json-time.ts";
import { updateFacts } from "./update-facts.ts";

type Report = Routes["backups.report"];
type Body = BodyOf<Report>;
export type Run = ResultOf<Report>;

/** The columns of `app.backup_runs` as the API shows them. */
export const runColumns = sql<Run>`run_id as "runId", kind, repository, host, ${jsonTime("started_at")} as "startedAt",
  ${jsonTime("finished_at")} as "finishedAt", exit_code as "exitCode",
  ${jsonTime("expires_at")} as "expiresAt", ok, failed, bytes`;

/** Stores the run, and keeps other reports of it waiting; answers a row only where that changed something. */
const storeRun = ({ kind, runId, repository, host, startedAt, finishedAt, exitCode, expiresAt }: Body) =>
  sql<{ changed: true }>`insert into app.backup_runs as r
      (kind, run_id, repository, host, started_at, finished_at, exit_code, expires_at)
    values (${kind}, ${runId}, ${repository}, ${host}, ${startedAt}, ${finishedAt ?? null}, ${exitCode ?? null},
      ${expiresAt ?? null})
    on conflict (kind, run_id) do update set repository = excluded.repository, host = excluded.host,
      started_at = excluded.started_at, finished_at = coalesce(excluded.finished_at, r.finished_at),
      exit_code = coalesce(excluded.exit_code, r.exit_code), expires_at = coalesce(excluded.expires_at, r.expires_at)
    where (r.repository, r.host, r.started_at, r.finished_at, r.exit_code, r.expires_at) is distinct from
      (excluded.repository, excluded.host, excluded.started_at, coalesce(excluded.finished_at, r.finished_at),
        coalesce(excluded.exit_code, r.exit_code), coalesce(excluded.expires_at, r.expires_at))
    returning true as changed`.compile(build);

/** Stores the items and answers those that are new or other than before; of a tenant named twice the last counts. */
const storeItems = ({ kind, runId, startedAt, items }: Body): CompiledQuery<{ tenantId: string }> =>
  sql<{ tenantId: string }>`insert into app.backup_items as i
      (kind, run_id, tenant_id, outcome, snapshot_at, bytes, sha256, seconds, error, at)
    select distinct on (s.tenant) ${kind}, ${runId}, s.tenant, s.outcome, s."snapshotAt", s.bytes, s.sha256, s.seconds, s.error,
      case when ${kind} = 'backup' then coalesce(s."snapshotAt", ${startedAt}::timestamptz) else ${startedAt}::timestamptz end
    from (select coalesce((item ->> 'tenantId')::uuid, ${SYSTEM_TENANT_ID}::uuid) as tenant, x.*, place
      from jsonb_array_elements(${JSON.stringify(items)}::jsonb) with ordinality as e(item, place),
        lateral jsonb_to_record(item) as x(outcome text, "snapshotAt" timestamptz(3), bytes bigint, sha256 text,
          seconds float8, error text)) as s
    order by s.tenant, s.place desc
    on conflict (kind, run_id, tenant_id) do update set outcome = excluded.outcome, snapshot_at = excluded.snapshot_at,
      bytes = excluded.bytes, sha256 = excluded.sha256, seconds = excluded.seconds, error = excluded.error, at = excluded.at
    where (i.outcome, i.snapshot_at, i.bytes, i.sha256, i.seconds, i.error, i.at) is distinct from
      (excluded.outcome, excluded.snapshot_at, excluded.bytes, excluded.sha256, excluded.seconds, excluded.error, excluded.at)
    returning tenant_id as "tenantId"`.compile(build);

const sumUp = ({ kind, runId }: Body) =>
  sql<Run>`update app.backup_runs set ok = s.ok, failed = s.failed, bytes = s.bytes
    from (select count(*) filter (where outcome = 'ok' and tenant_id <> ${SYSTEM_TENANT_ID}::uuid) as ok,
        count(*) filter (where outcome = 'failed' and tenant_id <> ${SYSTEM_TENANT_ID}::uuid) as failed,
        coalesce(sum(bytes) filter (where outcome = 'ok'), 0)::bigint as bytes
      from app.backup_items where kind = ${kind} and run_id = ${runId}) s
    where kind = ${kind} and run_id = ${runId}`.compile(build);

const readRun = ({ kind, runId }: Body) =>
  sql<Run>`select ${runColumns} from app.backup_runs where kind = ${kind} and run_id = ${runId}`.compile(build);

/** Stores what a run did; the same again changes nothing. */
export const reportRun = (call: Call<Report>): Promise<Run> =>
  call.scope.transaction(async (transaction) => {
    const { body } = call;
    const changedRun = (await transaction.run(storeRun(body))).length > 0;
    const changed = body.items.length === 0 ? [] : await transaction.run(storeItems(body));
    if (changedRun || changed.length > 0) {
      // Its end makes all of the run count.
      const whose = changedRun ? null : changed.map(({ tenantId }) => tenantId);
      await Promise.all([sumUp(body), ...updateFacts(body, whose)].map((query) => transaction.run<unknown>(query)));
    }
    const [run] = await transaction.run(readRun(body));
    if (run === undefined) throw new Error("the run that was stored is not there");
    if (changedRun || changed.length > 0) {
      const detail = `${run.kind} run: ${run.ok} ok, ${run.failed} failed`;
      await transaction.run(audited(call, { resourceId: run.runId, detail }));
    }
    return run;
  });
