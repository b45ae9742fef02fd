/** What a runbook is for. */
export const incidentKinds = ["system-down", "data-breach", "data-loss"] as const;
export type IncidentKind = (typeof incidentKinds)[number];

/** One step of the guide's emergency procedures. */
export interface RunbookStep {
  /** Names it at the command line and in the timeline. */
  readonly id: string;
  /** Its words in the guide. */
  readonly guideLine: string;
  /** What is done, for people. */
  readonly title: string;
  /** safe: `--auto` runs it. asks: it is run when somebody says so. Without either a person does it and says so. */
  readonly automatic?: "safe" | "asks";
  /** The command that does the same by hand; `ID` stands for the incident, `TENANT` for each tenant of it. */
  readonly command: string;
}

/** The guide's emergency procedures as data: the same table runs them, records them and documents them. */
export const runbooks: Readonly<Record<IncidentKind, readonly RunbookStep[]>> = {
  "system-down": [
    {
      id: "server",
      guideLine: "Check server status",
      title: "Ask the API whether it lives and is ready",
      automatic: "safe",
      command: "tenantctl status",
    },
    {
      id: "database",
      guideLine: "Check database connectivity",
      title: "Connect to the database; look at locks, connections and disk",
      automatic: "safe",
      command: "tenantctl incident step ID database --again",
    },
    {
      id: "errors",
      guideLine: "Review error logs",
      title: "List what went wrong within a day, grouped",
      automatic: "safe",
      command: "tenantctl logs errors --since 24h",
    },
    {
      id: "restart",
      guideLine: "Restart services if needed",
      title: "Restart what is down, by your own hook or by hand",
      automatic: "asks",
      command: "tenantctl incident step ID restart --allow-restart",
    },
    {
      id: "notify",
      guideLine: "Notify stakeholders",
      title: "Tell the contacts on call, for escalation and for emergencies",
      automatic: "safe",
      command: "tenantctl contacts list",
    },
  ],
  "data-breach": [
    {
      id: "suspend",
      guideLine: "IMMEDIATE: Suspend affected tenants",
      title: "Suspend the tenants, and try their sessions and tokens",
      automatic: "safe",
      command: "tenantctl suspend TENANT --reason 'data breach'",
    },
    {
      id: "preserve",
      guideLine: "Preserve audit logs",
      title: "Hold data and audit log, and seal the evidence",
      automatic: "safe",
      command: "tenantctl hold set TENANT --reason 'data breach'",
    },
    {
      id: "notify",
      guideLine: "Notify security team",
      title: "Tell the contacts for security",
      automatic: "safe",
      command: "tenantctl contacts list",
    },
    {
      id: "scope",
      guideLine: "Investigate scope",
      title: "Sum up who read what, by actor, address and time",
      automatic: "safe",
      command: "tenantctl logs access TENANT --since 30d --by actor",
    },
    {
      id: "document",
      guideLine: "Document incident",
      title: "Write the post-incident document",
      command: "tenantctl incident export ID -f incident.html",
    },
  ],
  "data-loss": [
    {
      id: "stop",
      guideLine: "Stop all operations",
      title: "Switch maintenance on for the tenants",
      automatic: "asks",
      command: "tenantctl maintenance on",
    },
    {
      id: "affected",
      guideLine: "Identify affected tenants",
      title: "Compare each tenant with its newest verified backup",
      automatic: "safe",
      command: "tenantctl restore TENANT --diff",
    },
    {
      id: "restore",
      guideLine: "Restore from backup",
      title: "Restore each tenant in place, its slug typed",
      automatic: "asks",
      command: "tenantctl restore TENANT --in-place",
    },
    {
      id: "verify",
      guideLine: "Verify data integrity",
      title: "Compare the tenants with what was restored, and verify the audit log",
      automatic: "safe",
      command: "tenantctl audit verify --tenant TENANT",
    },
    {
      id: "resume",
      guideLine: "Resume operations",
      title: "Switch maintenance off",
      automatic: "asks",
      command: "tenantctl maintenance off",
    },
  ],
};

export const entryKinds = ["started", "done", "failed", "skipped", "note", "closed"] as const;
export type EntryKind = (typeof entryKinds)[number];

/** For so long a step that was begun is its operator's; then anybody may go on with it. */
export const claimMinutes = 15;

/** As much of an entry as the state of its step depends on. */
export interface StepEntry {
  readonly kind: EntryKind;
  readonly step: string | null;
  readonly at: string;
  readonly by: string | null;
  readonly text: string | null;
  readonly item: { readonly result: string } | null;
  readonly claimedUntil: string | null;
}

/** interrupted: begun, and nobody has it any more. person: run, and only a person can say that it is done. */
export const stepStates = ["pending", "running", "interrupted", "failed", "person", "done", "skipped"] as const;
export type StepState = (typeof stepStates)[number];

const stateAfter = ({ kind, item, claimedUntil }: StepEntry, now: number): StepState => {
  switch (kind) {
    case "started":
      return claimedUntil !== null && Date.parse(claimedUntil) > now ? "running" : "interrupted";
    case "done":
      return item?.result === "needs_person" ? "person" : "done";
    case "failed":
      return "failed";
    case "skipped":
      return "skipped";
    default:
      return "pending";
  }
};

/** Where each step of a runbook stands, from the timeline in its order. */
export const stepsOf = (kind: IncidentKind, entries: readonly StepEntry[], now: number) =>
  runbooks[kind].map(({ id, guideLine, title }) => {
    const last = entries.filter((entry) => entry.step === id && entry.kind !== "note").at(-1);
    return {
      id,
      guideLine,
      title,
      state: last === undefined ? ("pending" as const) : stateAfter(last, now),
      by: last?.by ?? null,
      at: last?.at ?? null,
      claimedUntil: last?.kind === "started" ? last.claimedUntil : null,
    };
  });

/** Whether nothing more is to be done about a step. */
export const isSettled = (state: StepState): boolean => state === "done" || state === "skipped";
