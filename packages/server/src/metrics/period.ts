import { ContractError } from "@tenantctl/contract";

export interface Period {
  readonly since: Date;
  readonly until: Date;
  readonly stepMinutes: number;
}

const minuteMs = 60_000;
const dayMinutes = 24 * 60;
const dayMs = dayMinutes * minuteMs;
const keptDays = 400;
const lastTime = Date.UTC(9999, 11, 31);
const mostPoints = 2000;

/** What is older is kept in coarser buckets: by the hour, then by the day. */
const coarser = [
  { olderThanDays: 35, minutes: dayMinutes, kept: "by the day (UTC)" },
  { olderThanDays: 2, minutes: 60, kept: "by the hour" },
];

const invalid = (detail: string, hint: string): ContractError => new ContractError("invalid_request", detail, hint);

const timeOf = (text: string | undefined, fallback: number): number => {
  const time = text === undefined ? fallback : Date.parse(text);
  if (Number.isNaN(time)) throw invalid(`${text} is no time.`, "Write it as 2026-01-31T12:00:00Z.");
  return time;
};

/**
 * The time that is asked about: the last 24 hours in steps of an hour unless said. It begins at a whole minute, or at a
 * whole hour or day where use is kept in those by now; then no smaller step can be asked for. Throws invalid_request.
 */
export const periodOf = (query: { since?: string; until?: string; stepMinutes?: number }): Period => {
  const now = Date.now();
  const until = timeOf(query.until, now);
  const asked = timeOf(query.since, until - dayMs);
  const kept = coarser.find(({ olderThanDays }) => asked < now - olderThanDays * dayMs);
  const bucketMs = (kept?.minutes ?? 1) * minuteMs;
  const since = Math.floor(asked / bucketMs) * bucketMs;
  const { stepMinutes = Math.max(60, kept?.minutes ?? 0) } = query;
  // Times are written with a year of four digits.
  if (since < 0 || until > lastTime) throw invalid("That is no time this system has seen.", "Ask for a later `since`.");
  if (since >= until) throw invalid("`since` is not before `until`.", "Swap them, or leave `until` out.");
  if (until - since > (keptDays + 1) * dayMs) {
    throw invalid(
      `More than ${keptDays} days were asked for.`,
      `Ask for a shorter time; use is kept for ${keptDays} days.`,
    );
  }
  if (kept !== undefined && stepMinutes % kept.minutes !== 0) {
    throw invalid(
      `What is older than ${kept.olderThanDays} days is kept ${kept.kept}.`,
      `Ask for a \`stepMinutes\` of ${kept.minutes} or a multiple of it, or for a later \`since\`.`,
    );
  }
  if ((until - since) / (stepMinutes * minuteMs) > mostPoints) {
    throw invalid(`That would be more than ${mostPoints} points.`, "Ask for a larger `stepMinutes`.");
  }
  return { since: new Date(since), until: new Date(until), stepMinutes };
};
