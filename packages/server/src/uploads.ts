import { Readable } from "node:stream";
import { ContractError, type RouteShape, routes } from "@tenantctl/contract";
import type { FastifyInstance } from "fastify";

const shapes: readonly RouteShape[] = Object.values(routes);
const types = new Set(shapes.flatMap(({ upload }) => (upload === undefined ? [] : [upload])));

/** Documents of the types that some route takes are handed over as streams, unread. */
export const useUploads = (fastify: FastifyInstance): void => {
  for (const type of types) fastify.addContentTypeParser(type, (_request, payload, done) => done(null, payload));
};

/** Throws unsupported_media_type where a route gets a document it does not take, or not the one that it does. */
export const checkUpload = ({ upload }: RouteShape, body: unknown): void => {
  if ((upload !== undefined) === body instanceof Readable) return;
  throw new ContractError(
    "unsupported_media_type",
    upload === undefined ? "This takes no document." : "This takes a document, and got none.",
    upload === undefined ? "Send `Content-Type: application/json`." : `Send it with \`Content-Type: ${upload}\`.`,
  );
};
