import type { Readable } from "node:stream";
import { AuditCheckpoint } from "@tenantctl/contract";
import { build, type Snapshot, sql } from "@tenantctl/database";
import { Ajv } from "ajv";
import formats from "ajv-formats";
import type { AuditKeys } from "./audit-keys.ts";
import { type Checkpoint, isSigned } from "./checkpoint.ts";
import { type Problem, problemOf } from "./verify-chain.ts";

export interface CheckedCheckpoints {
  /** Lines of any kind. */
  lines: number;
  statements: number;
  heads: number;
  beforeRetention: number;
  until: string | null;
}

/** A line with 500 heads has some 50 KB; what is longer is no statement of ours. */
const longestLine = 1_000_000;

interface Stated {
  readonly tenant_id: string;
  readonly sequence: number;
  readonly stated: string;
  readonly hash: string | null;
  readonly audit_id: string | null;
  readonly at: string | null;
  readonly last: number | null;
  readonly base: number | null;
  readonly base_hash: string | null;
}

/** Each stated end beside what the chain has in its place now. */
const asTheyAre = ({ heads }: Checkpoint, tenantId: string | undefined) => {
  const stated = heads.map(([tenant_id, sequence, hash]) => ({ tenant_id, sequence, hash }));
  return sql<Stated>`select h.tenant_id, h.sequence, h.hash as stated, encode(s.hash, 'hex') as hash, s.audit_id,
      to_char(s.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, c.sequence as last, c.base_sequence as base,
      encode(c.base_hash, 'hex') as base_hash
    from json_to_recordset(${JSON.stringify(stated)}::json) as h(tenant_id uuid, sequence int8, hash text)
    left join app.audit_chains c on c.tenant_id = h.tenant_id
    left join app.audit_seals s on s.tenant_id = h.tenant_id and s.sequence = h.sequence
    ${tenantId === undefined ? sql`` : sql`where h.tenant_id = ${tenantId}::uuid`}
    order by h.tenant_id, h.sequence`.compile(build);
};

const ajv = new Ajv({ strict: true, strictTypes: false, strictTuples: false });
formats.default(ajv, ["date-time"]);
const isCheckpoint = ajv.compile<Checkpoint>(AuditCheckpoint);

const parse = (line: string): Checkpoint | undefined => {
  try {
    const value: unknown = JSON.parse(line);
    return isCheckpoint(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

/** The lines of a file; one that is too long comes cut, which makes it unreadable. */
async function* linesOf(file: Readable): AsyncGenerator<string> {
  let begun = "";
  for await (const piece of file.setEncoding("utf8") as AsyncIterable<string>) {
    const lines = piece.split("\n");
    for (const [index, part] of lines.entries()) {
      if (begun.length <= longestLine) begun += part;
      if (index === lines.length - 1) break;
      yield begun;
      begun = "";
    }
  }
  if (begun !== "") yield begun;
}

const hexOf = (text: string): string => Buffer.from(text, "base64url").toString("hex");

const judge = (head: Stated, made: string): Problem | "agrees" | "beforeRetention" => {
  const { tenant_id, sequence, last, base } = head;
  const differs = (what: string, at: number, row = false): Problem =>
    problemOf(tenant_id, "checkpoint_differs", `${what} (checkpoint of ${made})`, {
      sequence: at,
      ...(row ? { auditId: head.audit_id, at: head.at } : {}),
    });
  if (last === null || base === null) return differs(`the whole chain is gone; it had ${sequence} rows`, 1);
  if (sequence < base) return "beforeRetention";
  if (sequence > last) return differs(`the chain ends at ${last}; it had ${sequence} rows`, last + 1);
  const hash = sequence === base ? head.base_hash : head.hash;
  if (hash === null) return differs("the seal is gone", sequence);
  return hash === hexOf(head.stated)
    ? "agrees"
    : differs("the chain up to here is another one than was sealed then", sequence, true);
};

/**
 * Holds the chains against a file of checkpoints, line by line, oldest first; one problem per chain. What is signed with a
 * key that is not here proves nothing, and is a problem: a changed key would hide a chain that was sealed anew.
 */
export async function* verifyCheckpoints(
  file: Readable,
  snapshot: Snapshot,
  keys: AuditKeys,
  tenantId: string | undefined,
  checked: CheckedCheckpoints,
): AsyncGenerator<Problem> {
  const bad = new Set<string>();
  const ours = new Set(keys.all.map(({ publicKey }) => publicKey));
  for await (const line of linesOf(file)) {
    checked.lines += 1;
    const number = checked.lines;
    if (line.trim() === "") continue;
    const statement = parse(line);
    if (statement === undefined || !isSigned(statement)) {
      const what = statement === undefined ? "is no checkpoint, or cut off" : "is not as it was signed";
      yield problemOf(null, "checkpoint_unreadable", `line ${number} of the checkpoints ${what}`);
      continue;
    }
    checked.statements += 1;
    if (checked.until === null || statement.at > checked.until) checked.until = statement.at;
    if (!ours.has(statement.publicKey)) {
      const key = `key ${statement.publicKey}`;
      if (!bad.has(key)) {
        bad.add(key);
        yield problemOf(
          null,
          "key_unknown",
          `line ${number} of the checkpoints was signed with another key (public half ${statement.publicKey})`,
        );
      }
    }
    for (const head of await snapshot.run(asTheyAre(statement, tenantId))) {
      if (bad.has(head.tenant_id)) continue;
      const found = judge(head, statement.at);
      if (found === "agrees") checked.heads += 1;
      else if (found === "beforeRetention") checked.beforeRetention += 1;
      else {
        bad.add(head.tenant_id);
        yield found;
      }
    }
  }
}
