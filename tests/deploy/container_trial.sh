#!/bin/bash
# Runs an image, and prints what it saw: on a read-only root, without capabilities, as the image's own user. To be called as
#   unshare --mount --cgroup container_trial.sh DIRECTORY IMAGE
# The cgroups are mounted anew, since crun refuses a host that has both versions. No container gets any.
set -uo pipefail
directory=$1 image=$2
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# crun gives what a container in the background reads and writes, /dev/null, to the container's user.
mknod --mode=666 "$directory/null" c 1 3 && mount --bind "$directory/null" /dev/null || exit 1
podman() {
  command podman --root "$directory/images" --runroot "$directory/run" --storage-driver=vfs --cgroup-manager=cgroupfs "$@"
}
flags=(--read-only --tmpfs=/tmp --network=none --cgroups=disabled --cap-drop=all --ulimit=nofile=1024:1024
  --ulimit=nproc=4096:4096)

echo "version: $(podman run --rm "${flags[@]}" "$image" --version | cut -d ' ' -f 1,2)"
id=$(podman run --detach "${flags[@]}" --env STORAGE_TYPE=stdout --env INSTANCE_ID=image "$image")
until podman healthcheck run "$id" >/dev/null 2>&1; do
  if [ "$(podman inspect --format '{{.State.Running}}' "$id")" != true ]; then
    podman logs "$id"
    break
  fi
  sleep 1
done
echo "user: $(podman exec "$id" id -u)"
echo "bill of materials: $(podman exec "$id" head -c 1 /usr/share/doc/vabus-data-handler/sbom.cdx.json)"
podman stop --time 60 "$id" >/dev/null
echo "stop: exit $(podman inspect --format '{{.State.ExitCode}}' "$id")"
podman rm --force --volumes "$id" >/dev/null
echo done
