-- Who is told when something needs a person, how, and what was sent to them.

create table app.contacts (
  id uuid constraint contacts_pkey primary key,
  name text not null constraint contacts_name unique constraint contacts_name_length check (length(name) between 1 and 60),
  role text not null constraint contacts_role check (role in ('on_call', 'escalation', 'emergency', 'security')),
  -- For people: nothing is sent there.
  email text,
  phone text,
  minimum_severity text not null default 'warning'
    constraint contacts_minimum_severity check (minimum_severity in ('info', 'warning', 'critical')),
  -- Standard Webhooks `whsec_…`: in plain text, since it signs; from the first webhook on.
  signing_secret text,
  -- The one before it, which signs beside it for a day.
  previous_secret text,
  previous_secret_until timestamptz(3),
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);
select tenancy.global('app.contacts');

create table app.contact_channels (
  id uuid constraint contact_channels_pkey primary key,
  contact_id uuid not null constraint contact_channels_contact references app.contacts (id) on delete cascade,
  kind text not null default 'webhook' constraint contact_channels_kind check (kind in ('webhook')),
  -- Its path may be a secret: only the host is shown.
  url text not null,
  host text not null,
  -- The last try failed.
  failing_since timestamptz(3),
  -- It answered 410 Gone.
  disabled_at timestamptz(3),
  created_at timestamptz(3) not null default now(),
  constraint contact_channels_url unique (contact_id, url)
);
select tenancy.global('app.contact_channels');

-- Written in the transaction of what it tells of, so that nothing is lost when the process dies; sent afterwards. Its id is
-- the webhook-id, the same over all tries: what receivers know a repeat by.
create table app.deliveries (
  id uuid constraint deliveries_pkey primary key,
  channel_id uuid constraint deliveries_channel references app.contact_channels (id) on delete set null,
  -- As they were called then.
  contact text not null,
  host text not null,
  event text not null,
  severity text not null constraint deliveries_severity check (severity in ('info', 'warning', 'critical')),
  subject_type text not null,
  subject_id text not null,
  -- JSON as it is signed: byte for byte the same over all tries.
  body text not null,
  status text not null default 'pending'
    constraint deliveries_status check (status in ('pending', 'delivered', 'failed', 'cancelled')),
  -- Since it was made, or sent again by hand.
  attempts integer not null default 0,
  last_status integer,
  last_error text,
  created_at timestamptz(3) not null default now(),
  -- When its tries began: a day later it is given up.
  started_at timestamptz(3) not null default now(),
  next_attempt_at timestamptz(3) not null default now(),
  -- Who is sending it, until when nobody else may: a killed process lets go of it this way.
  lease_id uuid,
  lease_until timestamptz(3),
  finished_at timestamptz(3)
);
create index deliveries_due on app.deliveries (channel_id, next_attempt_at) where status = 'pending';
create index deliveries_under_way on app.deliveries (channel_id) where status = 'pending' and lease_id is not null;
create index deliveries_newest on app.deliveries (created_at desc, id desc);
create index deliveries_of_subject on app.deliveries (subject_type, subject_id, created_at desc);
create index deliveries_undelivered on app.deliveries (status, created_at) where status in ('pending', 'failed');
select tenancy.global('app.deliveries');

create table app.delivery_attempts (
  delivery_id uuid not null constraint delivery_attempts_delivery references app.deliveries (id) on delete cascade,
  id uuid not null,
  at timestamptz(3) not null default now(),
  duration_ms integer not null,
  -- Of the answer; null where there was none.
  status integer,
  error text,
  constraint delivery_attempts_pkey primary key (delivery_id, id)
);
select tenancy.global('app.delivery_attempts');

-- A rebuilt system tells nobody again what the lost one had to tell. Contacts and their secrets do come back.
update tenancy.table_classes set transient = true
where table_name in ('app.deliveries'::regclass, 'app.delivery_attempts'::regclass);
