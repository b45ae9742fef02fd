/** From best to worst, but for `needs_person`: nothing is known to be wrong, and only a person can tell. */
export const checkResults = ["ok", "needs_person", "warning", "problem"] as const;
export type CheckResult = (typeof checkResults)[number];
