import { lookup } from "node:dns/promises";
import { type BlockList, isIP } from "node:net";
import { ContractError } from "@tenantctl/contract";
import { addressFault } from "./address-rules.ts";

/** Milliseconds that a name may take to be looked up when it is set. */
const lookupMs = 5000;

const refuse = (detail: string, hint: string): ContractError => new ContractError("webhook_refused", detail, hint);

/** The host as URLs and people write it, without the brackets of IPv6. */
export const bareHost = (url: URL): string => url.hostname.replace(/^\[|\]$/g, "");

const addressesOf = async (host: string): Promise<string[]> => {
  if (isIP(host) !== 0) return [host];
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error("late")), lookupMs).unref();
  });
  try {
    const found = await Promise.race([lookup(host, { all: true }), late]);
    return found.map(({ address }) => address);
  } catch {
    throw refuse(`DNS knows no host ${host}.`, "Check the name; from the machine of the API it has to be known.");
  }
};

/**
 * The URL of a webhook as it is kept, checked as far as it can be before anything is sent: the address is checked again with
 * every connection. Throws webhook_refused; its messages hold no more of the URL than the host.
 */
export const readWebhookUrl = async (text: string, allowed: BlockList): Promise<URL> => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:") || url.hostname === "") {
    throw refuse("This is not an https URL.", "Give the whole of it: https://host/path.");
  }
  if (url.username !== "" || url.password !== "") {
    throw refuse(
      `The URL of ${url.hostname} holds a name or password.`,
      "Leave them out: the signature proves who sends. A secret path is fine.",
    );
  }
  url.hash = "";
  for (const address of await addressesOf(bareHost(url))) {
    const fault = addressFault(address, url.protocol === "https:", allowed);
    if (fault !== undefined) {
      throw refuse(
        `Nothing is sent to ${url.hostname}: ${fault}.`,
        "Use an https URL on the internet, or allow the network to the API: TENANTCTL_WEBHOOK_ALLOW=<network>.",
      );
    }
  }
  return url;
};
