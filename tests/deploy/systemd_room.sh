#!/bin/bash
# Starts systemd as process 1 of a machine of its own, with a unit that runs a script. To be called as
#   unshare --pid --fork --kill-child --mount --uts --ipc --cgroup --net systemd_room.sh ROOM SCRIPT FURNISH...
# ROOM is an empty directory; what the script prints is in ROOM/out/trial.log. FURNISH, a script with its arguments, fills the
# root directory, which it is called in. Of the host the machine has ROOM/out, and what FURNISH gives it: whatever a boot
# cleans, sets up or starts is in memory, and goes with it.
set -euo pipefail
room=$1 script=$2
shift 2
root=$room/root
mkdir -p "$root" "$room/out"
mount -t tmpfs tmpfs "$root"
cd "$root"
"$@"
mkdir -p var/lib var/log var/tmp tmp run proc sys dev/shm dev/pts root home opt out old etc/systemd/system
mount --bind "$room/out" out

echo 0123456789abcdef0123456789abcdef > etc/machine-id
echo '127.0.0.1 localhost' > etc/hosts
mount -t proc proc proc
mount -t sysfs sysfs sys
# As everywhere: in a directory that all may write, nobody may open what belongs to others, be it /dev/null.
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/shm dev/pts
for device in null zero full random urandom tty; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t cgroup2 cgroup2 sys/fs/cgroup

# Those that would set what all machines of a kernel share, or wait for devices.
for unit in systemd-{sysctl,modules-load,udevd,udev-trigger,hwdb-update,random-seed,remount-fs,logind}.service \
  systemd-udevd-{control,kernel}.socket dev-{hugepages,mqueue}.mount sys-kernel-{debug,tracing}.mount \
  sys-fs-fuse-connections.mount; do
  ln -s /dev/null "etc/systemd/system/$unit"
done
install -m 755 "$script" opt/trial.sh
cat > etc/systemd/system/trial.service <<'UNIT'
[Unit]
After=basic.target
Requires=basic.target
[Service]
Type=oneshot
ExecStart=/bin/bash /opt/trial.sh
StandardOutput=append:/out/trial.log
StandardError=append:/out/trial.log
UNIT

ip link set lo up
pivot_root . old
cd /
umount -l /old
container=lxc exec /usr/lib/systemd/systemd --system --unit=trial.service --log-target=journal --show-status=no
