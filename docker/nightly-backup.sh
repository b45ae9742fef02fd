#!/bin/sh
# Backs all tenants up every day at BACKUP_AT (UTC, HH:MM). What each run printed and its exit code go to the container's log.
set -u
at=${BACKUP_AT:-02:30}
case $at in
  [0-2][0-9]:[0-5][0-9]) ;;
  *) echo "BACKUP_AT: expected HH:MM, not $at" >&2; exit 2 ;;
esac
# PID 1 of a container ignores SIGTERM unless told otherwise.
trap 'exit 143' TERM
trap 'exit 130' INT

while :; do
  now=$(date -u +%s)
  next=$(date -u -d "today $at" +%s)
  [ "$next" -gt "$now" ] || next=$(date -u -d "tomorrow $at" +%s)
  echo "next backup at $(date -u -d "@$next" +%Y-%m-%dT%H:%M:%SZ)"
  sleep $((next - now)) &
  wait $!
  tenantctl backup --repo /backups --no-input ${BACKUP_RECIPIENTS_FILE:+--recipients-file "$BACKUP_RECIPIENTS_FILE"}
  echo "tenantctl backup ended with exit code $?"
done
