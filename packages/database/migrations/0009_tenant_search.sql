-- The list's search begins at the start of slug, name or contact e-mail; the first two have their index already.
create index tenants_contact_search on app.tenants (contact_email text_pattern_ops);

-- A worker that died leaves its operation unfinished: found by how long ago it last said something.
create index operations_by_heartbeat on app.operations (heartbeat_at) where status in ('queued', 'running');

-- Answers that are kept for a day, to be found when the tenant they are about is removed.
alter table app.idempotency_keys add column tenant_id uuid;
create index idempotency_keys_by_tenant on app.idempotency_keys (tenant_id);
