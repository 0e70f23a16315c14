#!/bin/sh
# Runs nginx, and tells it when servers come and go and when the certificate was renewed.
#
#   sh start.sh plain.conf | tls.conf
#
# nginx resolves the names of an upstream once, at its start. This looks every PAUSE seconds.
set -eu
config=/etc/ringback/$1
servers=/tmp/servers.conf
PAUSE=2

# The addresses of all replicas of `api` as nginx wants them; nothing if there is none now.
find_servers() {
  timeout 3 getent ahostsv4 api | awk '$2 == "STREAM" { print "server " $1 ":5005;" }' | sort -u
}

certificate() {
  cat /etc/ringback-tls/*.pem 2>/dev/null | cksum
}

present=$(find_servers) || true
[ -n "$present" ] || { echo "No address for the service api." >&2; exit 1; }
echo "$present" >"$servers"
# Where HTTPS answers, for the redirect to it.
port=${HTTPS_PORT:-443}
[ "$port" = 443 ] && suffix='' || suffix=:$port
echo "map \$host \$https_suffix { default \"$suffix\"; }" >/tmp/redirect.conf
seal=$(certificate)

nginx -e stderr -c "$config" -g 'daemon off;' &
nginx=$!
trap 'kill -TERM "$nginx" 2>/dev/null' TERM INT QUIT

while kill -0 "$nginx" 2>/dev/null; do
  sleep "$PAUSE" &
  wait $! || true # a signal ends it early
  found=$(find_servers) || true
  renewed=$(certificate)
  # While no server is there, keep the last ones: they may be back in a moment.
  if { [ -n "$found" ] && [ "$found" != "$present" ]; } || [ "$renewed" != "$seal" ]; then
    present=${found:-$present}
    seal=$renewed
    echo "$present" >"$servers"
    echo "servers: $(echo "$present" | tr '\n' ' ')" >&2
    # A refusal (half of a new certificate) is in nginx's log; it goes on as before.
    kill -HUP "$nginx" 2>/dev/null || true
  fi
done
wait "$nginx"
