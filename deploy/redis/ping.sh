#!/bin/sh
# Health check of Redis: answers, with the password if there is one, and has read its file.
[ ! -s /tmp/password ] || REDISCLI_AUTH=$(cat /tmp/password)
export REDISCLI_AUTH
[ "$(redis-cli ping)" = PONG ]
