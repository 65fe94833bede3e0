#!/bin/sh
# Runs a command two minutes before the month ends (UTC), with a clock that goes on from there: scripts/month_end.sh make test
# Needs libfaketime (Debian: faketime) and GNU date.
set -eu

if ! command -v faketime >/dev/null; then
  echo "month_end.sh: there is no faketime (Debian: apt-get install faketime)" >&2
  exit 1
fi
next_month=$(date -u -d "$(date -u +%Y-%m-01) +1 month" +%s)
# Waits last as long as without libfaketime. With the "fix", which is for old systems, Java's waits do not wait at all.
export FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_FORCE_MONOTONIC_FIX=0
# All processes with this clock share a semaphore and some memory. Those of another user, such as PostgreSQL's, must be able to
# open them too, or they end at their start.
faketime -m -f "+$((next_month - 120 - $(date -u +%s)))s" sh -c '
  semaphore=${FAKETIME_SHARED%% *} memory=${FAKETIME_SHARED##* }
  chmod a+rw "/dev/shm/sem.${semaphore#/}" "/dev/shm/${memory#/}"
  exec "$@"
' sh "$@"
