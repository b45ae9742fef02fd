create table app.users (
  tenant_id uuid not null,
  id uuid not null,
  -- Stored normalised: lower() is not leakproof, so an index on it would not serve inside row-level security.
  email text not null constraint users_email_form check (email = lower(email) and length(email) between 3 and 254),
  name text not null constraint users_name_length check (length(name) between 1 and 200),
  role text not null constraint users_role check (role in ('tenant_admin', 'support_agent')),
  password_hash text,
  must_change_password boolean not null default false,
  disabled_at timestamptz(3),
  password_changed_at timestamptz(3),
  last_login_at timestamptz(3),
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  constraint users_pkey primary key (tenant_id, id),
  constraint users_email unique (tenant_id, email)
);
create index users_newest on app.users (tenant_id, created_at desc, id desc);
select tenancy.protect('app.users', secret => '{password_hash}');
alter table app.users add constraint users_tenant foreign key (tenant_id) references app.tenants (id);

create table app.customers (
  tenant_id uuid not null,
  id uuid not null,
  name text not null constraint customers_name_length check (length(name) between 1 and 200),
  email text constraint customers_email_form check (email = lower(email) and length(email) between 3 and 254),
  phone text constraint customers_phone_length check (length(phone) <= 50),
  notes text constraint customers_notes_length check (length(notes) <= 10000),
  -- Minor units; the bound keeps it exact in JSON.
  balance_minor bigint not null default 0
    constraint customers_balance_minor check (balance_minor between -9007199254740991 and 9007199254740991),
  currency text not null default 'USD' constraint customers_currency check (currency ~ '^[A-Z]{3}$'),
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  constraint customers_pkey primary key (tenant_id, id)
);
create index customers_newest on app.customers (tenant_id, created_at desc, id desc);
create index customers_by_name on app.customers (tenant_id, name, id);
create index customers_by_email on app.customers (tenant_id, email, id);
select tenancy.protect('app.customers');
alter table app.customers add constraint customers_tenant foreign key (tenant_id) references app.tenants (id);

-- One row is one login; its refresh token rotates in place.
create table app.sessions (
  tenant_id uuid not null,
  id uuid not null,
  user_id uuid not null,
  refresh_hash bytea not null,
  previous_hash bytea,
  rotated_at timestamptz(3),
  expires_at timestamptz(3) not null,
  ended_at timestamptz(3),
  end_reason text,
  created_at timestamptz(3) not null default now(),
  address text,
  user_agent text,
  constraint sessions_pkey primary key (tenant_id, id)
);
create index sessions_by_user on app.sessions (tenant_id, user_id) where ended_at is null;
create index sessions_by_refresh_hash on app.sessions (tenant_id, refresh_hash);
create index sessions_by_expiry on app.sessions (expires_at);
select tenancy.protect('app.sessions', secret => '{refresh_hash,previous_hash}', transient => true);
alter table app.sessions add constraint sessions_user
  foreign key (tenant_id, user_id) references app.users (tenant_id, id) on delete cascade;

create table app.api_tokens (
  tenant_id uuid not null,
  id uuid not null,
  name text not null constraint api_tokens_name_length check (length(name) between 1 and 200),
  token_hash bytea not null,
  scopes text[] not null,
  created_by_type text not null constraint api_tokens_created_by_type check (created_by_type in ('user', 'operator')),
  created_by uuid not null,
  created_by_name text not null,
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3),
  revoked_at timestamptz(3),
  last_used_at timestamptz(3),
  constraint api_tokens_pkey primary key (tenant_id, id),
  constraint api_tokens_token_hash unique (tenant_id, token_hash)
);
select tenancy.protect('app.api_tokens', secret => '{token_hash}', transient => true);
alter table app.api_tokens add constraint api_tokens_tenant foreign key (tenant_id) references app.tenants (id);

create table app.password_resets (
  tenant_id uuid not null,
  id uuid not null,
  user_id uuid not null,
  secret_hash bytea not null,
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null,
  used_at timestamptz(3),
  constraint password_resets_pkey primary key (tenant_id, id),
  constraint password_resets_secret_hash unique (tenant_id, secret_hash)
);
create index password_resets_by_user on app.password_resets (tenant_id, user_id);
select tenancy.protect('app.password_resets', secret => '{secret_hash}', transient => true);
alter table app.password_resets add constraint password_resets_user
  foreign key (tenant_id, user_id) references app.users (tenant_id, id) on delete cascade;

-- Where an account last logged in from: such an address is exempt from the account-wide block, so that nobody can be
-- locked out for ever by a stranger's guesses. Operators' rows carry the system tenant.
create table app.known_addresses (
  tenant_id uuid not null,
  account_id uuid not null,
  address text not null,
  last_login_at timestamptz(3) not null default now(),
  constraint known_addresses_pkey primary key (tenant_id, account_id, address)
);
select tenancy.protect('app.known_addresses', transient => true);
alter table app.known_addresses add constraint known_addresses_tenant foreign key (tenant_id) references app.tenants (id);
