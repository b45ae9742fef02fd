-- The audit log proves itself: every row is sealed a moment after it was committed, in a chain per tenant (the system's own
-- rows under the system tenant). The keyed hashes are made by the server, which has the key; here nothing can be sealed.

-- Which transaction wrote a row, so that the sealer finds what a snapshot did not show yet, late committers included. Null:
-- written before this migration. It means nothing in another database, and leaves in no archive.
alter table app.audit_log add column written_by xid8;
alter table app.audit_log alter column written_by set default pg_current_xact_id();
create index audit_log_written_by on app.audit_log (written_by);

create table app.audit_seals (
  tenant_id uuid not null,
  sequence bigint not null constraint audit_seals_sequence check (sequence > 0),
  audit_id uuid not null,
  at timestamptz(3) not null,
  -- SHA-256 of all columns of the row, and the keyed hash of that and the seal before.
  row_digest bytea not null,
  hash bytea not null,
  key_id text not null,
  -- Batches are written one after another, so (batch, tenant_id, sequence) is the order of sealing.
  batch bigint not null,
  -- The row became visible between these two. Null: nobody had looked before.
  not_before timestamptz(3),
  sealed_at timestamptz(3) not null,
  constraint audit_seals_pkey primary key (tenant_id, sequence),
  constraint audit_seals_row unique (tenant_id, at, audit_id)
);
select tenancy.retain('app.audit_seals', tenant_may => 'select');

-- Where each chain ends, and where it begins now that old months were dropped.
create table app.audit_chains (
  tenant_id uuid not null,
  sequence bigint not null,
  hash bytea not null,
  base_sequence bigint not null default 0,
  base_hash bytea not null,
  batch bigint not null,
  key_id text not null,
  -- Null: found altered. Then `suspect` is the sequence after which nothing is proven; both stay so.
  mac bytea,
  suspect bigint,
  constraint audit_chains_pkey primary key (tenant_id)
);
create index audit_chains_by_batch on app.audit_chains (batch);
create index audit_chains_suspect on app.audit_chains (tenant_id) where suspect is not null;
select tenancy.retain('app.audit_chains', tenant_may => 'select');

-- How many chains and seals there are, so that a whole chain can't go unseen.
create table app.audit_register (
  single boolean not null default true constraint audit_register_pkey primary key constraint audit_register_single check (single),
  chains bigint not null default 0,
  rows bigint not null default 0,
  batch bigint not null default 0,
  -- Rows before this were dropped by retention.
  dropped_before timestamptz(3),
  key_id text,
  mac bytea,
  -- The last batch that a checkpoint told the contacts of.
  announced_batch bigint not null default 0
);
select tenancy.global('app.audit_register');
insert into app.audit_register default values;

-- How far the sealer has looked: all that `seen` shows is sealed. A pass of several batches goes on behind (resume_at, resume_id)
-- with what `target` shows. It means nothing in another database.
create table app.audit_sealer (
  single boolean not null default true constraint audit_sealer_pkey primary key constraint audit_sealer_single check (single),
  seen pg_snapshot,
  seen_at timestamptz(3),
  target pg_snapshot,
  resume_at timestamptz(3),
  resume_id uuid,
  -- Some rows of this pass wait for a key that is not there: they are looked for again.
  skipped boolean not null default false
);
select tenancy.global('app.audit_sealer');
update tenancy.table_classes set transient = true where table_name = 'app.audit_sealer'::regclass;
insert into app.audit_sealer default values;

-- The log's rows that `seen` did not show (null: all) and `target` shows (null: whatever this statement sees), by time, behind
-- (after_at, after_id). Exact however long a transaction took and whatever its rows' times say: that is what snapshots are for.
create function app.new_audit_rows(seen pg_snapshot, target pg_snapshot, after_at timestamptz, after_id uuid, most integer)
returns setof app.audit_log
language plpgsql stable set search_path = pg_catalog, pg_temp
-- A table that was not analysed yet looks small to the planner, and this runs every second.
set enable_seqscan = off as $$
begin
  if seen is null then
    return query select * from app.audit_log l
      where (after_at is null or (l.at >= after_at and (l.at, l.id) > (after_at, after_id)))
        and (target is null or l.written_by is null or pg_visible_in_snapshot(l.written_by, target))
      order by l.at, l.id limit most;
  else
    -- "offset 0": found by transaction and then sorted. By time it would read the whole log to find the few.
    return query select * from (
        select * from app.audit_log r
        where r.written_by >= pg_snapshot_xmax(seen) or r.written_by = any (array(select pg_snapshot_xip(seen))) offset 0) l
      where (after_at is null or (l.at, l.id) > (after_at, after_id))
        and (target is null or pg_visible_in_snapshot(l.written_by, target))
      order by l.at, l.id limit most;
  end if;
end $$;

-- Appends a batch of seals, moves the heads and the sealer. Only ever appends: a head that is not where the caller read it, a
-- sequence that is taken or a row sealed already is an error, and nothing is kept. Runs as the owner, for one batch is of many tenants.
create function app.append_audit_seals(seals json, heads json, register json, reached json) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  moved bigint;
  made bigint;
begin
  update app.audit_register r set chains = n.chains, rows = n.rows, batch = n.batch, key_id = n.key_id, mac = decode(n.mac, 'hex')
  from json_to_record(register) as n(chains bigint, rows bigint, batch bigint, key_id text, mac text)
  where r.batch = n.batch - 1;
  get diagnostics moved = row_count;
  insert into app.audit_chains (tenant_id, sequence, hash, base_hash, batch, key_id, mac)
  select h.tenant_id, h.sequence, decode(h.hash, 'hex'), decode(h.base_hash, 'hex'), h.batch, h.key_id, decode(h.mac, 'hex')
  from json_to_recordset(heads) as h(tenant_id uuid, previous bigint, sequence bigint, hash text, base_hash text, batch bigint, key_id text, mac text)
  where h.previous is null;
  get diagnostics made = row_count;
  moved := moved + made;
  update app.audit_chains c set sequence = h.sequence, hash = decode(h.hash, 'hex'), batch = h.batch, key_id = h.key_id,
    mac = decode(h.mac, 'hex'), suspect = coalesce(c.suspect, h.suspect)
  from json_to_recordset(heads) as h(tenant_id uuid, previous bigint, sequence bigint, hash text, batch bigint, key_id text, mac text, suspect bigint)
  where c.tenant_id = h.tenant_id and c.sequence = h.previous and h.sequence > h.previous;
  get diagnostics made = row_count;
  if moved + made <> 1 + json_array_length(heads) then
    perform app.refuse('edit_conflict', 'The audit log is sealed by another process at this moment.', 'It goes on by itself.');
  end if;
  insert into app.audit_seals (tenant_id, sequence, audit_id, at, row_digest, hash, key_id, batch, not_before, sealed_at)
  select s.tenant_id, s.sequence, s.audit_id, s.at, decode(s.row_digest, 'hex'), decode(s.hash, 'hex'), s.key_id, s.batch, s.not_before, s.sealed_at
  from json_to_recordset(seals) as s(tenant_id uuid, sequence bigint, audit_id uuid, at timestamptz, row_digest text, hash text,
    key_id text, batch bigint, not_before timestamptz, sealed_at timestamptz);
  perform app.move_audit_sealer(reached);
end $$;

create function app.move_audit_sealer(reached json) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  update app.audit_sealer s set seen = p.seen::pg_snapshot, seen_at = p.seen_at, target = p.target::pg_snapshot,
    resume_at = p.resume_at, resume_id = p.resume_id, skipped = p.skipped
  from json_to_record(reached) as p(seen text, seen_at timestamptz, target text, resume_at timestamptz, resume_id uuid, skipped boolean);
end $$;

-- Contacts were told of every head up to this batch.
create function app.audit_announced(batch bigint) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
  update app.audit_register r set announced_batch = audit_announced.batch where r.announced_batch < audit_announced.batch;
end;

-- What stands in the way of dropping the rows before `cutoff`, a sentence each.
create function app.audit_retention_obstacles(cutoff timestamptz) returns setof text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  held record;
  waiting bigint;
begin
  if cutoff <> date_trunc('month', cutoff at time zone 'UTC') at time zone 'UTC' or cutoff > now() - interval '31 days' then
    return next 'only whole months that ended a month ago or longer are dropped';
  end if;
  for held in
    select t.slug from app.legal_holds h join app.tenants t on t.id = h.tenant_id
    where exists (select from app.audit_log l where l.tenant_id = h.tenant_id and l.at < cutoff) order by t.slug
  loop
    return next format('%s is under a legal hold and has rows in it', held.slug);
  end loop;
  select count(*) into waiting from (
    select from app.audit_log l where l.at < cutoff
      and not exists (select from app.audit_seals s where s.tenant_id = l.tenant_id and s.at = l.at and s.audit_id = l.id) limit 1000) as unsealed;
  if waiting > 0 then
    return next format('%s%s rows in it have no seal', waiting, case waiting when 1000 then ' or more' else '' end);
  end if;
end $$;

-- Drops the rows before `cutoff`: months as a whole, and what lies in the partition of no month. Refuses while anything stands
-- in the way. Returns how many rows went.
create function app.drop_audit_rows(cutoff timestamptz, register json) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
-- Whoever writes must not wait behind this while it waits for a reader.
set lock_timeout = '5s' as $$
declare
  obstacle text;
  part record;
  gone bigint := 0;
  more bigint;
begin
  -- The sealer and whoever makes partitions wait; then the state is read anew.
  perform pg_advisory_xact_lock(7164);
  perform pg_advisory_xact_lock(7062);
  lock table app.legal_holds in share mode;
  select o into obstacle from app.audit_retention_obstacles(cutoff) o limit 1;
  if obstacle is not null then
    perform app.refuse('transition_forbidden', format('The audit log is kept: %s.', obstacle), 'See `tenantctl audit retention`.');
  end if;
  update app.audit_register r set dropped_before = cutoff, batch = n.batch, key_id = n.key_id, mac = decode(n.mac, 'hex')
  from json_to_record(register) as n(batch bigint, key_id text, mac text)
  where r.batch = n.batch - 1 and (r.dropped_before is null or r.dropped_before <= cutoff);
  if not found then
    perform app.refuse('edit_conflict', 'The audit log was sealed or dropped by another process meanwhile.', 'Try again.');
  end if;
  for part in
    select c.oid::regclass as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'app.audit_log'::regclass and c.relname ~ '^audit_log_\d{4}_\d\d$'
      and (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month') at time zone 'UTC' <= cutoff
  loop
    execute format('select count(*) from %s', part.name) into more;
    gone := gone + more;
    execute format('alter table app.audit_log detach partition %s', part.name);
    execute format('drop table %s', part.name);
  end loop;
  delete from app.audit_log where at < cutoff;
  get diagnostics more = row_count;
  return gone + more;
end $$;

-- Lets chains begin later: the seals up to each new base go. The caller has the key, and so the bases' MACs.
create function app.trim_audit_chains(heads json) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  gone bigint;
begin
  update app.audit_chains c set base_sequence = h.base_sequence, base_hash = decode(h.base_hash, 'hex'), key_id = h.key_id, mac = decode(h.mac, 'hex')
  from json_to_recordset(heads) as h(tenant_id uuid, sequence bigint, base_sequence bigint, base_hash text, key_id text, mac text)
  where c.tenant_id = h.tenant_id and c.sequence = h.sequence and c.base_sequence < h.base_sequence and h.base_sequence <= c.sequence;
  delete from app.audit_seals s using app.audit_chains c, app.audit_register r,
    json_to_recordset(heads) as h(tenant_id uuid)
  where c.tenant_id = h.tenant_id and s.tenant_id = c.tenant_id and s.sequence <= c.base_sequence and s.at < r.dropped_before;
  get diagnostics gone = row_count;
  return gone;
end $$;

do $$
begin
  execute format('revoke insert, update, delete on app.audit_register, app.audit_sealer from %I', tenancy.role('operator'));
  execute format('grant execute on function app.new_audit_rows(pg_snapshot, pg_snapshot, timestamptz, uuid, integer) to %I, %I',
    tenancy.role('operator'), tenancy.role('tenant'));
  execute format('grant execute on function app.append_audit_seals(json, json, json, json), app.move_audit_sealer(json), app.audit_announced(bigint),
    app.audit_retention_obstacles(timestamptz), app.drop_audit_rows(timestamptz, json), app.trim_audit_chains(json) to %I', tenancy.role('operator'));
end $$;
