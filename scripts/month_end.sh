#!/bin/sh
# Runs a command two minutes before the month ends (UTC), with a clock that goes on from there: scripts/month_end.sh make test
# Needs libfaketime (Debian: faketime) and GNU date.
set -eu

library=$(find /usr/lib /usr/lib64 /usr/local/lib -name libfaketimeMT.so.1 2>/dev/null | head -n 1)
if [ -z "$library" ]; then
  echo "month_end.sh: there is no libfaketime (Debian: apt-get install faketime)" >&2
  exit 1
fi
next_month=$(date -u -d "$(date -u +%Y-%m-01) +1 month" +%s)
FAKETIME=+$((next_month - 120 - $(date -u +%s)))s
# Waits last as long as without libfaketime. With the "fix", which is for old systems, Java's waits do not wait at all.
FAKETIME_DONT_FAKE_MONOTONIC=1
FAKETIME_FORCE_MONOTONIC_FIX=0
LD_PRELOAD=$library
export FAKETIME FAKETIME_DONT_FAKE_MONOTONIC FAKETIME_FORCE_MONOTONIC_FIX LD_PRELOAD
exec "$@"
