/** Why a webhook got no answer, and what to do about it. Neither holds more of the URL than its host. */
export interface SendFault {
  readonly error: string;
  readonly next: string;
}

const network = "Check from the machine of the API that it can reach the host: name, firewall, port.";
const certificate =
  "Give the receiver a valid certificate; one of your own authority: NODE_EXTRA_CA_CERTS for the API.";
const receiver = "Look into the receiver's log at this time.";

/** By the code of Node's error. */
const faults: Readonly<Record<string, SendFault>> = {
  ENOTFOUND: { error: "DNS knows no such host", next: network },
  EAI_AGAIN: { error: "DNS does not answer", next: network },
  EAI_FAIL: { error: "DNS does not answer", next: network },
  ECONNREFUSED: { error: "the connection was refused", next: network },
  EHOSTUNREACH: { error: "the host cannot be reached", next: network },
  ENETUNREACH: { error: "the host's network cannot be reached", next: network },
  ETIMEDOUT: { error: "the connection was not answered", next: network },
  ECONNRESET: { error: "the connection was closed before there was an answer", next: receiver },
  EPIPE: { error: "the connection was closed before there was an answer", next: receiver },
  EPROTO: { error: "the host does not speak TLS on this port", next: "Check the port, and http or https." },
  CERT_HAS_EXPIRED: { error: "the host's certificate has expired", next: certificate },
  DEPTH_ZERO_SELF_SIGNED_CERT: { error: "the host's certificate is signed by nobody else", next: certificate },
  SELF_SIGNED_CERT_IN_CHAIN: { error: "the host's certificate comes from an unknown authority", next: certificate },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: {
    error: "the host's certificate comes from an unknown authority",
    next: certificate,
  },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: {
    error: "the host's certificate comes from an unknown authority",
    next: certificate,
  },
  ERR_TLS_CERT_ALTNAME_INVALID: { error: "the host's certificate is for another name", next: certificate },
  HPE_HEADER_OVERFLOW: { error: "the answer's headers are too long", next: receiver },
};

/** An error whose message may be told as it is. */
export class SendError extends Error implements SendFault {
  readonly error: string;
  readonly next: string;
  constructor(error: string, next: string) {
    super(error);
    this.name = "SendError";
    this.error = error;
    this.next = next;
  }
}

const codeOf = (error: unknown): string => {
  // All addresses of a host that failed: the first says it.
  const one: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return one instanceof Error && "code" in one && typeof one.code === "string" ? one.code : "";
};

/** An error of Node's as what an operator can act on. */
export const sendFault = (error: unknown): SendFault => {
  if (error instanceof SendError) return error;
  const code = codeOf(error);
  const known = faults[code];
  if (known !== undefined) return known;
  if (code.startsWith("HPE_"))
    return { error: "what came back is not HTTP", next: "Check the port, and http or https." };
  return { error: `the connection failed${code === "" ? "" : ` (${code})`}`, next: network };
};

const answers: Readonly<Record<number, SendFault>> = {
  400: { error: "the receiver takes the body for a bad one (400)", next: receiver },
  401: { error: "the receiver refuses it (401)", next: "Give the receiver this contact's signing secret." },
  403: { error: "the receiver refuses it (403)", next: "Give the receiver this contact's signing secret." },
  404: { error: "the receiver does not know the path (404)", next: "Set the URL that the receiver gave you." },
  405: { error: "the receiver takes no POST (405)", next: "Set the URL that the receiver gave you." },
  410: {
    error: "the receiver is gone for good (410); the channel is disabled",
    next: "Set another URL, or once it takes webhooks again: `tenantctl contacts test NAME`.",
  },
  429: { error: "the receiver asks for fewer (429)", next: "It is tried again later; see the receiver's limits." },
};

const namedHost = (location: string | undefined, base: URL): string => {
  const target = location !== undefined && URL.canParse(location, base.href) ? new URL(location, base).host : "";
  return target === "" ? "elsewhere" : target.slice(0, 255);
};

/** What an answer's status means; undefined for a success. */
export const answerFault = (status: number, location: string | undefined, base: URL): SendFault | undefined => {
  if (status >= 200 && status < 300) return undefined;
  if (status >= 300 && status < 400) {
    return {
      error: `the receiver redirects to ${namedHost(location, base)} (${status}), which is not followed`,
      next: "Set the URL that it redirects to, if you trust it.",
    };
  }
  return answers[status] ?? { error: `the receiver answered ${status}`, next: receiver };
};
