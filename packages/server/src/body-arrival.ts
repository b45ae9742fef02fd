import { ContractError } from "@tenantctl/contract";
import type { preParsingHookHandler } from "fastify";

/** Milliseconds that a body which is held in memory may take to arrive: as long as Node gives the headers before it. */
const mostMs = 60_000;

/**
 * A hook of routes that take JSON. Throws request_timeout where the body has not arrived in time: it counts as under way
 * until then, so whoever trickled bodies would keep everybody else out. Throws unsupported_media_type for what is
 * compressed, which would be read as broken JSON.
 */
export const bodyArrival =
  (ms = mostMs): preParsingHookHandler =>
  (request, _reply, payload, done) => {
    const encoding = request.headers["content-encoding"];
    if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
      throw new ContractError(
        "unsupported_media_type",
        "The body is compressed, which is not read here.",
        "Send it as it is, without `Content-Encoding`.",
      );
    }
    const late = setTimeout(() => {
      // Whoever reads it hears of it, and answers; with nobody listening the request was answered before.
      if (payload.listenerCount("error") === 0) return;
      payload.emit(
        "error",
        new ContractError("request_timeout", "The body did not arrive in time.", "Send it again, in one go.", {
          retryAfter: 1,
        }),
      );
    }, ms).unref();
    payload.once("close", () => clearTimeout(late));
    done(null, payload);
  };
