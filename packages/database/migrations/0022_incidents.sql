-- Emergencies: what was done about each, by whom, when, and what came out. Written down step by step and never changed.

create table app.incidents (
  id uuid constraint incidents_pkey primary key,
  kind text not null constraint incidents_kind check (kind in ('system-down', 'data-breach', 'data-loss')),
  title text,
  -- Slugs as they were then: [{"id": …, "slug": …}].
  affected jsonb not null default '[]',
  about_tenants uuid[] not null default '{}',
  -- Named and not found, where it was written down without the database.
  unknown_tenants text[] not null default '{}',
  all_tenants boolean not null default false,
  opened_at timestamptz(3) not null default now(),
  opened_by text,
  closed_at timestamptz(3),
  closed_by text,
  summary text,
  constraint incidents_closed check ((closed_at is null) = (summary is null))
);
create index incidents_newest on app.incidents (opened_at desc, id desc);
create index incidents_open on app.incidents (opened_at) where closed_at is null;
select tenancy.global('app.incidents');

-- The id is the client's: an entry that is sent again is recorded once.
create table app.incident_entries (
  id uuid constraint incident_entries_pkey primary key,
  incident_id uuid not null constraint incident_entries_incident references app.incidents (id),
  kind text not null
    constraint incident_entries_kind check (kind in ('started', 'done', 'failed', 'skipped', 'note', 'closed')),
  step text,
  -- When it happened; `recorded_at` is later where it was brought in from a file.
  at timestamptz(3) not null,
  done_by text,
  recorded_at timestamptz(3) not null default clock_timestamp(),
  recorded_by text,
  note text,
  item jsonb,
  -- Of a step that was begun: who holds it, and until when nobody else takes it up.
  claimant uuid,
  claimed_until timestamptz(3)
);
create index incident_entries_in_order on app.incident_entries (incident_id, at, recorded_at, id);
select tenancy.global('app.incident_entries');

do $$
begin
  execute format('revoke update, delete on app.incident_entries from %I', tenancy.role('operator'));
  execute format('revoke delete on app.incidents from %I', tenancy.role('operator'));
end $$;
