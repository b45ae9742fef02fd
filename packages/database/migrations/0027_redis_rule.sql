-- Where processes share their rate limits through Redis, and it has gone.
insert into app.alert_rules
  (name, metric, about, threshold, critical_threshold, hands_over_at, hold_seconds, clear_after_seconds, severity, notify, escalate_after_seconds)
values
  ('redis', 'redis_away', 'Redis, through which processes share their rate limits, has not answered for a minute', 60, null, null, 0, 60, 'warning', '{on_call}', null);
update app.alert_rules r set shipped = to_jsonb(r) - array['name', 'shipped', 'updated_at', 'updated_by'] where name = 'redis';
