#!/bin/sh
# GNU parallel: a curl process for every ID, 16 at once. Its job log makes it resumable, and it
# retries.
# usage: gnu_parallel.sh IDS BASE_URL JOBLOG
exec parallel --will-cite -j 16 --retries 3 --joblog "$3" --resume \
    curl --silent --show-error --fail --output /dev/null --request DELETE \
    --header "'Authorization: Bearer $API_KEY'" "$2/responses/{}" :::: "$1"
