#!/bin/sh
# Runs once, on an empty PostgreSQL: the ordinary user and the database that tenantctl needs.
set -eu
psql --set ON_ERROR_STOP=1 --username postgres <<'SQL'
\set password `cat /run/secrets/database_password`
create role tenantctl_admin login createrole password :'password';
create database tenantctl owner tenantctl_admin;
SQL
