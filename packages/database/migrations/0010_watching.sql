-- What did not succeed is a small part of the log; alerts ask for the last minutes of it.
create index audit_log_not_successful on app.audit_log (at) where outcome <> 'success';

-- Removes use that is older than what is kept: minutes for 35 days, days for 400. The serving roles can only add to these
-- tables, so this runs as their owner. Returns how many rows went.
create function app.drop_old_usage() returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  minutes bigint;
  days bigint;
begin
  delete from app.usage_minutes where minute < now() - interval '35 days';
  get diagnostics minutes = row_count;
  delete from app.usage_days where day < (now() at time zone 'UTC')::date - 400;
  get diagnostics days = row_count;
  return minutes + days;
end $$;

do $$
begin
  execute format('grant execute on function app.drop_old_usage() to %I', tenancy.role('operator'));
end $$;
