#!/bin/sh
# Runs once, on an empty PostgreSQL: the ordinary user and the database that tenantctl needs.
set -eu
password=$(cat /run/secrets/database_password)
psql --set ON_ERROR_STOP=1 --username postgres --set password="$password" <<'SQL'
create role tenantctl_admin login createrole password :'password';
create database tenantctl owner tenantctl_admin;
SQL
