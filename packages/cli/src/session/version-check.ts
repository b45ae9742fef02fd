import { version } from "@tenantctl/contract";

const numbers = (text: string): [number, number] | undefined => {
  const [, major, minor] = /^(\d{1,6})\.(\d{1,6})\./.exec(text) ?? [];
  return major === undefined || minor === undefined ? undefined : [Number(major), Number(minor)];
};

/** "older" where the API is older than this CLI, "newer" where it is newer; patches don't count. */
export const apiAge = (apiVersion: string | null, own: string = version): "same" | "older" | "newer" => {
  const theirs = apiVersion === null ? undefined : numbers(apiVersion);
  const ours = numbers(own);
  if (theirs === undefined || ours === undefined) return "same";
  const difference = theirs[0] - ours[0] || theirs[1] - ours[1];
  return difference === 0 ? "same" : difference < 0 ? "older" : "newer";
};

/** The sentence for stderr where the two don't fit. */
export const versionNote = (apiVersion: string | null): string | undefined => {
  const age = apiAge(apiVersion);
  if (age === "same") return undefined;
  return age === "older"
    ? `note: the API (${apiVersion}) is older than this tenantctl (${version}); newer steps will not work until it is upgraded.`
    : `note: this tenantctl (${version}) is older than the API (${apiVersion}); upgrade it to see all that the API can do.`;
};
