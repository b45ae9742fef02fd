import Type from "typebox";
import { operatorAccess } from "../access.ts";
import { route } from "../route.ts";
import { Closed, Count, Nullable, TenantQuery } from "../schemas/values.ts";

export const placementRoutes = {
  "placements.list": route({
    method: "GET",
    path: "/api/admin/placements",
    tag: "placements",
    summary: "Show where tenants live, and what each shard weighs",
    description:
      "On Citus one row for each group of shards that lie together, by node; on one PostgreSQL a single row, without a shard. With tenantId only the row where that tenant is. Weights are of tenants' tables and the logs, indexes included.",
    access: operatorAccess("metrics:read"),
    query: Closed({ tenantId: TenantQuery }),
    responses: {
      200: Type.Array(
        Closed({
          node: Type.String({ description: "Host and port of the PostgreSQL that holds it" }),
          shard: Nullable(Count("The shard of app.users in the group; null where nothing is sharded")),
          tenants: Count("Tenants in it, purged ones left out"),
          bytes: Count("What their tables take there"),
        }),
      ),
    },
    errors: ["tenant_not_found"],
    example: { query: { tenantId: "company-name" } },
  }),
};
