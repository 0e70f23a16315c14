#!/bin/bash
# Starts RabbitMQ with the one user, and the password, that RINGBACK_BROKER_URL names. It keeps nothing over a
# restart: what it holds is in Postgres as well, and so another address is all that another password needs.
set -eu
umask 077
part='([^]:@/?#[[:space:]]+)'
if [[ ! ${RINGBACK_BROKER_URL:-} =~ ^amqp://$part:$part@rabbitmq(:5672)?(//?|/%2[fF])?$ ]]; then
  echo "RINGBACK_BROKER_URL must be amqp://USER:PASSWORD@rabbitmq:5672// for this service." >&2
  exit 78
fi
decode() { # %2F as /
  local text=${1//\\/\\\\}
  printf '%b' "${text//%/\\x}"
}
user=${BASH_REMATCH[1]} password=${BASH_REMATCH[2]}
RABBITMQ_DEFAULT_USER=$(decode "$user") RABBITMQ_DEFAULT_PASS=$(decode "$password")
export RABBITMQ_DEFAULT_USER RABBITMQ_DEFAULT_PASS
export RABBITMQ_MNESIA_BASE=/tmp/mnesia RABBITMQ_ENABLED_PLUGINS_FILE=/tmp/enabled_plugins
export RABBITMQ_LOGS=- RABBITMQ_LOG=warning RABBITMQ_LOG_BASE=/tmp
echo '[].' >"$RABBITMQ_ENABLED_PLUGINS_FILE"
unset RINGBACK_BROKER_URL
# Debian's package has another one on the path, which writes beside its data.
server=/usr/lib/rabbitmq/bin/rabbitmq-server
[ -x "$server" ] || server=rabbitmq-server
exec "$server"
