import { minute, plural } from "../checks/wording.ts";
import type { FoundTenant } from "../tenants/find-tenant.ts";
import { type Finding, shellWord } from "./diagnosis.ts";
import type { LoginFacts, Throttle } from "./login-facts.ts";

interface Maintenance {
  readonly mode: string;
  readonly reason: string | null;
  readonly endsAt: string | null;
}

/** Whether a tenant is served, beside its status. */
export interface Serving {
  readonly statusReason: string | null;
  readonly statusChangedAt: string;
  /** null: none stands. */
  readonly ownMaintenance: Maintenance | null;
  readonly systemMaintenance: Maintenance | null;
}

/** Whose login is looked at. */
export interface LoginSubject {
  readonly tenant: FoundTenant & Serving;
  readonly email: string;
  readonly facts: LoginFacts;
}

/** Days after which a password is old enough to have been forgotten. */
const oldDays = 365;

/** The command that brings a tenant in this status back; a tenant that serves needs none. */
const wayBack = { suspended: "reactivate", cancelled: "reactivate", deleted: "undelete" } as const;

const tenantFinding = ({ tenant }: LoginSubject): Finding => {
  const { slug, status, hold, statusReason, statusChangedAt } = tenant;
  const base = { id: "tenant", title: "The tenant serves logins" };
  const since = `${slug} is ${status}, since ${minute(statusChangedAt)}${statusReason === null ? "" : `: ${statusReason}`}`;
  if (status !== "active") {
    const next = status === "purged" ? undefined : `tenantctl ${wayBack[status]} ${slug}`;
    return { ...base, result: "problem", evidence: [since], next, because: `the tenant is ${status}` };
  }
  if (hold === null) return { ...base, result: "ok", evidence: [since] };
  return {
    ...base,
    result: "problem",
    evidence: [since, `${hold.kind.replaceAll("_", " ")} holds it: every write of it is refused, logins too`],
    next:
      hold.operationId === undefined ? "tenantctl operations list" : `tenantctl operations show ${hold.operationId}`,
    because: `the tenant is held by a ${hold.kind.replaceAll("_", " ")}`,
  };
};

const maintenanceFinding = ({ tenant: { slug, ownMaintenance, systemMaintenance } }: LoginSubject): Finding => {
  const base = { id: "maintenance", title: "No maintenance is on" };
  const standing = [
    { what: "the system", maintenance: systemMaintenance, next: "tenantctl maintenance off" },
    { what: slug, maintenance: ownMaintenance, next: `tenantctl maintenance off --tenant ${slug}` },
  ].flatMap(({ maintenance, ...place }) => (maintenance === null ? [] : [{ ...place, maintenance }]));
  if (standing.length === 0) return { ...base, result: "ok", evidence: ["neither of the system nor of the tenant"] };
  const evidence = standing.map(
    ({ what, maintenance: { mode, reason, endsAt } }) =>
      `${what} is in maintenance (${mode.replaceAll("_", " ")})${endsAt === null ? "" : ` until ${minute(endsAt)}`}${reason === null ? "" : `: ${reason}`}`,
  );
  const closed = standing.find(({ maintenance }) => maintenance.mode !== "read_only");
  if (closed !== undefined)
    return { ...base, result: "problem", evidence, next: closed.next, because: `${closed.what} is in maintenance` };
  return {
    ...base,
    result: "warning",
    evidence: [...evidence, "logins work; changes are refused"],
    next: standing[0]?.next,
  };
};

const unknownAccount = ({ tenant, email, facts }: LoginSubject): Finding => {
  const { elsewhere, isOperator, alike } = facts;
  const [other] = elsewhere;
  return {
    id: "account",
    title: "The account exists and is open",
    result: "problem",
    evidence: [
      `${tenant.slug} has no user ${email}`,
      ...(alike.length > 0 ? [`it has: ${alike.join(", ")}`] : []),
      ...(elsewhere.length > 0 ? [`this e-mail is a user of: ${elsewhere.map(({ slug }) => slug).join(", ")}`] : []),
      ...(isOperator ? ["this e-mail is an operator's: operators log in without a tenant"] : []),
    ],
    next:
      alike.length === 0 && other !== undefined
        ? `tenantctl diagnose login ${other.slug} --email ${shellWord(email)}`
        : `tenantctl users list ${tenant.slug}`,
    because: `${tenant.slug} has no user with this e-mail`,
  };
};

const accountFinding = (subject: LoginSubject): Finding => {
  const { tenant, email, facts } = subject;
  const { account } = facts;
  if (account === undefined) return unknownAccount(subject);
  const { role, disabledAt, lastLoginAt } = account;
  const base = { id: "account", title: "The account exists and is open" };
  const evidence = [`role ${role}`, lastLoginAt === null ? "never logged in" : `last logged in ${minute(lastLoginAt)}`];
  if (disabledAt === null) return { ...base, result: "ok", evidence };
  return {
    ...base,
    result: "problem",
    evidence: [`disabled since ${minute(disabledAt)}`, ...evidence],
    next: `tenantctl users update ${tenant.slug} ${shellWord(email)} --no-disabled`,
    because: "the account is disabled",
  };
};

const blockOf = ({ network, rule, failures, blockedUntil }: Throttle): string => {
  const where = network === null ? "every address it never logged in from" : network;
  const who = rule === "address" ? `${where}, whatever the account` : where;
  return blockedUntil === null
    ? `${plural(failures, "failed attempt")} within an hour count for ${who}`
    : `refused from ${who} until ${blockedUntil.slice(11, 19)} UTC, after ${plural(failures, "failed attempt")}`;
};

const throttleFinding = ({ tenant, email, facts: { throttles, knownNetworks, account } }: LoginSubject): Finding => {
  const base = { id: "throttling", title: "Failed attempts don't stand in the way" };
  // A network that the account is known from is exempt from what counts for the account and for the network.
  const felt = throttles.filter(
    ({ rule, network }) => rule !== "address" || network === null || !knownNetworks.includes(network),
  );
  const blocks = felt.filter(({ blockedUntil }) => blockedUntil !== null);
  const known =
    knownNetworks.length === 0
      ? []
      : [`known, and exempt from the wider blocks: ${knownNetworks.slice(0, 5).join(", ")}`];
  const evidence = [...felt.map(blockOf), ...known];
  if (blocks.length === 0)
    return { ...base, result: "ok", evidence: evidence.length > 0 ? evidence : ["nothing failed within an hour"] };
  const wait = Math.max(...blocks.map(({ seconds }) => seconds));
  const [block] = blocks;
  // What counts for a network as a whole is lifted by nothing.
  const lifted =
    account !== undefined && blocks.every(({ rule }) => rule !== "address")
      ? [`a new password lifts it at once: tenantctl users reset-password ${tenant.slug} ${shellWord(email)}`]
      : [];
  const where = block?.network === null ? "any address that it never logged in from" : `${block?.network}`;
  return {
    ...base,
    result: "problem",
    evidence: [...evidence, "a block ends by itself; attempts during it don't prolong it", ...lifted],
    next: `wait ${plural(wait, "second")}`,
    because: `too many attempts failed: from ${where} it has to wait until ${block?.blockedUntil?.slice(11, 19)} UTC`,
  };
};

const passwordFinding = ({ tenant, email, facts: { account } }: LoginSubject): Finding[] => {
  if (account === undefined) return [];
  const base = { id: "password", title: "The account has a password" };
  const { hasPassword, mustChangePassword, passwordDays, passwordChangedAt, resetUntil, resetIsOver } = account;
  const reset =
    resetUntil === null
      ? []
      : [
          `a reset secret was handed out and not used; it ${resetIsOver ? "ended" : "is good until"} ${minute(resetUntil)}`,
        ];
  const renew = `tenantctl users reset-password ${tenant.slug} ${shellWord(email)}`;
  if (!hasPassword) {
    return [
      {
        ...base,
        result: "problem",
        evidence: ["no password was ever set, or it is not in the backup that this came from", ...reset],
        next: resetUntil !== null && !resetIsOver ? "the user: tenantctl redeem, with the secret" : renew,
        because: "the account has no password",
      },
    ];
  }
  const age =
    passwordChangedAt === null
      ? "never changed since the account was made"
      : `last changed ${minute(passwordChangedAt)}, ${plural(passwordDays ?? 0, "day")} ago`;
  if (mustChangePassword) {
    return [
      {
        ...base,
        result: "warning",
        evidence: [age, "it has to be changed at the next login, and nothing else is allowed before", ...reset],
        next: "the user: tenantctl password",
      },
    ];
  }
  const old = (passwordDays ?? 0) > oldDays ? ["old enough to have been forgotten"] : [];
  return [{ ...base, result: "ok", evidence: [age, ...old, ...reset] }];
};

const failureFinding = ({ tenant, email, facts: { account, failures } }: LoginSubject): Finding => {
  const base = { id: "attempts", title: "Failed logins of 24 hours" };
  if (failures.length === 0) return { ...base, result: "ok", evidence: ["none"] };
  const evidence = failures.map(
    ({ address, detail, times, lastAt, stands }) =>
      `${plural(times, "time")} from ${address ?? "an unknown address"}, last ${minute(lastAt)}: ${detail ?? "refused"}${stands ? "" : "; it has got in since, or has a new password"}`,
  );
  const wrong = account !== undefined && failures.some(({ stands, detail }) => stands && detail === "wrong password");
  return {
    ...base,
    result: wrong ? "needs_person" : "ok",
    evidence,
    next: wrong ? `tenantctl users reset-password ${tenant.slug} ${shellWord(email)}` : undefined,
  };
};

const sessionFinding = ({ facts: { account } }: LoginSubject): Finding[] => {
  if (account === undefined) return [];
  const { sessions, lastEndedAt, lastEndReason } = account;
  const ended =
    lastEndedAt === null
      ? []
      : [`the last one ended ${minute(lastEndedAt)}: ${(lastEndReason ?? "unknown").replaceAll("_", " ")}`];
  return [
    {
      id: "sessions",
      title: "Sessions",
      result: "ok",
      evidence: [`${plural(sessions, "session")} open now`, ...ended],
    },
  ];
};

/** Everything that decides about a login, in the order in which the server asks. */
export const loginFindings = (subject: LoginSubject): Finding[] => [
  tenantFinding(subject),
  maintenanceFinding(subject),
  accountFinding(subject),
  throttleFinding(subject),
  ...passwordFinding(subject),
  failureFinding(subject),
  ...sessionFinding(subject),
];
