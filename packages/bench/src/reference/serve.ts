import jwt from "@fastify/jwt";
import Fastify, { type FastifyInstance } from "fastify";
import { Pool } from "pg";

declare module "@fastify/jwt" {
  interface FastifyJWT {
    /** Of the API's own tokens, which the references take, too. */
    user: { tid: string };
  }
}

/** What the three reference servers share: Fastify as it comes, pg as it comes, and a JWT on every request. */
export const serve = async (routes: (fastify: FastifyInstance, pool: Pool) => void): Promise<void> => {
  const pool = new Pool({
    connectionString: process.env.REFERENCE_DATABASE_URL,
    max: Number(process.env.REFERENCE_POOL_SIZE),
  });
  const fastify = Fastify();
  await fastify.register(jwt, { secret: process.env.REFERENCE_JWT_SECRET ?? "" });
  fastify.addHook("onRequest", async (request) => {
    await request.jwtVerify();
  });
  routes(fastify, pool);
  process.once("SIGTERM", () => void fastify.close().then(() => pool.end()));
  process.stdout.write(`serving ${await fastify.listen({ port: 0, host: "127.0.0.1" })}\n`);
};
