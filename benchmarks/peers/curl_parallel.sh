#!/bin/sh
# curl, one process, keep-alive, 64 in flight. Its config file, with two lines for each ID,
# is written before the clock starts:
#   url = "BASE_URL/responses/ID"
#   output = "/dev/null"
# usage: curl_parallel.sh CONFIG [CA]
exec curl --silent --show-error --http1.1 --request DELETE \
    --header "Authorization: Bearer $API_KEY" \
    --parallel --parallel-max 64 ${2:+--cacert "$2"} --config "$1"
