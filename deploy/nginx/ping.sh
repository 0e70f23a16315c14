#!/bin/bash
# Health check of the proxy: it answers and reaches a server. In bash, for the image has no client.
exec 3<>/dev/tcp/127.0.0.1/8099 || exit 1
printf 'GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
read -r _ status _ <&3
[ "$status" = 200 ]
