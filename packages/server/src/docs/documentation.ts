import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { openApiDocument } from "./openapi.ts";

/** What the page at /docs needs and nothing more: its own scripts and styles, images it inlines, and this API. */
const pagePolicy =
  "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; connect-src 'self'; font-src 'self'; img-src 'self' data:; script-src 'self'; style-src 'self' 'unsafe-inline'";

/** Where the page is. */
export const documentationPath = "/docs";

/** GET /openapi.json, and a page to read and try it at /docs, all of it served from here. */
export const useDocumentation = async (fastify: FastifyInstance): Promise<void> => {
  const document = openApiDocument();
  const text = JSON.stringify(document);
  fastify.get("/openapi.json", async (_request, reply) => reply.type("application/json; charset=utf-8").send(text));
  // The cast is safe: the document is checked against the specification by a test.
  await fastify.register(swagger, { mode: "static", specification: { document: document as never } });
  await fastify.register(swaggerUi, {
    routePrefix: documentationPath,
    staticCSP: pagePolicy,
    // The bar on top is another project's sign and a field for another document's address.
    theme: {
      title: "tenantctl API",
      css: [{ filename: "page.css", content: ".swagger-ui .topbar { display: none }" }],
    },
    uiConfig: { url: "/openapi.json", validatorUrl: null, docExpansion: "none", deepLinking: true },
  });
};
