import { build, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { CompiledQuery } from "kysely";

interface ReportedRun {
  readonly kind: "backup" | "verify" | "drill";
  readonly runId: string;
}

/** Each fact's columns, beside what the newest item of that kind says for them. */
const facts = {
  backup: { last_backup_at: "at", last_backup_bytes: "bytes" },
  verify: { last_verified_at: "at" },
  drill: { last_drilled_at: "at" },
} as const;

/** A verification has the run and the repository of the backup that it read. */
const isDamaged = sql`exists (select from app.backup_items v join app.backup_runs w using (kind, run_id)
  where v.kind = 'verify' and v.run_id = i.run_id and v.tenant_id = i.tenant_id and v.outcome = 'failed'
    and w.repository = r.repository)`;

const factsOf = { backup: ["backup"], verify: ["verify", "backup"], drill: ["drill"] } as const;

/**
 * Sets what follows from a report, for these tenants (null: all in the run), from the newest item that went well, of runs that ended; a backup that a verification found damaged is none. A reporting host's clock that is ahead can't put a fact into the future.
 */
export const updateFacts = (run: ReportedRun, whose: readonly string[] | null): CompiledQuery<never>[] =>
  factsOf[run.kind].map((fact) => updateFact(fact, run, whose));

const updateFact = (
  fact: keyof typeof facts,
  { kind, runId }: ReportedRun,
  whose: readonly string[] | null,
): CompiledQuery<never> => {
  const columns = Object.keys(facts[fact]);
  const values = Object.values(facts[fact]).map((value) => sql.ref(`n.${value}`));
  const changes = columns.map((column) => sql`${sql.ref(column)} = ${sql.ref(`excluded.${column}`)}`);
  const tenants =
    whose === null
      ? sql`t.id in (select tenant_id from app.backup_items where kind = ${kind} and run_id = ${runId})`
      : sql`t.id = any (${[...whose]}::uuid[])`;
  return sql<never>`insert into app.backup_facts (tenant_id, ${sql.join(columns.map((column) => sql.ref(column)))})
    select t.id, ${sql.join(values)} from app.tenants t left join lateral (
      select least(i.at, now()) as at, i.bytes from app.backup_items i join app.backup_runs r using (kind, run_id)
      where i.tenant_id = t.id and i.kind = ${fact} and i.outcome = 'ok' and r.finished_at is not null
        ${fact === "backup" ? sql`and not ${isDamaged}` : sql``}
      order by i.at desc limit 1) n on true
    where ${tenants} and t.id <> ${SYSTEM_TENANT_ID}::uuid order by t.id
    on conflict (tenant_id) do update set ${sql.join(changes)}`.compile(build);
};
