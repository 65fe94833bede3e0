#!/bin/sh
# VaBus Data Handler @VERSION@ (@COMMIT@) for @PLATFORM@.
#
# One file: behind the last line of this script follow Deno and the program, each compressed with gzip. The first start
# unpacks both into a cache directory, and every start then becomes that Deno (exec), so signals, arguments and the exit
# code are the program's own. Between that moment and the first line of the program, a fraction of a second, a signal ends it at
# once: nothing has begun. V8 flags, should a host need some, go into DENO_V8_FLAGS.
set -eu

@ENVIRONMENT@

content=@CONTENT@
main_size=@MAIN_SIZE@
deno_size=@DENO_SIZE@
deno_packed_size=@DENO_PACKED_SIZE@
program_packed_size=@PROGRAM_PACKED_SIZE@
# The files of the program, as they lie behind each other, and their sizes.
parts='@PARTS@'
part_sizes='@PART_SIZES@'
hashes='@HASHES@'

@SIGNALS@

@UNPACKING@

@STARTING@

# A directory that must be this user's, too, for the program to be unpacked below it.
home=
# Becomes the program when it is or can be unpacked in the directory $2 below $1.
start_from() {
  parent=$1
  base=$1/$2
  directory=$base/$content
  shift 2
  if ! [ -d "$directory" ]; then
    [ -z "$home" ] || are_ours "$home" || return 0
    (umask 077 && mkdir -p "$directory") 2>/dev/null || return 0
  fi
  # All in one list, since each process that is started costs a millisecond.
  are_ours ${home:+"$home"} "$parent/." "$base" "$directory" ||
    { is_sticky "$parent/." && are_ours ${home:+"$home"} "$base" "$directory"; } || return 0
  if ! is_unpacked "$directory"; then
    remove_old "$base"
    # In the background: a shell handles a signal only after the command that it waits for in the foreground has ended.
    (umask 077 && unpack "$directory") &
    wait "$!" || return 0
  fi
  # Its date tells when this version was last started.
  true 2>/dev/null >"$directory/started" || :
  # The runtime keeps what it has compiled by this path, and ways over several links are one directory.
  directory=$(cd "$directory" && pwd -P) || return 0
  start "$directory" "$directory/deno_dir" "$@"
}

# A relative path is another directory wherever the program is started, so it counts as none.
is_absolute() {
  case $1 in /*) ;; *) return 1 ;; esac
}

if is_absolute "${CACHE_DIRECTORY:-}"; then # systemd's, for this very service
  start_from "${CACHE_DIRECTORY%%:*}" vabus-data-handler "$@"
fi
if is_absolute "${XDG_CACHE_HOME:-}"; then
  start_from "$XDG_CACHE_HOME" vabus-data-handler "$@"
elif is_absolute "${HOME:-}"; then
  home=$HOME/.
  start_from "$HOME/.cache" vabus-data-handler "$@"
  home=
fi
temporary=/tmp
if is_absolute "${TMPDIR:-}"; then temporary=$TMPDIR; fi
start_from "$temporary" "vabus-data-handler-$(id -u)" "$@"

# While it is unpacked, the program is there in one piece and in its parts.
needed=$deno_size
for size in $part_sizes; do needed=$((needed + 2 * size)); done
cat >&2 <<END
vabus-data-handler: found no place to unpack itself to; nothing was started.
It needs @PLATFORM@ with glibc and a directory that belongs to this user alone, allows programs to run and
has $((needed / 1000000 + 1)) MB free: CACHE_DIRECTORY, XDG_CACHE_HOME, ~/.cache and TMPDIR (or /tmp) were tried, as far as they
are set. Set XDG_CACHE_HOME to such a directory. If gzip complained above, this file is damaged: copy it again.
END
exit 1
