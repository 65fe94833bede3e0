#!/bin/bash
# For systemd_room.sh: a Debian of its own, and what package_trial.sh needs in it: the script of the kind of package, a state
# of the oldest schema, and two versions of the package.
#   furnish_with_debian.sh ARCHIVE KIND OLDEST OLD NEW
set -euo pipefail
archive=$1 kind=$2 oldest=$3 old=$4 new=$5
tar --extract --file "$archive"
mkdir -p packages
cp "$kind" packages/kind.sh
cp "$oldest" packages/oldest.sqlite
cp "$old" packages/old
cp "$new" packages/new
