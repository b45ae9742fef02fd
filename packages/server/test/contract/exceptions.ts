import type { RouteId } from "@tenantctl/contract";

/** The rules that every route keeps, by the test that checks them. */
export type Rule =
  | "a mutation declares its audit row"
  | "a read writes no audit row"
  | "the audit row is of the route's resource type"
  | "an id that is not there is not found"
  | "the system is no tenant";

export interface Exception {
  readonly route: RouteId;
  readonly rule: Rule;
  readonly why: string;
}

/** Every exception from the walked rules. This list may only shrink: one that is not needed fails the walk. */
export const exceptions: readonly Exception[] = [
  {
    route: "auth.refresh",
    rule: "a mutation declares its audit row",
    why: "It happens every few minutes per session and changes nothing that anybody decided; a replay, which ends the session, is audited.",
  },
  {
    route: "backups.renew",
    rule: "a mutation declares its audit row",
    why: "It happens several times a minute during a backup; taking the lock and giving it back are audited.",
  },
  {
    route: "backups.renew",
    rule: "an id that is not there is not found",
    why: "A lock that ran out and one that never was are the same to its caller: the run has to stop.",
  },
  {
    route: "backups.release",
    rule: "an id that is not there is not found",
    why: "A lock that ran out and one that never was are the same to its caller: the run has to stop.",
  },
  {
    route: "tenants.export",
    rule: "a read writes no audit row",
    why: "A tenant's whole data leaves: who took it has to be on record.",
  },
  {
    route: "backups.archive",
    rule: "a read writes no audit row",
    why: "A tenant's whole data leaves, hashes too: who took it has to be on record.",
  },
  {
    route: "backups.archives",
    rule: "a read writes no audit row",
    why: "Tenants' whole data leaves: each has it on record who took it.",
  },
  {
    route: "backups.systemArchive",
    rule: "a read writes no audit row",
    why: "The operators and the whole log leave: who took them has to be on record.",
  },
  {
    route: "audit.verify",
    rule: "the system is no tenant",
    why: "The rows about no tenant are a chain like any other, and can be asked for by themselves.",
  },
  {
    route: "auth.password",
    rule: "the audit row is of the route's resource type",
    why: "An operator changes an operator's password, not a user's.",
  },
];

const needed = new Set<Exception>();

/** Whether the route is excepted from the rule; asked only where the rule does not hold. */
export const isExcepted = (route: RouteId, rule: Rule): boolean => {
  const found = exceptions.find((exception) => exception.route === route && exception.rule === rule);
  if (found !== undefined) needed.add(found);
  return found !== undefined;
};

/** Exceptions from these rules that nobody has asked for so far. */
export const unneeded = (rules: readonly Rule[]): readonly Exception[] =>
  exceptions.filter((exception) => rules.includes(exception.rule) && !needed.has(exception));
