import { build, type Scope, SYSTEM_TENANT_ID, sql } from "@tenantctl/database";
import type { Handlers } from "../call.ts";
import { findTenant } from "../tenants/find-tenant.ts";

interface Place {
  readonly node: string;
  readonly shard: number | null;
  readonly tenants: number;
  readonly bytes: number;
}

/** Shards of one range of hashes, of all tables that are split by tenant. */
interface ShardGroup extends Omit<Place, "tenants"> {
  readonly from: number;
  readonly to: number;
}

const counted = sql`t.status <> 'purged' and t.id <> ${sql.lit(SYSTEM_TENANT_ID)}::uuid`;

const oneServer =
  sql<Place>`select coalesce(host(inet_server_addr()), 'local socket') || ':' || current_setting('port') as node,
  null as shard, (select count(*) from app.tenants t where ${counted}) as tenants,
  (select coalesce(sum(pg_total_relation_size(p.relid)), 0)::bigint from tenancy.table_classes c, pg_partition_tree(c.table_name) p
    where c.class in ('protected', 'retained')) as bytes`.compile(build);

const shardGroups = sql<ShardGroup>`select u.shardid as shard, n.nodename || ':' || n.nodeport as node,
    u.shardminvalue::int as "from", u.shardmaxvalue::int as "to", w.bytes
  from pg_dist_shard u join pg_dist_partition p using (logicalrelid)
  join pg_dist_placement l on l.shardid = u.shardid join pg_dist_node n on n.groupid = l.groupid and n.noderole = 'primary'
  join (select s.shardminvalue, s.shardmaxvalue, sp.colocationid, coalesce(sum(z.size), 0)::bigint as bytes
      from pg_dist_shard s join pg_dist_partition sp using (logicalrelid)
      left join (select shard_id, max(size) as size from citus_shard_sizes() group by shard_id) z on z.shard_id = s.shardid
      group by s.shardminvalue, s.shardmaxvalue, sp.colocationid) w
    on w.colocationid = p.colocationid and w.shardminvalue = u.shardminvalue and w.shardmaxvalue = u.shardmaxvalue
  where u.logicalrelid = 'app.users'::regclass order by node, shard`.compile(build);

const onShards = async (scope: Scope, tenantId: string | undefined): Promise<Place[]> => {
  const groups = await scope.run(shardGroups);
  const column = (name: "from" | "to" | "shard", type: string) =>
    sql`${groups.map((group) => group[name])}::${sql.raw(type)}[]`;
  const held = await scope.run(
    sql<{
      shard: number;
      tenants: number;
      asked: boolean;
    }>`select g.shard, count(*) filter (where ${counted}) as tenants,
        coalesce(bool_or(t.id = ${tenantId ?? null}::uuid), false) as asked
      from app.tenants t join unnest(${column("from", "int")}, ${column("to", "int")}, ${column("shard", "bigint")}) as g(first, last, shard)
        on worker_hash(t.id) between g.first and g.last group by g.shard`.compile(build),
  );
  const byShard = new Map(held.map((row) => [row.shard, row]));
  return groups
    .filter(({ shard }) => tenantId === undefined || (shard !== null && byShard.get(shard)?.asked === true))
    .map(({ node, shard, bytes }) => ({ node, shard, bytes, tenants: byShard.get(shard ?? -1)?.tenants ?? 0 }));
};

export const placementHandlers: Handlers<"placements.list"> = {
  "placements.list": async ({ scope, query }) => {
    const tenant = query.tenantId === undefined ? undefined : await findTenant(scope, query.tenantId);
    const [kind] = await scope.run(sql<{ citus: boolean }>`select tenancy.has_citus() as citus`.compile(build));
    return kind?.citus === true ? onShards(scope, tenant?.id) : scope.run(oneServer);
  },
};
