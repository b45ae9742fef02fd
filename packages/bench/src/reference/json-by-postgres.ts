import { serve } from "./serve.ts";

const time = (column: string): string => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as`;

/** (a′): as (a), and PostgreSQL builds the JSON, which is sent as it comes. */
await serve((fastify, pool) => {
  fastify.get<{ Querystring: { limit: string } }>("/api/customers", async (request, reply) => {
    const { rows } = await pool.query<{ json: string }>(
      `select coalesce(json_agg(c), '[]')::text as json from (
        select id, name, email, phone, notes, balance_minor as "balanceMinor", currency,
          ${time("created_at")} "createdAt", ${time("updated_at")} "updatedAt"
        from app.customers where tenant_id = $1 order by created_at desc, id desc limit $2) c`,
      [request.user.tid, request.query.limit],
    );
    return reply.type("application/json; charset=utf-8").send(rows[0]?.json);
  });
});
