#!/bin/bash
# For systemd_room.sh: a Debian of its own, and the packages that the trial installs.
#   furnish_with_debian.sh ARCHIVE OLD NEW
set -euo pipefail
archive=$1 old=$2 new=$3
tar --extract --file "$archive"
mkdir -p packages
cp "$old" packages/old.deb
cp "$new" packages/new.deb
