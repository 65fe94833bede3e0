#!/bin/bash
# For systemd_room.sh: a Debian of its own, and the packages that the trial installs.
#   furnish_with_debian.sh ARCHIVE KIND OLD NEW
set -euo pipefail
archive=$1 kind=$2 old=$3 new=$4
tar --extract --file "$archive"
mkdir -p packages
cp "$kind" packages/kind.sh
cp "$old" packages/old
cp "$new" packages/new
