import { type CustomerRow, columns, customerOf } from "./customer.ts";
import { serve } from "./serve.ts";

/** (b): row-level security as it is usually written: four statements, each awaited, as a role that has policies. */
await serve((fastify, pool) => {
  fastify.get<{ Querystring: { limit: string } }>("/api/customers", async (request) => {
    const client = await pool.connect();
    try {
      await client.query("begin");
      await client.query("select set_config('app.tenant_id', $1, true)", [request.user.tid]);
      const { rows } = await client.query<CustomerRow>(
        `select ${columns} from app.customers where tenant_id = $1 order by created_at desc, id desc limit $2`,
        [request.user.tid, request.query.limit],
      );
      await client.query("commit");
      return rows.map(customerOf);
    } catch (error) {
      await client.query("rollback");
      throw error;
    } finally {
      client.release();
    }
  });
});
