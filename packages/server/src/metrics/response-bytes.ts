import type { FastifyReply, FastifyRequest } from "fastify";

declare module "fastify" {
  interface FastifyRequest {
    /** What the connection had sent when a streamed answer began; null for answers of a known length. */
    sentBefore: number | null;
  }
}

const sent = (request: FastifyRequest): number => request.raw.socket.bytesWritten || 0;

/** To be called where an answer is a stream, before it is sent: its length is known only when it is over. */
export const beginStream = (request: FastifyRequest): void => {
  request.sentBefore = sent(request);
};

/**
 * Bytes of an answer that is over: its content-length; of a stream what its connection sent, headers and framing included
 * (less than 1 % of a document), and only what was sent where it broke off.
 */
export const responseBytes = (request: FastifyRequest, reply: FastifyReply): number =>
  request.sentBefore === null
    ? Number(reply.getHeader("content-length") ?? 0) || 0
    : Math.max(0, sent(request) - request.sentBefore);
