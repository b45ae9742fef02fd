-- When each background task last ran, and since when it fails: so that somebody hears when none runs any more.
create table app.task_runs (
  task text constraint task_runs_pkey primary key,
  -- The last run that succeeded; null where none ever did.
  succeeded_at timestamptz(3),
  -- Since when every run failed; null while the last one succeeded.
  failing_since timestamptz(3),
  error text
);
select tenancy.global('app.task_runs');
-- A rebuilt system's tasks have not run.
update tenancy.table_classes set transient = true where table_name = 'app.task_runs'::regclass;

-- The status screen asks for operations that failed of late; most succeed.
create index operations_failed on app.operations (finished_at desc) where status = 'failed';
