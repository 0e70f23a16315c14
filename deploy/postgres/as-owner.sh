#!/bin/bash
# Runs a client of Postgres inside the container as the owner of the database: bash as-owner.sh psql
set -eu
secret=/run/secrets/ringback_database_password
export PGHOST=127.0.0.1 PGUSER=ringback PGDATABASE=ringback
PGPASSWORD=${RINGBACK_DATABASE_PASSWORD:-$(cat "$secret")}
export PGPASSWORD
exec "$@"
