import type { CheckCadence } from "@tenantctl/contract";

interface Rhythm {
  /** How far back the first run looks. */
  readonly days: number;
  /** Hours after which the next run is overdue: what a weekend or a late start explains is not. */
  readonly dueHours: number;
}

/** When each checklist should be run. */
export const cadences: Readonly<Record<CheckCadence, Rhythm>> = {
  daily: { days: 1, dueHours: 30 },
  weekly: { days: 7, dueHours: 8 * 24 },
  monthly: { days: 30, dueHours: 33 * 24 },
};
