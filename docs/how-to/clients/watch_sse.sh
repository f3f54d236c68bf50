#!/bin/sh
# Follows a run by Server-Sent Events with nothing but curl, until it is at rest.
#
#   sh watch_sse.sh RUN [LAST]
#
# LAST is the number got last; the stream goes on after it. A browser sends the last `id:` by itself, as the
# header Last-Event-ID.
set -eu
gateway=${PRESSRUN_GATEWAY_URL:-http://127.0.0.1:3131}
key=${PRESSRUN_API_KEY:-}
exec curl --silent --show-error --fail-with-body --no-buffer \
  ${key:+--header "authorization: Bearer $key"} \
  "$gateway/v1/events?run=$1&after=${2:-0}&until_rest=true"
