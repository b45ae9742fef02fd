import type { BenchSystem } from "./bench-system.ts";

/** Ids in the order of time, as the product's own; the two digits keep what is loaded separately apart. */
const idOf = (kind: string, number: string): string =>
  `('01890000-0000-7000-80${kind}-' || lpad(to_hex(${number}), 12, '0'))::uuid`;

/** `count` tenants `<name>-<first>`, `<name>-<first + 1>`, … with so many customers each and one tenant_admin, who cannot log in yet. */
export const loadTenants = async (
  { sql }: BenchSystem,
  {
    name,
    kind,
    first = 1,
    count,
    customers,
  }: { name: string; kind: string; first?: number; count: number; customers: number },
): Promise<void> => {
  const last = first + count - 1;
  const tenantId = idOf(kind, "t");
  await sql(
    `insert into app.tenants (id, slug, name, plan, contact_email)
      select ${tenantId}, $1 || '-' || t, 'Tenant ' || t, 'enterprise', 'contact' || t || '@example.com'
      from generate_series($2::int, $3::int) t`,
    [name, first, last],
  );
  await sql(
    `insert into app.users (tenant_id, id, email, name, role)
      select ${tenantId}, ${tenantId}, 'admin' || t || '@example.com', 'Admin ' || t, 'tenant_admin'
      from generate_series($1::int, $2::int) t`,
    [first, last],
  );
  await sql(
    `insert into app.customers (tenant_id, id, name, email, phone, notes, balance_minor)
      select ${tenantId}, ${idOf(kind, "t::bigint * 16777216 + c")}, 'Customer ' || md5(c::text),
        'customer' || c || '@' || substr(md5(t::text || c), 1, 12) || '.example', '+1 555 ' || lpad((c % 10000)::text, 4, '0'),
        case when c % 3 = 0 then null else 'Likes ' || md5(t::text) || E'\\nand "quotes", ' || repeat(chr(228), c % 40) end,
        (c::bigint * 7919) % 1000000
      from generate_series($1::int, $2::int) t, generate_series(1, $3::int) c`,
    [first, last, customers],
  );
  await sql(
    `insert into app.usage_counters (tenant_id, resource, used)
      select ${tenantId}, r.resource, r.used
      from generate_series($1::int, $2::int) t, (values ('users', 1), ('customers', $3::int)) r (resource, used)`,
    [first, last, customers],
  );
  await sql("vacuum analyze");
  await sql("checkpoint");
};
