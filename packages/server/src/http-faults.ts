import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { ContractError, errors } from "@tenantctl/contract";
import type { FastifyReply, FastifyRequest } from "fastify";
import { v7 as uuidv7 } from "uuid";
import { asContractError, problemOf } from "./problem.ts";

/** What Node's HTTP parser refuses, before there is a request, by its error code; the rest is no HTTP at all. */
const parserErrors: Readonly<Record<string, ContractError>> = {
  HPE_HEADER_OVERFLOW: new ContractError(
    "headers_too_large",
    "The address and the headers are larger than this server takes.",
    "Send shorter ones.",
  ),
  ERR_HTTP_REQUEST_TIMEOUT: new ContractError(
    "request_timeout",
    "The request did not arrive in time.",
    "Send it again, in one go.",
    { retryAfter: 1 },
  ),
};
const noHttp = new ContractError("invalid_request", "This is not an HTTP request.", "`/docs` describes each request.");

/** Answers on the bare socket what could not be read as a request. */
export const refuseUnreadable = (error: NodeJS.ErrnoException, socket: Socket): void => {
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  const refusal = parserErrors[error.code ?? ""] ?? noHttp;
  const { status } = errors[refusal.code];
  const body = JSON.stringify(problemOf(refusal, uuidv7()));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "content-type: application/problem+json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    "cache-control: no-store",
    "connection: close",
  ];
  if (socket.writable) socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  socket.destroy(error);
};

/** Answers what the router refuses before any route is found: a path that can't be decoded, or a part that is too long. */
export const refuseUnroutable = (error: Error, request: FastifyRequest, reply: FastifyReply): void => {
  const refusal = asContractError(error);
  reply
    .code(errors[refusal.code].status)
    .headers({ "x-request-id": request.id, "cache-control": "no-store" })
    .type("application/problem+json; charset=utf-8")
    .serializer(JSON.stringify)
    .send(problemOf(refusal, request.id));
};
