#!/bin/sh
# Delete the IDs of a file, from cron or CI: nothing is asked, and a second start resumes.
#
#   ARK_API_KEY=... samples/retention.sh ids.txt
#
# At most 100,000 deletions over the whole log, so that a wrong file cannot do more.
set -eu

ids=${1:?usage: retention.sh IDS}
log=$ids.bulkdel.jsonl

code=0
bulkdel delete "$ids" -p ark --log "$log" --max-delete 100000 --yes --quiet || code=$?

case $code in
    0) echo "every ID is gone" ;;
    1) echo "some IDs failed; they are in $ids.failed" >&2
       bulkdel failed "$log" > "$ids.failed" ;;
    *) echo "bulkdel stopped with exit code $code; the next start resumes" >&2 ;;
esac
exit "$code"
