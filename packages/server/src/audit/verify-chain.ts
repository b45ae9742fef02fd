import type { auditProblems } from "@tenantctl/contract";
import { SYSTEM_TENANT_ID } from "@tenantctl/database";
import type { AuditKeys } from "./audit-keys.ts";
import { genesis, type Head, headProof, type Seal, sameHex, sealHash } from "./chain.ts";
import { rowDigest, type SealedRow } from "./sealed-row.ts";

export interface Problem {
  readonly type: "problem";
  readonly problem: (typeof auditProblems)[number];
  readonly tenantId: string | null;
  readonly sequence: number | null;
  readonly auditId: string | null;
  readonly at: string | null;
  readonly what: string;
}

/** A seal with the row that it seals, where that is there. */
export interface CheckedSeal extends Seal, Omit<SealedRow, "tenant_id" | "at" | "id"> {
  readonly present: boolean;
  /** Whether the details are those that the row was written with; null: they are gone, or there were none. */
  readonly details_match: boolean | null;
  /** The hash of the seal before, where that is not read itself. */
  readonly previous: string | null;
}

/** A row that was written so long before it became visible took no transaction of ours: none lasts as long. */
const longestTransactionMs = 15 * 60_000;

type Place = Partial<Pick<Problem, "sequence" | "auditId" | "at">>;

export const problemOf = (
  tenantId: string | null,
  problem: Problem["problem"],
  what: string,
  { sequence = null, auditId = null, at = null }: Place = {},
): Problem => ({
  type: "problem",
  problem,
  tenantId: tenantId === SYSTEM_TENANT_ID ? null : tenantId,
  sequence,
  auditId,
  at,
  what,
});

export interface ChainCheck {
  /** The next seal in the order of their sequence. */
  add(seal: CheckedSeal): void;
  /** What is wrong first in this chain; asked once, at its end. */
  end(): Problem | undefined;
}

/**
 * Checks one chain, seal by seal. `head` is where the database says that it ends. Rows from before `droppedBefore` may be
 * gone. `begun`: what lies before the first seal given is taken on trust.
 */
export const checkChain = (
  tenantId: string,
  head: Head | undefined,
  { keys, droppedBefore, begun }: { keys: AuditKeys; droppedBefore: string | null; begun: boolean },
): ChainCheck => {
  let found: Problem | undefined;
  let unknownKey: Problem | undefined;
  let first = true;
  let sequence = head?.base_sequence ?? 0;
  let hash = head?.base_hash ?? genesis;

  const say = (problem: Problem["problem"], what: string, place: Place): void => {
    found ??= problemOf(tenantId, problem, what, place);
  };

  const checkRow = (seal: CheckedSeal, place: Place): void => {
    if (!seal.present) {
      if (droppedBefore === null || seal.at >= droppedBefore)
        say("row_missing", "the row is gone, or its id or time was changed", place);
      return;
    }
    if (!sameHex(rowDigest({ ...seal, id: seal.audit_id }), seal.row_digest)) {
      say("row_altered", "the row is not as it was when it was sealed", place);
    }
    if (seal.details_match === false) say("details_altered", "what it says was changed is not what was written", place);
    if (seal.not_before !== null && Date.parse(seal.not_before) - Date.parse(seal.at) > longestTransactionMs) {
      say("row_backdated", `the row was not there yet at ${seal.not_before}, long after its own time`, place);
    }
  };

  return {
    add: (seal) => {
      const place = { sequence: seal.sequence, auditId: seal.audit_id, at: seal.at };
      if (begun && first) {
        sequence = seal.sequence - 1;
        hash = seal.previous ?? hash;
      }
      first = false;
      // Behind the first fault nothing more is said of a chain.
      if (found !== undefined) return;
      if (seal.sequence !== sequence + 1) {
        say("seal_missing", `the seals from ${sequence + 1} to ${seal.sequence - 1} are gone`, {
          sequence: sequence + 1,
        });
        return;
      }
      const key = keys.find(seal.key_id);
      if (key === undefined) {
        unknownKey ??= problemOf(
          tenantId,
          "key_unknown",
          `sealed with the key ${seal.key_id}, which is not here: give it as an old one in TENANTCTL_AUDIT_KEY`,
          place,
        );
      } else if (!sameHex(sealHash(key, hash, seal), seal.hash)) {
        say("seal_altered", "the seal was not made by this system, or not for this place in the chain", place);
      }
      checkRow(seal, place);
      sequence = seal.sequence;
      hash = seal.hash;
    },
    end: () => {
      if (found !== undefined) return found;
      if (head === undefined)
        return problemOf(tenantId, "head_missing", "the record of where the chain ends is gone", { sequence });
      const proof = headProof(keys, head);
      if (head.suspect !== null) {
        say("head_altered", `behind ${head.suspect} the chain was altered before it was gone on with`, {
          sequence: head.suspect + 1,
        });
      }
      // Nothing new since: with `begun` there was nothing to read.
      const read = !(begun && first);
      if (read && sequence < head.sequence) {
        say("tail_missing", `the chain ends at ${sequence}; it went on to ${head.sequence}`, {
          sequence: sequence + 1,
        });
      }
      if (proof === "altered" || (read && (sequence !== head.sequence || hash !== head.hash))) {
        say("head_altered", "the record of where the chain ends is not as the sealer left it", {
          sequence: head.sequence,
        });
      }
      if (proof === "unknown") {
        unknownKey ??= problemOf(
          tenantId,
          "key_unknown",
          `its end was recorded with the key ${head.key_id}, which is not here: give it as an old one in TENANTCTL_AUDIT_KEY`,
          { sequence: head.sequence },
        );
      }
      return found ?? unknownKey;
    },
  };
};
