import { type CustomerRow, columns, customerOf } from "./customer.ts";
import { serve } from "./serve.ts";

/** As (a), and its statement is prepared once per connection, which pg does where a query has a name. */
await serve((fastify, pool) => {
  fastify.get<{ Querystring: { limit: string } }>("/api/customers", async (request) => {
    const { rows } = await pool.query<CustomerRow>({
      name: "list",
      text: `select ${columns} from app.customers where tenant_id = $1 order by created_at desc, id desc limit $2`,
      values: [request.user.tid, request.query.limit],
    });
    return rows.map(customerOf);
  });
});
