import { exitCodes, type ResultOf, type Routes } from "@tenantctl/contract";

export type Status = ResultOf<Routes["status.get"]>;
export type Health = ResultOf<Routes["health.get"]>;
export type Attention = Status["needsAttention"][number];

/** What asking about the system gave: all of it, its health alone, or nothing. */
export type Reading =
  | { readonly kind: "status"; readonly status: Status; readonly text: string }
  | {
      readonly kind: "health";
      readonly health: Health;
      /** Why there is no more, and what to do about it. */
      readonly why: string;
      readonly next: string | undefined;
      /** There are credentials, and they were refused: whoever relies on them must hear. */
      readonly refused: boolean;
    }
  | { readonly kind: "nothing"; readonly why: string; readonly next: string; readonly error: Error };

/** What needs a person where the API could not say it itself. */
const ofHealth = ({ status, database, migrations }: Health): Attention[] => {
  if (status === "ok") return [];
  const item = (what: string, next: string): Attention => ({ what, next, severity: "critical", since: null });
  if (!database.reachable)
    return [
      item("the database does not answer", "check that PostgreSQL runs and takes connections; the API finds it again"),
    ];
  if (migrations === "pending") return [item("the database lacks migrations of this version", "tenantctl migrate")];
  return [item(`the system is ${status}`, "read the API's log")];
};

export const attentionOf = (reading: Reading): readonly Attention[] => {
  if (reading.kind === "status") return reading.status.needsAttention;
  if (reading.kind === "health") return ofHealth(reading.health);
  return [{ what: reading.why, next: reading.next, severity: "critical", since: null }];
};

/** The same shape whatever is known: `needsAttention` is always there, `health` is null where nothing answers. */
export const jsonOf = (reading: Reading): string => {
  if (reading.kind === "status") return reading.text;
  const needsAttention = attentionOf(reading);
  const health = reading.kind === "health" ? reading.health : null;
  return JSON.stringify({ needsAttention, needsAttentionTotal: needsAttention.length, health });
};

/** 10 when something needs a person, 9 when nothing answers, 4 when the login is refused and so less is known than was meant. */
export const exitOf = (reading: Reading): number => {
  if (reading.kind === "nothing") return exitCodes.unreachable;
  if (attentionOf(reading).length > 0) return exitCodes.problemFound;
  return reading.kind === "health" && reading.refused ? exitCodes.denied : exitCodes.done;
};
