const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const apiForm = /^tctl_(?:([0-9a-f]{32})_)?([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/;

/** Makes the SHA-256 digest of a text: given from outside, since this package runs anywhere. */
export type Sha256 = (text: string) => Uint8Array;

/** The last six characters of a `tctl_` token: they tell a mistyped or cut token from a wrong one, and are no secret. */
export const apiTokenChecksum = (body: string, sha256: Sha256): string =>
  Array.from(sha256(`tenantctl token checksum:${body}`).subarray(0, 6), (byte) => alphabet[byte % 62]).join("");

const asUuid = (hex: string): string => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");

/** What a `tctl_` token says about itself, or undefined where it is mistyped or cut. `tenantId` null: an operator's. */
export const readApiToken = (token: string, sha256: Sha256): { tenantId: string | null } | undefined => {
  const [, tenant, , sum] = apiForm.exec(token) ?? [];
  if (sum === undefined || apiTokenChecksum(token.slice(0, -6), sha256) !== sum) return undefined;
  return { tenantId: tenant === undefined ? null : asUuid(tenant) };
};

const forms = [
  { kind: "api", form: /^tctl_/ },
  { kind: "refresh", form: /^refresh_/ },
  { kind: "reset", form: /^reset_/ },
  { kind: "access", form: /^[\w-]+\.[\w-]+\.[\w-]*$/ },
] as const;

/** What kind of token a text is by its looks. */
export const tokenKindOf = (text: string): (typeof forms)[number]["kind"] | undefined =>
  forms.find(({ form }) => form.test(text))?.kind;

/** A part of an access token as the object that it encodes, unverified; undefined where it is none. */
const decoded = (part: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const bytes = Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
};

/** What an access token says about itself; whether that is true only the server's keys can tell. */
export const readAccessToken = (
  token: string,
): { header: Readonly<Record<string, unknown>>; claims: Readonly<Record<string, unknown>> } | undefined => {
  const [head = "", body = ""] = token.split(".");
  const [header, claims] = [decoded(head), decoded(body)];
  return header === undefined || claims === undefined ? undefined : { header, claims };
};
