import { randomBytes } from "node:crypto";
import { ContractError } from "@tenantctl/contract";

const prefix = "whsec_";
const fewestBytes = 24;
const mostBytes = 64;

/** A new secret of Standard Webhooks' form. */
export const makeSigningSecret = (): string => prefix + randomBytes(32).toString("base64");

/** A secret from elsewhere: 24 to 64 bytes in base64. Throws invalid_request, without repeating it. */
export const checkSigningSecret = (secret: string): string => {
  const text = secret.slice(prefix.length);
  const bytes = Buffer.from(text, "base64");
  if (bytes.length >= fewestBytes && bytes.length <= mostBytes && bytes.toString("base64") === text) return secret;
  const message = `must be whsec_ and then ${fewestBytes} to ${mostBytes} bytes in base64`;
  throw new ContractError(
    "invalid_request",
    `The signing secret ${message}.`,
    "Leave it out to have one made, or: echo whsec_$(openssl rand -base64 32)",
    { faults: [{ path: "body.signingSecret", message }] },
  );
};
