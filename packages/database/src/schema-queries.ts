/** Tables of the two schemas; partitions are made by the calendar, so they are no part of what migrations describe. */
const relations = `
  select c.oid, c.relname, c.relkind, c.relacl, c.relowner, c.relrowsecurity, c.relforcerowsecurity, n.nspname,
    format('%I.%I', n.nspname, c.relname) as name
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname in ('app', 'tenancy') and c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition`;

/** A role without the prefix, which differs from one installation to the next. */
const bare = (role: string) =>
  `case when ${role} = 0 then 'public' else regexp_replace(pg_get_userbyid(${role}), '^.*_(owner|tenant|operator|jobs)$', '\\1') end`;

/** Section title → query that gives its lines in the column "line". */
export const schemaQueries: Record<string, string> = {
  schemas: `
    select format('%s: owner %s, %s', n.nspname, ${bare("n.nspowner")}, string_agg(format('%s %s', ${bare("a.grantee")}, lower(a.privilege_type)), ', '
      order by ${bare("a.grantee")}, a.privilege_type)) as line
    from pg_namespace n cross join aclexplode(n.nspacl) a
    where n.nspname in ('app', 'tenancy') and a.grantee <> n.nspowner group by n.nspname, n.nspowner order by n.nspname`,
  tables: `
    select format('%s: owner %s, %s%s', r.name, ${bare("r.relowner")}, coalesce(t.class, 'no class'),
      case when r.relforcerowsecurity and r.relrowsecurity then ', row security forced' else '' end
      || case when t.transient then ', transient' else '' end
      || case when t.secret_columns <> '{}' then ', secret ' || array_to_string(t.secret_columns, ' ') else '' end) as line
    from (${relations}) r left join tenancy.table_classes t on t.table_name = r.oid order by r.name`,
  columns: `
    select format('%s.%I %s%s%s', r.name, a.attname, format_type(a.atttypid, a.atttypmod), case when a.attnotnull then ' not null' else '' end,
      coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')) as line
    from (${relations}) r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum order by r.name, a.attnum`,
  constraints: `
    select format('%s: %I %s', r.name, c.conname, pg_get_constraintdef(c.oid)) as line
    from (${relations}) r join pg_constraint c on c.conrelid = r.oid and c.contype in ('p', 'u', 'f', 'c', 'x') order by r.name, c.conname`,
  indexes: `
    select pg_get_indexdef(i.indexrelid) as line
    from (${relations}) r join pg_index i on i.indrelid = r.oid join pg_class x on x.oid = i.indexrelid order by r.name, x.relname`,
  policies: `
    select format('%s: %I %s to %s using %s check %s', r.name, p.polname, p.polcmd,
      (select string_agg(${bare("o")}, ' ') from unnest(p.polroles) o), pg_get_expr(p.polqual, p.polrelid),
      coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '-')) as line
    from (${relations}) r join pg_policy p on p.polrelid = r.oid order by r.name, p.polname`,
  "table grants": `
    select format('%s: %s may %s', r.name, ${bare("a.grantee")}, string_agg(lower(a.privilege_type), ' ' order by a.privilege_type)) as line
    from (${relations}) r cross join aclexplode(r.relacl) a where a.grantee <> r.relowner
    group by r.name, a.grantee order by r.name, ${bare("a.grantee")}`,
  functions: `
    select format('%s.%I(%s): %s, %s%s, for %s, body %s', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid),
      case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
      case when p.prosecdef then 'as its owner' else 'as its caller' end, coalesce(', ' || array_to_string(p.proconfig, ' '), ''),
      coalesce((select string_agg(${bare("a.grantee")}, ' ' order by ${bare("a.grantee")})
        from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee <> p.proowner), 'nobody else'),
      left(md5(p.prosrc), 8)) as line
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('app', 'tenancy') and p.proname <> 'role' order by n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)`,
};
