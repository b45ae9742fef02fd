-- The server is older than the release that closed known holes in row-level security
-- Statistics told of rows that policies hide until 15.14, 16.10 and 17.6; see docs/lints/server-version.md.
select 'PostgreSQL ' || here.version as object,
  format('PostgreSQL %s has known holes in row-level security', here.version) as detail,
  case when safe.number is null then 'upgrade to PostgreSQL 15 or later' else format('upgrade the server to %s or later', safe.version) end as fix
from (select number, format('%s.%s', number / 10000, number % 10000) as version
  from (select current_setting('server_version_num')::integer as number) n) here
left join (values (150014, '15.14'), (160010, '16.10'), (170006, '17.6')) as safe(number, version) on safe.number / 10000 = here.number / 10000
where here.number < 150000 or here.number < safe.number
