#!/bin/sh
# Runs a command two minutes before the month ends (UTC), with a clock that goes on from there: scripts/month_end.sh make test
# Needs a compiler of C and GNU date.
set -eu

if ! command -v cc >/dev/null; then
  echo "month_end.sh: there is no compiler of C (Debian: apt-get install gcc libc6-dev)" >&2
  exit 1
fi
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
# Processes of other users, such as PostgreSQL's, load it too.
chmod a+rx "$directory"
cc -shared -fPIC -O2 -o "$directory/wrong_clock.so" "$(dirname "$0")/../tests/support/wrong_clock.c"
next_month=$(date -u -d "$(date -u +%Y-%m-01) +1 month" +%s)
CLOCK_AHEAD_SECONDS=$((next_month - 120 - $(date -u +%s))) LD_PRELOAD="$directory/wrong_clock.so" "$@"
