#!/bin/sh
# A curl process for every ID, 16 at once.
# usage: xargs_curl.sh IDS BASE_URL
exec xargs -P 16 -I {} curl --silent --show-error --output /dev/null --request DELETE \
    --header "Authorization: Bearer $API_KEY" "$2/responses/{}" < "$1"
