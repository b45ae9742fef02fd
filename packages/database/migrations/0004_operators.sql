create table app.operators (
  id uuid constraint operators_pkey primary key,
  email text not null constraint operators_email unique
    constraint operators_email_form check (email = lower(email) and length(email) between 3 and 254),
  name text not null constraint operators_name_length check (length(name) between 1 and 200),
  password_hash text,
  must_change_password boolean not null default false,
  disabled_at timestamptz(3),
  password_changed_at timestamptz(3),
  last_login_at timestamptz(3),
  created_at timestamptz(3) not null default now()
);
select tenancy.global('app.operators');

create table app.operator_sessions (
  id uuid constraint operator_sessions_pkey primary key,
  operator_id uuid not null constraint operator_sessions_operator references app.operators (id) on delete cascade,
  refresh_hash bytea not null,
  previous_hash bytea,
  rotated_at timestamptz(3),
  expires_at timestamptz(3) not null,
  ended_at timestamptz(3),
  end_reason text,
  created_at timestamptz(3) not null default now(),
  address text,
  user_agent text
);
create index operator_sessions_by_operator on app.operator_sessions (operator_id) where ended_at is null;
create index operator_sessions_by_refresh_hash on app.operator_sessions (refresh_hash);
create index operator_sessions_by_expiry on app.operator_sessions (expires_at);
select tenancy.global('app.operator_sessions');

create table app.operator_tokens (
  id uuid constraint operator_tokens_pkey primary key,
  name text not null constraint operator_tokens_name_length check (length(name) between 1 and 200),
  token_hash bytea not null constraint operator_tokens_token_hash unique,
  scopes text[] not null,
  created_by uuid not null constraint operator_tokens_operator references app.operators (id) on delete cascade,
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3),
  revoked_at timestamptz(3),
  last_used_at timestamptz(3)
);
create index operator_tokens_by_operator on app.operator_tokens (created_by);
select tenancy.global('app.operator_tokens');

create table app.operator_resets (
  id uuid constraint operator_resets_pkey primary key,
  operator_id uuid not null constraint operator_resets_operator references app.operators (id) on delete cascade,
  secret_hash bytea not null constraint operator_resets_secret_hash unique,
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null,
  used_at timestamptz(3)
);
create index operator_resets_by_operator on app.operator_resets (operator_id);
select tenancy.global('app.operator_resets');

-- Failed logins per account and per address: in the database, so that a restart forgives nobody.
create table app.login_throttles (
  key text constraint login_throttles_pkey primary key,
  failures integer not null default 0 constraint login_throttles_failures check (failures >= 0),
  window_started_at timestamptz(3) not null default now(),
  blocked_until timestamptz(3)
);
create index login_throttles_by_window on app.login_throttles (window_started_at);
select tenancy.global('app.login_throttles');

create table app.idempotency_keys (
  actor text not null,
  key_hash bytea not null,
  request_hash bytea not null,
  status integer,
  response jsonb,
  created_at timestamptz(3) not null default now(),
  constraint idempotency_keys_pkey primary key (actor, key_hash)
);
create index idempotency_keys_by_age on app.idempotency_keys (created_at);
select tenancy.global('app.idempotency_keys');
