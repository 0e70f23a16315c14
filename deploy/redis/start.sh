#!/bin/sh
# Starts Redis with the password from a secret file or from the environment, if there is one.
# It goes through a file: a command line would show it to everybody who may list processes.
set -eu
umask 077
secret=/run/secrets/ringback_redis_password
password=${RINGBACK_REDIS_PASSWORD:-}
[ -n "$password" ] || [ ! -s "$secret" ] || password=$(cat "$secret")
: >/tmp/redis.conf
if [ -n "$password" ]; then
  quoted=$(printf '%s' "$password" | sed 's/[\\"]/\\&/g')
  printf 'requirepass "%s"\n' "$quoted" >/tmp/redis.conf
  printf '%s' "$password" >/tmp/password
fi
unset RINGBACK_REDIS_PASSWORD password quoted
# The engine's networks and published ports decide who reaches it, not Redis' guess at them.
exec redis-server /tmp/redis.conf --protected-mode no "$@"
