-- Changes whenever what archives are made from does: tables and their classes, columns, keys, types, migrations. A snapshot
-- asks for it, so that a catalogue kept in memory is never used for tables that look different by now.
create function tenancy.shape() returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select md5(concat_ws('|',
    (select sum(hashtextextended(concat_ws(' ', t.table_name::oid, t.xmin, t.ctid, c.xmin), 0))
      from tenancy.table_classes t join pg_class c on c.oid = t.table_name),
    (select sum(hashtextextended(concat_ws(' ', a.attrelid, a.attnum, a.xmin), 0))
      from tenancy.table_classes t join pg_attribute a on a.attrelid = t.table_name where a.attnum > 0),
    (select sum(hashtextextended(concat_ws(' ', c.oid, c.xmin), 0))
      from tenancy.table_classes t join pg_constraint c on c.conrelid = t.table_name),
    (select sum(hashtextextended(concat_ws(' ', e.oid, e.xmin), 0)) from pg_enum e),
    (select count(*) from tenancy.migrations)))
$$;

-- Makes the sequence go on after `reached`, never before where it is. Other sessions' nextval waits until the transaction
-- ends, so that nobody draws a number between the look and the step: call it last.
create function tenancy.raise_sequence(seq regclass, reached bigint) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  step bigint;
  last bigint;
  called boolean;
begin
  select s.seqincrement into step from pg_sequence s
  where s.seqrelid = seq and exists (
    select from pg_depend d join tenancy.table_classes t on t.table_name = d.refobjid
    where d.classid = 'pg_class'::regclass and d.objid = seq and d.refclassid = 'pg_class'::regclass and d.deptype = 'a');
  if step is null or step < 0 then
    return;
  end if;
  -- Changes nothing, but keeps others from drawing.
  execute format('alter sequence %s increment by %s', seq, step);
  execute format('select last_value, is_called from %s', seq) into last, called;
  if reached > last or (reached = last and not called) then
    perform setval(seq, reached);
  end if;
end $$;

-- What a rebuilt system must not bring back: logins, tokens, throttles, answers kept for repeats, alerts (they open again).
update tenancy.table_classes set transient = true where table_name in (
  'app.operator_sessions'::regclass, 'app.operator_tokens'::regclass, 'app.operator_resets'::regclass,
  'app.login_throttles'::regclass, 'app.idempotency_keys'::regclass, 'app.alerts'::regclass);

do $$
begin
  execute format('grant execute on function tenancy.shape() to %I, %I', tenancy.role('tenant'), tenancy.role('operator'));
  execute format('grant execute on function tenancy.raise_sequence(regclass, bigint) to %I', tenancy.role('operator'));
end $$;
