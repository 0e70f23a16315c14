#!/bin/bash
# Starts the image's Postgres with the password from the environment or from a secret file. It counts when
# the database is made; later, `alter role` changes it.
set -eu
secret=/run/secrets/ringback_database_password
POSTGRES_PASSWORD=${RINGBACK_DATABASE_PASSWORD:-$(cat "$secret")}
[ -n "$POSTGRES_PASSWORD" ] || { echo "RINGBACK_DATABASE_PASSWORD, or the secret of that name, is empty." >&2; exit 78; }
export POSTGRES_PASSWORD
unset RINGBACK_DATABASE_PASSWORD
exec bash /usr/local/bin/docker-entrypoint.sh postgres
