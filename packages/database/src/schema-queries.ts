/** Tables of the two schemas; partitions are made by the calendar, so they are no part of what migrations describe. */
const relations = `
  select c.oid, c.relkind, c.relacl, c.relowner, c.relrowsecurity, c.relforcerowsecurity, format('%I.%I', n.nspname, c.relname) as name
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname in ('app', 'tenancy') and c.relkind in ('r', 'p') and not c.relispartition`;

/** A role without the prefix, which differs from one installation to the next. */
const bare = (role: string) =>
  `case when ${role} = 0 then 'public' else regexp_replace(pg_get_userbyid(${role}), '^.*_(owner|tenant|operator|jobs)$', '\\1') end`;

const names = (roles: string) =>
  `(select string_agg(${bare("o")}, ', ' order by ${bare("o")}) from unnest(${roles}) o)`;

/** Section title → query that gives its statements in the column "line". Newer minor versions put AS before a table's alias. */
export const schemaQueries: Record<string, string> = {
  Schemas: `
    select format('create schema %I authorization %s;', n.nspname, ${bare("n.nspowner")}) as line
    from pg_namespace n where n.nspname in ('app', 'tenancy') order by n.nspname`,
  "Tables, with their class": `
    select format(E'-- %s%s%s\\ncreate table %s (\\n  %s\\n)%s;', coalesce(t.class, 'no class'), case when t.transient then ', transient' end,
      ', secret: ' || nullif(array_to_string(t.secret_columns, ', '), ''), r.name,
      (select string_agg(part.line, E',\\n  ' order by part.section, part.place, part.line) from (
        select 1 as section, a.attnum as place, format('%I %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
          ' default ' || pg_get_expr(d.adbin, d.adrelid), case when a.attnotnull then ' not null' end) as line
        from pg_attribute a left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
        where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
        union all
        select 2, 0, format('constraint %I %s', c.conname, pg_get_constraintdef(c.oid))
        from pg_constraint c where c.conrelid = r.oid and c.contype in ('p', 'u', 'c', 'x')) part),
      case when r.relkind = 'p' then ' partition by ' || pg_get_partkeydef(r.oid) end) as line
    from (${relations}) r left join tenancy.table_classes t on t.table_name = r.oid order by r.name`,
  Owners: `
    select format('alter table %s owner to %s;', r.name, ${bare("r.relowner")}) as line from (${relations}) r order by r.name`,
  "Foreign keys": `
    select format('alter table %s add constraint %I %s;', r.name, c.conname, pg_get_constraintdef(c.oid)) as line
    from (${relations}) r join pg_constraint c on c.conrelid = r.oid and c.contype = 'f' order by r.name, c.conname`,
  Indexes: `
    select pg_get_indexdef(i.indexrelid) || ';' as line
    from (${relations}) r join pg_index i on i.indrelid = r.oid join pg_class x on x.oid = i.indexrelid
    where not exists (select from pg_constraint c where c.conindid = i.indexrelid and c.contype in ('p', 'u', 'x')) order by r.name, x.relname`,
  "Row-level security": `
    select format('alter table %s enable row level security%s;', r.name, case when r.relforcerowsecurity then ', force row level security' end) as line
    from (${relations}) r where r.relrowsecurity order by r.name`,
  Policies: `
    select format('create policy %I on %s for %s to %s using (%s)%s;', p.polname, r.name,
      case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
      ${names("p.polroles")}, pg_get_expr(p.polqual, p.polrelid), ' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')') as line
    from (${relations}) r join pg_policy p on p.polrelid = r.oid order by r.name, p.polname`,
  Grants: `
    select format('grant %s on schema %I to %s;', string_agg(lower(a.privilege_type), ', ' order by a.privilege_type), n.nspname, ${bare("a.grantee")}) as line
    from pg_namespace n cross join aclexplode(n.nspacl) a
    where n.nspname in ('app', 'tenancy') and a.grantee <> n.nspowner group by n.nspname, a.grantee
    union all
    select format('grant %s on table %s to %s;', string_agg(lower(a.privilege_type), ', ' order by a.privilege_type), r.name, ${bare("a.grantee")})
    from (${relations}) r cross join aclexplode(r.relacl) a where a.grantee <> r.relowner group by r.name, a.grantee
    order by 1`,
  "Functions (the body by its digest)": `
    select format(E'-- %s.%I(%s): %s, runs as its %s%s; body %s%s', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid),
      case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
      case when p.prosecdef then 'owner' else 'caller' end, ', ' || array_to_string(p.proconfig, ', '),
      left(md5(coalesce(replace(pg_get_function_sqlbody(p.oid), ' AS ', ' '), p.prosrc)), 8),
      (select string_agg(format(E'\\ngrant execute on function %s.%I to %s;', n.nspname, p.proname, ${bare("a.grantee")}), '' order by ${bare("a.grantee")})
        from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee <> p.proowner)) as line
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('app', 'tenancy') and p.proname <> 'role' order by n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)`,
};
