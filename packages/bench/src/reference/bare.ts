import { randomUUID } from "node:crypto";
import { type CustomerRow, columns, customerOf } from "./customer.ts";
import { serve } from "./serve.ts";

/** (a): no isolation but the `where` that nobody may forget; no session check, no limits, no audit, no log. */
await serve((fastify, pool) => {
  fastify.get<{ Querystring: { limit: string } }>("/api/customers", async (request) => {
    const { rows } = await pool.query<CustomerRow>(
      `select ${columns} from app.customers where tenant_id = $1 order by created_at desc, id desc limit $2`,
      [request.user.tid, request.query.limit],
    );
    return rows.map(customerOf);
  });

  fastify.get<{ Params: { id: string } }>("/api/customers/:id", async (request, reply) => {
    const { rows } = await pool.query<CustomerRow>(
      `select ${columns} from app.customers where tenant_id = $1 and id = $2`,
      [request.user.tid, request.params.id],
    );
    const [row] = rows;
    return row === undefined ? reply.code(404).send() : customerOf(row);
  });

  fastify.post<{ Body: { name: string; email: string; phone: string; notes: string } }>(
    "/api/customers",
    async (request, reply) => {
      const { name, email, phone, notes } = request.body;
      const { rows } = await pool.query<CustomerRow>(
        `insert into app.customers (tenant_id, id, name, email, phone, notes)
          values ($1, $2, $3, $4, $5, $6) returning ${columns}`,
        [request.user.tid, randomUUID(), name, email, phone, notes],
      );
      return reply.code(201).send(rows.map(customerOf)[0]);
    },
  );
});
