-- When a run's files may be removed, as whoever backs up said; null: they are kept until they are pruned.
alter table app.backup_runs add column expires_at timestamptz(3);
