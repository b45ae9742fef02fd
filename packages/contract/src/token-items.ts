import type { CheckItem } from "./schemas/check.ts";
import { readAccessToken, readApiToken, type Sha256, tokenKindOf } from "./token-form.ts";

/** The claims of an access token, in the order in which they are shown, and what they mean. */
const claimNames = [
  ["role", "role"],
  ["name", "account"],
  ["sub", "account id"],
  ["tid", "tenant id"],
  ["sid", "session id"],
  ["iat", "issued"],
  ["exp", "expires"],
  ["iss", "issuer"],
  ["aud", "audience"],
  ["jti", "token id"],
  ["pwc", "must change password"],
] as const;

const seconds = new Set(["iat", "exp"]);
const longest = 200;

export const epochText = (value: number): string => {
  const time = new Date(value * 1000);
  return Number.isNaN(time.getTime()) ? String(value) : `${time.toISOString().slice(0, 19).replace("T", " ")} UTC`;
};

const valueText = (name: string, value: unknown): string =>
  seconds.has(name) && typeof value === "number" ? epochText(value) : String(value).slice(0, longest);

const claimLines = (claims: Readonly<Record<string, unknown>>): string[] =>
  claimNames.flatMap(([name, title]) =>
    claims[name] === undefined ? [] : [`${title}: ${valueText(name, claims[name])}`],
  );

const expiryItem = (exp: unknown, nowMs: number): CheckItem => {
  const base = { id: "expiry", title: "It has not expired" };
  if (typeof exp !== "number")
    return {
      ...base,
      result: "problem",
      evidence: ["it says no expiry: no server of ours takes it"],
      next: "tenantctl login",
    };
  const left = Math.round(exp - nowMs / 1000);
  if (left > 0)
    return { ...base, result: "ok", evidence: [`good for ${left} seconds more, until ${epochText(exp)}`], next: null };
  return {
    ...base,
    result: "problem",
    evidence: [`expired ${epochText(exp)}, ${-left} seconds ago; access tokens live for minutes and are refreshed`],
    next: "tenantctl login",
  };
};

const formItem = (result: CheckItem["result"], line: string, next: string | null): CheckItem => ({
  id: "form",
  title: "It is a token, whole",
  result,
  evidence: [line],
  next,
});

const accessItems = (token: string, nowMs: number): CheckItem[] => {
  const read = readAccessToken(token);
  if (read === undefined)
    return [
      formItem(
        "problem",
        "it looks like an access token and can't be decoded: it is cut or mistyped",
        "copy it again, whole",
      ),
    ];
  const { header, claims } = read;
  const whose = claims.role === "operator" ? "an operator's" : "a tenant user's";
  return [
    formItem(
      "ok",
      `an access token, ${whose}, signed with ${valueText("alg", header.alg)}, key ${valueText("kid", header.kid)}`,
      null,
    ),
    { id: "claims", title: "What it says", result: "ok", evidence: claimLines(claims), next: null },
    expiryItem(claims.exp, nowMs),
  ];
};

const notSent = {
  refresh: "a refresh token: it is exchanged at POST /api/auth/refresh and is not sent with requests",
  reset: "a reset secret: it is redeemed once, with `tenantctl redeem`, and is not sent with requests",
} as const;

/** All that a token tells without a server: its kind, its checksum or claims, its expiry by this clock. */
export const tokenItems = (token: string, sha256: Sha256, nowMs: number): CheckItem[] => {
  const kind = tokenKindOf(token);
  if (kind === undefined)
    return [
      formItem(
        "problem",
        "neither an access token nor one that begins with tctl_",
        "tenantctl login, or tenantctl tokens create",
      ),
    ];
  if (kind === "access") return accessItems(token, nowMs);
  if (kind !== "api")
    return [formItem("problem", notSent[kind], kind === "reset" ? "tenantctl redeem" : "tenantctl login")];
  const read = readApiToken(token, sha256);
  if (read === undefined)
    return [
      formItem(
        "problem",
        "it begins with tctl_ and its checksum is wrong: it is cut or mistyped",
        "copy it again, whole",
      ),
    ];
  return [
    formItem(
      "ok",
      `a tctl_ token, ${read.tenantId === null ? "an operator's" : `of the tenant ${read.tenantId}`}; its checksum is right`,
      null,
    ),
  ];
};
