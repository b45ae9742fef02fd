/** Relations people made: no system schema, no extension, not the queue, not tenancy's own. */
const ownRelations = `
  select c.oid, c.relname, c.relkind, c.relispartition, c.reloptions, t.class
  from pg_class c join pg_namespace n on n.oid = c.relnamespace left join tenancy.table_classes t on t.table_name = c.oid
  where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relpersistence <> 't'
    and n.nspname not in ('pg_catalog', 'information_schema', 'graphile_worker') and n.nspname not like 'pg\\_%'
    and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')`;

const anyPrivilege = (role: string, relation: string) => `(
  has_table_privilege(${role}, ${relation}, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
  or has_any_column_privilege(${role}, ${relation}, 'SELECT, INSERT, UPDATE, REFERENCES'))`;

const roles =
  "(values ('owner'), ('tenant'), ('operator'), ('jobs')) as named(name) join pg_roles r on r.rolname = tenancy.role(named.name)";

/** Each gives one row per problem, in the column "problem". Run as role operator. */
export const protectionChecks: readonly string[] = [
  // Roles: nothing that could step round row-level security.
  `select format('The role %s is %s; take that away: alter role %s %s', r.rolname, power.word, r.rolname, power.remedy) as problem
   from ${roles}
   cross join lateral (values
     (r.rolsuper, 'a superuser', 'nosuperuser'), (r.rolbypassrls, 'allowed to bypass row-level security', 'nobypassrls'),
     (r.rolcreaterole, 'allowed to create roles', 'nocreaterole'), (r.rolcreatedb, 'allowed to create databases', 'nocreatedb'),
     (r.rolreplication, 'allowed to replicate', 'noreplication'),
     (r.rolcanlogin and named.name = 'owner', 'allowed to log in', 'nologin')) as power(held, word, remedy)
   where power.held`,
  `select format('The role %s is a member of %s; take that away: revoke %2$I from %1$I', r.rolname, pg_get_userbyid(m.roleid)) as problem
   from ${roles} join pg_auth_members m on m.member = r.oid
   where not (named.name = 'owner' and m.roleid = to_regrole('pg_read_all_stats')) -- how long transactions are open; the owner logs in nowhere`,
  `select format('The role %s owns %s objects of this database; give them to %s: reassign owned by %1$I to %3$I', r.rolname, count(*), tenancy.role('owner')) as problem
   from ${roles} join pg_shdepend s on s.refclassid = 'pg_authid'::regclass and s.refobjid = r.oid and s.deptype = 'o'
     and s.dbid = (select oid from pg_database where datname = current_database())
   where named.name in ('tenant', 'operator') group by r.rolname`,
  `select format('The role %s may create objects in %s; take that away', r.rolname, place.word) as problem
   from ${roles}
   cross join lateral (
     select format('the database %s', current_database()) where has_database_privilege(r.oid, current_database(), 'CREATE, TEMPORARY')
     union all
     select format('the schema %s', n.nspname) from pg_namespace n
     where n.nspname not like 'pg\\_temp%' and n.nspname not like 'pg\\_toast%' and has_schema_privilege(r.oid, n.oid, 'CREATE')) as place(word)
   where named.name in ('tenant', 'operator')`,

  // Tables: classified, sealed, shaped as tenant tables must be.
  `select format('The table %s is in no class; call tenancy.protect, tenancy.retain or tenancy.global for it', u) as problem
   from tenancy.unclassified() u`,
  `select format('Row-level security of %s is not %s; call tenancy.protect or tenancy.retain for it again', t.table_name, 
     case when c.relrowsecurity then 'forced' else 'enabled' end) as problem
   from tenancy.table_classes t join pg_class c on c.oid = t.table_name
   where t.class <> 'global' and not (c.relrowsecurity and c.relforcerowsecurity)`,
  `with sealed as (
     select t.table_name, format('(%s = (NULLIF(current_setting(''app.tenant_id''::text, true), ''''::text))::uuid)',
       case t.class when 'registry' then 'id' else 'tenant_id' end) as rule
     from tenancy.table_classes t join pg_class c on c.oid = t.table_name where t.class <> 'global'
   ), canonical(name, command, role, everything) as (values
     ('tenancy_owner', '*', 'owner', true), ('tenancy_tenant', '*', 'tenant', false),
     ('tenancy_operator_read', 'r', 'operator', true), ('tenancy_operator_write', '*', 'operator', false)
   ), expected as (
     select s.table_name, k.name, k.command, tenancy.role(k.role) as role,
       case when k.everything then 'true' else s.rule end as using_rule,
       case when k.command = 'r' then null when k.everything then 'true' else s.rule end as check_rule
     from sealed s cross join canonical k
   ), present as (
     select p.polrelid::regclass as table_name, p.polname as name, p.polcmd::text as command,
       (select string_agg(coalesce(r.rolname, 'public'), ',') from unnest(p.polroles) o left join pg_roles r on r.oid = o) as role,
       pg_get_expr(p.polqual, p.polrelid) as using_rule, pg_get_expr(p.polwithcheck, p.polrelid) as check_rule, p.polpermissive as permissive
     from pg_policy p join sealed s on s.table_name = p.polrelid
   )
   select format('The policy "%s" of %s is %s; call tenancy.protect or tenancy.retain for it again',
     coalesce(e.name, p.name), coalesce(e.table_name, p.table_name),
     case when p.name is null then 'missing' when e.name is null then 'not one of tenancy''s own' else 'not the canonical one' end) as problem
   from expected e full join present p on p.table_name = e.table_name and p.name = e.name
   where (e.name is null and p.table_name in (select table_name from tenancy.table_classes where class = 'registry')) -- the others' own policies are problems below
     or (e.name is not null and (p.name is null or not p.permissive or (e.command, e.role, e.using_rule, coalesce(e.check_rule, ''))
     is distinct from (p.command, p.role, p.using_rule, coalesce(p.check_rule, ''))))`,
  `select problem || '; as it is, this table is not safe' as problem
   from tenancy.table_classes t join pg_class c on c.oid = t.table_name cross join lateral tenancy.problems(t.table_name) as problem
   where t.class in ('protected', 'retained')`,

  // What the serving roles can reach besides.
  `select format('The role %s can reach %s, which row-level security does not cover; revoke its privileges on it', r.rolname, own.oid::regclass) as problem
   from (${ownRelations}) own cross join ${roles}
   where own.class is null and named.name in ('tenant', 'operator') and own.oid not in (select tenancy.unclassified())
     and not (own.relkind = 'v' and coalesce(own.reloptions, '{}') && array['security_invoker=true', 'security_invoker=on', 'security_invoker=1'])
     and not (named.name = 'operator' and own.oid in ('tenancy.table_classes'::regclass, 'tenancy.migrations'::regclass)) and ${anyPrivilege("r.oid", "own.oid")}`,
  `select format('The role %s can reach the table %s; revoke its privileges on it', tenancy.role('jobs'), own.oid::regclass) as problem
   from (${ownRelations}) own where own.class is not null and ${anyPrivilege("tenancy.role('jobs')", "own.oid")}`,
  `select format('The role %s may truncate %s or attach triggers and keys to it; revoke truncate, references and trigger', r.rolname, own.oid::regclass) as problem
   from (${ownRelations}) own cross join ${roles}
   where own.class is not null and named.name in ('tenant', 'operator') and has_table_privilege(r.oid, own.oid, 'TRUNCATE, REFERENCES, TRIGGER')`,
  `select format('The role %s may execute %s, which runs as %s; revoke execute on it from public', tenancy.role('tenant'), p.oid::regprocedure, pg_get_userbyid(p.proowner)) as problem
   from pg_proc p join pg_namespace n on n.oid = p.pronamespace
   where p.prosecdef and p.oid is distinct from to_regprocedure('tenancy.shape()') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_%'
     and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
     and has_schema_privilege(tenancy.role('tenant'), n.oid, 'USAGE') and has_function_privilege(tenancy.role('tenant'), p.oid, 'EXECUTE')`,
];
