import { SYSTEM_TENANT_ID } from "@tenantctl/database";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { auditKey } from "../src/audit/audit-keys.ts";
import { genesis, headMac, registerMac, sealHash } from "../src/audit/chain.ts";
import { rowDigest, type SealedRow } from "../src/audit/sealed-row.ts";
import { checkpoint, seal, type Verification, verify, writeRows } from "./fixture/audit-log.ts";
import { startTestServer, type TestServer } from "./fixture/server.ts";

let server: TestServer;
let other: string;
let file: string;

beforeAll(async () => {
  server = await startTestServer();
  other = (await server.provision()).id;
  for (const tenant of [other, null]) await writeRows(server, tenant, 5);
  await seal(server);
});
afterAll(() => server?.stop());

const tables = ["audit_log", "audit_details", "audit_seals", "audit_chains"];

/** Puts a tenant's log back as it was, so that one test's tampering is not the next one's. */
const keeping = async (tenantId: string): Promise<() => Promise<void>> => {
  const saved = await Promise.all(
    tables.map(async (table) => ({
      table,
      rows: JSON.stringify(
        await server.asOwner(`select to_json(t) as row from app.${table} t where tenant_id = $1`, [tenantId]),
      ),
    })),
  );
  const [register] = await server.asOwner("select to_json(r)::text as row from app.audit_register r");
  return async () => {
    for (const { table, rows } of saved) {
      const which =
        table === "audit_log"
          ? " and (written_by is null or pg_visible_in_snapshot(written_by, (select seen from app.audit_sealer)) or action = 'forged')"
          : "";
      await server.asOwner(`delete from app.${table} where tenant_id = $1${which}`, [tenantId]);
      await server.asOwner(
        `insert into app.${table} select r.* from json_array_elements($1::json) e, json_populate_record(null::app.${table}, e->'row') r on conflict do nothing`,
        [rows],
      );
    }
    await server.asOwner("delete from app.audit_register");
    await server.asOwner(
      "insert into app.audit_register select r.* from json_populate_record(null::app.audit_register, $1::json) r",
      [register.row],
    );
  };
};

interface Case {
  readonly tenantId: string;
  /** The chain's rows of the test, in their order. */
  readonly ids: readonly string[];
  /** Their sequences. */
  readonly sequences: readonly number[];
}

type Tamper = (chain: Case) => Promise<unknown>;

interface Tampering {
  readonly what: string;
  readonly tamper: Tamper;
  /** What is found first, and at which of the test's rows. */
  readonly found: string;
  readonly row?: number;
  /** Only against checkpoints. */
  readonly checkpoints?: boolean;
  /** Seen in the whole log, not in the one chain. */
  readonly whole?: boolean;
}

const sql = (text: string, parameters: readonly unknown[] = []) => server.asOwner(text, parameters);
const column =
  (name: string, value: string): Tamper =>
  ({ tenantId, ids }) =>
    sql(`update app.audit_log set ${name} = ${value} where tenant_id = $1 and id = $2`, [tenantId, ids[2]]);

/** What somebody does who has the key: seals the whole chain anew, over what the log says now. */
const recompute = async ({ tenantId }: Case, secret: Buffer): Promise<void> => {
  const key = auditKey(secret);
  const rows = await sql(
    `select s.tenant_id, s.sequence, s.audit_id, to_char(s.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, s.batch,
      to_char(s.not_before at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as not_before,
      to_char(s.sealed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as sealed_at, l.id, l.action, l.resource_type, l.resource_id, l.outcome,
      l.actor_type, l.actor_id, l.actor_name, l.address, l.request_id, l.occurrences, l.detail, encode(l.details_digest, 'hex') as details_digest
    from app.audit_seals s join app.audit_log l on l.tenant_id = s.tenant_id and l.id = s.audit_id where s.tenant_id = $1 order by s.sequence`,
    [tenantId],
  );
  await sql("delete from app.audit_seals where tenant_id = $1", [tenantId]);
  let hash = genesis;
  let sequence = 0;
  for (const row of rows as (SealedRow & {
    audit_id: string;
    batch: string;
    not_before: string;
    sealed_at: string;
  })[]) {
    sequence += 1;
    const made = { ...row, sequence, batch: Number(row.batch), row_digest: rowDigest(row) };
    hash = sealHash(key, hash, made);
    await sql(
      `insert into app.audit_seals values ($1, $2, $3, $4, decode($5, 'hex'), decode($6, 'hex'), $7, $8, $9, $10)`,
      [
        tenantId,
        sequence,
        row.audit_id,
        row.at,
        made.row_digest,
        hash,
        key.id,
        made.batch,
        row.not_before,
        row.sealed_at,
      ],
    );
  }
  const [chain] = await sql("select batch::int, sequence::int from app.audit_chains where tenant_id = $1", [tenantId]);
  const head = { tenant_id: tenantId, sequence, hash, base_sequence: 0, base_hash: genesis, batch: chain.batch };
  await sql(
    "update app.audit_chains set sequence = $2, hash = decode($3, 'hex'), mac = decode($4, 'hex'), key_id = $5 where tenant_id = $1",
    [tenantId, sequence, hash, headMac(key, head), key.id],
  );
  const [register] = await sql(
    "update app.audit_register set rows = rows - $1 returning chains::int, rows::int, batch::int",
    [chain.sequence - sequence],
  );
  await sql("update app.audit_register set mac = decode($1, 'hex')", [
    registerMac(key, { ...register, dropped_before: null }),
  ]);
};

const ownKey = async (): Promise<Buffer> =>
  (await sql("select value from tenancy.secrets where name = 'audit'"))[0].value;

const tamperings: readonly Tampering[] = [
  ...Object.entries({
    action: "'delete'",
    resource_type: "'session'",
    resource_id: "null",
    outcome: "'denied'",
    actor_type: "'user'",
    actor_id: "'x'",
    actor_name: "'somebody else'",
    address: "'10.0.0.1'",
    request_id: "'x'",
    occurrences: "2",
    detail: "'x'",
    details_digest: "null",
  }).map(
    ([name, value]): Tampering => ({
      what: `an edit of ${name}`,
      tamper: column(name, value),
      found: "row_altered",
      row: 2,
    }),
  ),
  { what: "an edit of at", tamper: column("at", "at - interval '1 day'"), found: "row_missing", row: 2 },
  { what: "an edit of id", tamper: column("id", "gen_random_uuid()"), found: "row_missing", row: 2 },
  {
    what: "an edit of what changed",
    tamper: ({ tenantId, ids }) =>
      sql(`update app.audit_details set after = '{"row": 99}' where tenant_id = $1 and audit_id = $2`, [
        tenantId,
        ids[2],
      ]),
    found: "details_altered",
    row: 2,
  },
  {
    what: "a deletion in the middle",
    tamper: ({ tenantId, ids }) =>
      sql("delete from app.audit_log where tenant_id = $1 and id = $2", [tenantId, ids[1]]),
    found: "row_missing",
    row: 1,
  },
  {
    what: "a deletion in the middle with its seal",
    tamper: ({ tenantId, ids }) =>
      sql(
        "with gone as (delete from app.audit_seals where tenant_id = $1 and audit_id = $2) delete from app.audit_log where tenant_id = $1 and id = $2",
        [tenantId, ids[1]],
      ),
    found: "seal_missing",
    row: 1,
  },
  {
    what: "a deletion in the middle, renumbered",
    tamper: async ({ tenantId, ids, sequences }) => {
      await sql("delete from app.audit_seals where tenant_id = $1 and audit_id = $2", [tenantId, ids[1]]);
      await sql("delete from app.audit_log where tenant_id = $1 and id = $2", [tenantId, ids[1]]);
      await sql("update app.audit_seals set sequence = -sequence + 1000000 where tenant_id = $1 and sequence > $2", [
        tenantId,
        sequences[1],
      ]);
      await sql(
        "update app.audit_seals set sequence = 1000000 - sequence - 1 where tenant_id = $1 and sequence > 900000",
        [tenantId],
      );
    },
    found: "seal_altered",
    row: 1,
  },
  {
    what: "a deletion at the tail",
    tamper: ({ tenantId, ids }) =>
      sql("delete from app.audit_log where tenant_id = $1 and id = $2", [tenantId, ids[4]]),
    found: "row_missing",
    row: 4,
  },
  {
    what: "a deletion at the tail with its seals",
    tamper: async ({ tenantId, ids }) => {
      await sql("delete from app.audit_log where tenant_id = $1 and id = any ($2)", [tenantId, ids.slice(3)]);
      await sql("delete from app.audit_seals where tenant_id = $1 and audit_id = any ($2)", [tenantId, ids.slice(3)]);
    },
    found: "tail_missing",
    row: 3,
  },
  {
    what: "a deletion at the tail with its seals and the record of the end",
    tamper: async ({ tenantId, ids, sequences }) => {
      await sql("delete from app.audit_log where tenant_id = $1 and id = any ($2)", [tenantId, ids.slice(3)]);
      await sql("delete from app.audit_seals where tenant_id = $1 and audit_id = any ($2)", [tenantId, ids.slice(3)]);
      await sql(
        "update app.audit_chains c set sequence = $2, hash = (select hash from app.audit_seals s where s.tenant_id = $1 and s.sequence = $2) where tenant_id = $1",
        [tenantId, sequences[2]],
      );
    },
    found: "head_altered",
    row: 2,
  },
  {
    what: "a removed record of the end",
    tamper: ({ tenantId }) => sql("delete from app.audit_chains where tenant_id = $1", [tenantId]),
    found: "head_missing",
    row: 4,
  },
  {
    what: "a chain that is gone as a whole",
    tamper: async ({ tenantId }) => {
      for (const table of tables) await sql(`delete from app.${table} where tenant_id = $1`, [tenantId]);
    },
    found: "chain_missing",
    whole: true,
  },
  {
    what: "an insertion past the sealer",
    tamper: ({ tenantId }) =>
      sql(
        "insert into app.audit_log (tenant_id, at, id, action, resource_type, outcome, actor_type, written_by) values ($1, now(), gen_random_uuid(), 'forged', 'thing', 'success', 'system', null)",
        [tenantId],
      ),
    found: "row_unsealed",
  },
  {
    what: "a swap of two rows",
    tamper: async ({ tenantId, ids }) => {
      const swap =
        "update app.audit_log a set resource_id = b.resource_id, details_digest = b.details_digest from app.audit_log b where a.tenant_id = $1 and b.tenant_id = $1 and ((a.id = $2 and b.id = $3) or (a.id = $3 and b.id = $2))";
      await sql(swap, [tenantId, ids[1], ids[3]]);
    },
    found: "row_altered",
    row: 1,
  },
  {
    what: "a swap of two seals",
    tamper: async ({ tenantId, sequences }) => {
      const move = (from: number, to: number) =>
        sql("update app.audit_seals set sequence = $3 where tenant_id = $1 and sequence = $2", [tenantId, from, to]);
      const [, a = 0, , b = 0] = sequences;
      await move(a, 1_000_000);
      await move(b, a);
      await move(1_000_000, b);
    },
    found: "seal_altered",
    row: 1,
  },
  {
    what: "a splice from another chain",
    tamper: async ({ tenantId, ids, sequences }) => {
      const from = tenantId === other ? SYSTEM_TENANT_ID : other;
      await sql("delete from app.audit_log where tenant_id = $1 and id = $2", [tenantId, ids[2]]);
      await sql("delete from app.audit_seals where tenant_id = $1 and audit_id = $2", [tenantId, ids[2]]);
      await sql(
        "insert into app.audit_log select ($1::uuid), (l).at, (l).id, (l).action, (l).resource_type, (l).resource_id, (l).outcome, (l).actor_type, (l).actor_id, (l).actor_name, (l).address, (l).request_id, (l).occurrences, (l).detail, (l).details_digest, (l).written_by from (select l from app.audit_log l where tenant_id = $2 order by at desc limit 1) x",
        [tenantId, from],
      );
      await sql(
        "insert into app.audit_seals select $1::uuid, $3, (s).audit_id, (s).at, (s).row_digest, (s).hash, (s).key_id, (s).batch, (s).not_before, (s).sealed_at from (select s from app.audit_seals s where tenant_id = $2 order by at desc limit 1) x",
        [tenantId, from, sequences[2]],
      );
    },
    found: "seal_altered",
    row: 2,
  },
  {
    what: "a recomputation of the chain with another key",
    tamper: async (chain) => {
      await column("detail", "'rewritten'")(chain);
      await recompute(chain, Buffer.alloc(32, 7));
    },
    found: "key_unknown",
  },
  {
    what: "a recomputation of the chain with the key",
    tamper: async (chain) => {
      await column("detail", "'rewritten'")(chain);
      await recompute(chain, await ownKey());
    },
    found: "checkpoint_differs",
    row: 4,
    checkpoints: true,
  },
  {
    what: "a tail cut off with the key",
    tamper: async (chain) => {
      await sql("delete from app.audit_log where tenant_id = $1 and id = $2", [chain.tenantId, chain.ids[4]]);
      await recompute(chain, await ownKey());
    },
    found: "checkpoint_differs",
    row: 4,
    checkpoints: true,
  },
];

describe.each(["a tenant's chain", "the system's own chain"])("%s", (which) => {
  let chain: Case;
  let restore: () => Promise<void>;
  const scope = () => ({ tenantId: chain.tenantId === SYSTEM_TENANT_ID ? "system" : chain.tenantId });

  beforeAll(async () => {
    const tenantId = which === "a tenant's chain" ? (await server.provision()).id : null;
    const ids = await writeRows(server, tenantId, 5);
    await seal(server);
    const id = tenantId ?? SYSTEM_TENANT_ID;
    const rows = await sql(
      "select audit_id, sequence::int from app.audit_seals where tenant_id = $1 and audit_id = any ($2) order by sequence",
      [id, ids],
    );
    expect(rows.map(({ audit_id }) => audit_id)).toEqual(ids);
    chain = { tenantId: id, ids, sequences: rows.map(({ sequence }) => sequence) };
    file = await checkpoint(server);
    restore = await keeping(id);
  });

  test("holds as it was written, with its checkpoints", async () => {
    const { result, problems } = await verify(server, scope(), file);
    expect(problems).toEqual([]);
    expect(result).toMatchObject({
      ok: true,
      chains: 1,
      keyKept: "database",
      checkpoints: { statements: 1, heads: 1 },
    });
    expect(result.rows).toBeGreaterThanOrEqual(5);
  });

  test.each(tamperings)("shows $what", async ({ tamper, found, row, checkpoints, whole }) => {
    const check = (lines: string): Promise<Verification> => verify(server, whole ? {} : scope(), lines);
    await tamper(chain);
    if (checkpoints) expect((await check("")).result).toMatchObject({ ok: true });
    const { result, problems } = await check(checkpoints ? file : "");
    await restore();
    expect(result.ok).toBe(false);
    const [problem] = problems.filter(({ tenantId }) => (tenantId ?? SYSTEM_TENANT_ID) === chain.tenantId);
    expect(problem).toMatchObject({
      problem: found,
      what: expect.stringMatching(/./),
      ...(row === undefined ? {} : { sequence: chain.sequences[row] }),
      // What is no longer there, or in another's place, has no name or another one.
      ...(row !== undefined && /^(row|details)_/.test(found) ? { auditId: chain.ids[row] } : {}),
    });
    const again = await verify(server, {}, file);
    expect(again.problems).toEqual([]);
  });
});
