#!/bin/bash
# For systemd_room.sh: the host's /usr, which cannot be written, and the service as an operator installs it by hand.
#   furnish_with_host.sh UNITS PROGRAM
set -euo pipefail
units=$1 program=$2
mkdir -p usr opt etc/systemd/system etc/vabus-data-handler
mount --bind /usr usr
mount -o remount,bind,ro usr
for link in bin sbin lib lib64; do ln -s "usr/$link" "$link"; done
cp /etc/passwd /etc/group /etc/nsswitch.conf /etc/ld.so.cache etc/
install -m 755 "$program" opt/vabus-data-handler
sed 's|/usr/local/bin/|/opt/|' "$units/vabus-data-handler.service" > etc/systemd/system/vabus-data-handler.service
