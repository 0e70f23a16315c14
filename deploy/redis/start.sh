#!/bin/sh
# Starts Redis; with a password if there is one in the environment or in a secret file (production).
# It goes through a file: a command line would show it to everybody who may list processes.
set -eu
umask 077
secret=/run/secrets/ringback_redis_password
password=${RINGBACK_REDIS_PASSWORD:-}
if [ -e "$secret" ]; then
  password=${password:-$(cat "$secret")}
  [ -n "$password" ] || { echo "RINGBACK_REDIS_PASSWORD, or the secret of that name, is empty." >&2; exit 78; }
fi
: >/tmp/redis.conf
: >/tmp/password
if [ -n "$password" ]; then
  quoted=$(printf '%s' "$password" | sed 's/[\\"]/\\&/g')
  printf 'requirepass "%s"\n' "$quoted" >/tmp/redis.conf
  printf '%s' "$password" >/tmp/password
fi
unset RINGBACK_REDIS_PASSWORD
# The engine's networks and published ports decide who reaches it, not Redis' guess at them.
exec redis-server /tmp/redis.conf --protected-mode no "$@"
