import { ContractError } from "@tenantctl/contract";
import type { FastifyInstance } from "fastify";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Half of a pair is what a JSON escape can say and no text can hold. */
const surrogateEscape = /\\u[dD][89a-fA-F]/;
const halfPair = /\p{Surrogate}/u;

const isWellFormed = (value: unknown): boolean => {
  // A list of what is left to look at, since what is nested deeply enough would overflow the stack.
  const left = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next === "string" && halfPair.test(next)) return false;
    if (typeof next === "object" && next !== null) {
      for (const [name, inner] of Object.entries(next)) left.push(name, inner);
    }
  }
  return true;
};

/** Bodies are JSON and nothing else: in UTF-8 without faults, of whole characters, without `__proto__`. */
export const useJsonBodies = (fastify: FastifyInstance): void => {
  const parse = fastify.getDefaultJsonParser("error", "error");
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, bytes, done) => {
    // Announced, but not there: absent, like a body that was not announced.
    if (bytes.length === 0) return done(null, undefined);
    let text: string;
    try {
      text = utf8.decode(typeof bytes === "string" ? Buffer.from(bytes) : bytes);
    } catch (cause) {
      return done(new ContractError("malformed_json", "The body is not UTF-8.", "Send it in UTF-8.", { cause }));
    }
    parse(request, text, (error, value) => {
      if (error === null && surrogateEscape.test(text) && !isWellFormed(value)) {
        return done(
          new ContractError(
            "malformed_json",
            "The body has half a character.",
            "Send both halves of each pair, or none.",
          ),
        );
      }
      done(error, value);
    });
  });
};
