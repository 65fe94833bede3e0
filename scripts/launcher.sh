#!/bin/sh
# VaBus Data Handler @VERSION@ (@COMMIT@) for @PLATFORM@.
#
# One file: behind the last line of this script follow Deno and the program, each compressed with gzip. The first start
# unpacks both into a cache directory, and every start then becomes that Deno (exec), so signals, arguments and the exit
# code are the program's own. Between that moment and the first line of the program, a fraction of a second, a signal ends it at
# once: nothing has begun. V8 flags, should a host need some, go into DENO_V8_FLAGS.
set -eu

# Deno, Node's libraries within it and the program's packages look for settings of their own in the environment: another
# authority to trust, a port to listen on, a trace of all that is read. Nothing decides what
# this program does but its own settings.
unread=
for variable in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
  case $variable in
    DENO_V8_FLAGS) ;; # documented: what a host needs of the engine
    @TELEMETRY_SETTINGS@) ;; # settings of the program
    OTEL_*)
      unread="$unread $variable"
      unset "$variable"
      ;;
    DENO_* | NODE_* | V8_* | NPM_CONFIG_* | npm_config_* | JSR_* | RUST_* | UV_* | PG* | KAFKAJS_*) unset "$variable" ;;
    SSL_CERT_FILE | SSL_CERT_DIR | SSLKEYLOGFILE | OPENSSL_*) unset "$variable" ;;
    # The program's output depends on no language. V8's library for languages crashes over a name that is long enough,
    # and ssh and sudo pass these variables on.
    LANG | LANGUAGE | LC_*) unset "$variable" ;;
  esac
done
unset VABUS_LAUNCHER_ASKS VABUS_LAUNCHER_KEPT
# The program says which variables of OpenTelemetry are set that nothing goes by.
export VABUS_LAUNCHER_UNREAD="$unread"

# A dump of this program's memory would hold its secrets, in a file or with the system's collector of crashes.
ulimit -S -c 0 2>/dev/null || :

content=@CONTENT@
main_size=@MAIN_SIZE@
deno_size=@DENO_SIZE@
deno_packed_size=@DENO_PACKED_SIZE@
program_size=@PROGRAM_SIZE@
program_packed_size=@PROGRAM_PACKED_SIZE@
hashes='@HASHES@'
uid=$(id -u)
# The name that Deno runs under, so that ps and pidof find the program by it.
name=vabus-data-handler

# Signals before the program runs: a service has stopped in good order then, since nothing has begun, and exits with 0.
# Any other command was not carried out. What runs beside this shell is ended first.
# SIGHUP asks `run` to read its settings again, which it is about to do. It ends any other command.
ended_by_hangup=HUP
has_telemetry=false
case ${1:-run} in
  run) is_service=true ended_by_hangup= has_telemetry=true ;;
  once) is_service=false has_telemetry=true ;;
  bus | demo) is_service=true ;;
  -h | --help | -V | --version) is_service=false ;;
  -*) is_service=true ended_by_hangup= has_telemetry=true ;; # flags of run, which is the command where none is named
  *) is_service=false ;;
esac
stop() {
  trap '' HUP INT TERM
  [ -z "${!:-}" ] || kill "$!" 2>/dev/null || :
  wait
  if $is_service; then exit 0; fi
  exit "$1"
}
if [ -n "$ended_by_hangup" ]; then trap 'stop 129' HUP; else trap '' HUP; fi
trap '' USR1 USR2
trap 'stop 130' INT
trap 'stop 143' TERM

# Whether a directory is this user's, and nobody else can put files into it.
is_ours() {
  set -- $(ls -ldn "$1" 2>/dev/null)
  case ${3:-} in "$uid") ;; *) return 1 ;; esac
  case $1 in d????-??-*) ;; *) return 1 ;; esac
}
# Whether a directory is sticky, as /tmp is, so that nobody else can replace this user's files in it.
is_sticky() {
  set -- $(ls -ldn "$1" 2>/dev/null)
  # The owner of a directory may replace what others have in it, so it must be root or this user.
  case ${3:-} in 0 | "$uid") ;; *) return 1 ;; esac
  case $1 in d????????[tT]*) ;; *) return 1 ;; esac
}

has_size() {
  [ -f "$1" ] && [ "$(wc -c <"$1")" -eq "$2" ]
}
is_complete() {
  has_size "$1/$name" "$deno_size" && has_size "$1/main.mjs" "$main_size" && has_size "$1/program.mjs" "$program_size" && [ -x "$1/$name" ]
}
is_whole() {
  is_complete "$1" && [ "$(cd "$1" && sha256sum "$name" main.mjs program.mjs | cut -c 1-64 | tr '\n' ' ')" = "$hashes " ]
}
# Prints the inode, size and change time of each file. Every change of a file changes the last, which only root can set
# at will.
state_of() {
  (cd "$1" && stat -c '%n %i %s %z' "$name" main.mjs program.mjs) 2>/dev/null
}
# The hashes are computed again only where a file has changed since they were last right: they take as long as a start.
is_unpacked() {
  is_complete "$1" || return 1
  state=$(state_of "$1") && [ "$state" = "$(cat "$1/checked" 2>/dev/null)" ] && return 0
  is_whole "$1" || return 1
  (umask 077 && state_of "$1" >"$1/checked.$$" && mv -f "$1/checked.$$" "$1/checked") 2>/dev/null || rm -f "$1/checked.$$"
}

# Writes the module that listens for signals and then loads the program. It is small, so Deno runs it at once.
write_main() {
  cat <<'END_OF_MAIN'
@MAIN@
END_OF_MAIN
}

# Each file is complete and on disk before it gets its name, so neither a second start at the same moment nor a power cut
# leaves half of one under it. Running Deno once tells whether the directory and the machine allow it.
unpack() {
  work=$(mktemp -d "$1/unpack.XXXXXX") || return 1
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' $ended_by_hangup INT TERM
  tail -c "$((deno_packed_size + program_packed_size))" "$0" 2>/dev/null | head -c "$deno_packed_size" | gzip -dc >"$work/$name" &&
    tail -c "$program_packed_size" "$0" | gzip -dc >"$work/program.mjs" &&
    write_main >"$work/main.mjs" &&
    chmod 700 "$work/$name" &&
    is_whole "$work" &&
    { sync "$work/$name" "$work/program.mjs" "$work/main.mjs" 2>/dev/null || sync; } &&
    "$work/$name" --version >/dev/null &&
    mv -f "$work/$name" "$1/$name" &&
    mv -f "$work/program.mjs" "$1/program.mjs" &&
    mv -f "$work/main.mjs" "$1/main.mjs" &&
    is_unpacked "$1" && status=0 || status=1
  rm -rf "$work"
  trap - EXIT $ended_by_hangup INT TERM
  return "$status"
}

# Removes versions that were not started for a month, and what killed starts have left behind.
remove_old() {
  find "$1" -mindepth 1 -maxdepth 1 -type d -name '[0-9a-f]*' ! -name "$content" -mtime +30 -exec rm -rf {} + 2>/dev/null || :
  find "$1/$content" -maxdepth 1 -name 'unpack.*' -mtime +0 -exec rm -rf {} + 2>/dev/null || :
}

# Whether the settings of this start mention a receiver of OpenTelemetry.
mentions_telemetry() {
  $has_telemetry || return 1
  [ -z "${OTEL_EXPORTER_OTLP_ENDPOINT:-}" ] || return 0
  file=.env
  for argument; do
    case $argument in
      --otel-exporter-otlp-endpoint*) return 0 ;;
      --env-file=*) file=${argument#*=} ;;
      *) [ "${previous:-}" != --env-file ] || file=$argument ;;
    esac
    previous=$argument
  done
  [ -f "$file" ] && grep -q OTEL_EXPORTER_OTLP_ENDPOINT "$file" 2>/dev/null
}

# Runs a command that becomes the program, to be told what its exporter of OpenTelemetry needs: it is built into Deno, which
# reads the environment when it starts, and only then. What is wrong with the settings is said by the start itself.
export_telemetry() {
  exported=$(VABUS_LAUNCHER_ASKS=telemetry "$@" 2>/dev/null) || return 0
  while IFS= read -r line; do
    case $line in OTEL_*=* | VABUS_LAUNCHER_KEPT=*) export "$line" ;; esac
  done <<END_OF_EXPORTED
$exported
END_OF_EXPORTED
}

# Becomes the program when it is or can be unpacked in the directory $2 below $1.
start_from() {
  parent=$1
  base=$1/$2
  directory=$base/$content
  shift 2
  (umask 077 && mkdir -p "$directory") 2>/dev/null || return 0
  is_ours "$parent/." || is_sticky "$parent/." || return 0
  is_ours "$base" && is_ours "$directory" || return 0
  if ! is_unpacked "$directory"; then
    remove_old "$base"
    # In the background: a shell handles a signal only after the command that it waits for in the foreground has ended.
    (umask 077 && unpack "$directory") &
    wait "$!" || return 0
  fi
  touch -c "$directory" 2>/dev/null || :
  export DENO_DIR="$directory/deno_dir" DENO_NO_UPDATE_CHECK=1 DENO_NO_PACKAGE_JSON=1 DENO_TLS_CA_STORE=mozilla,system
  # The name that the program was called by, so that commands that it prints can be pasted.
  VABUS_LAUNCHER_PATH=$0
  export VABUS_LAUNCHER_PATH
  # glibc keeps freed memory. Blocks larger than a reply of the bus, above all tables that have grown, are to be given
  # back at once.
  export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-1}" MALLOC_MMAP_THRESHOLD_="${MALLOC_MMAP_THRESHOLD_:-4194304}"
  # Deno opens a port for debuggers at SIGUSR1, which no program can keep it from. So the signal is kept from Deno, where the
  # tools of this machine can do that (coreutils 8.31 and newer).
  guard=
  if env --block-signal=USR1 true 2>/dev/null; then guard='env --block-signal=USR1'; fi
  # Why these permissions: scripts/permissions.ts. A comma would end a path, so a home directory with a comma is left
  # out.
  secrets=
  case ${HOME:-} in
    *,*) ;;
    /*) for secret in @HOME_SECRETS@; do secrets=$secrets,$HOME/$secret; done ;;
  esac
  # The demo starts a handler, a process of this very file: no other command starts any, and the demo starts nothing else. Two
  # cases cannot be told to Deno but by allowing it all programs: a comma in a path, and a library put before the program,
  # as one that changes its clock.
  may_run=
  if [ "${1:-}" = demo ]; then
    case $0 in /*) self=$0 ;; *) self=$PWD/${0#./} ;; esac
    case $self${LD_PRELOAD:+,} in *,*) may_run=--allow-run ;; *) may_run=--allow-run=$self ;; esac
  fi
  if mentions_telemetry "$@"; then is_exporting=true; else is_exporting=false; fi
  set -- $guard "$directory/$name" run @PERMISSIONS@ ${may_run:+"$may_run"} @ENGINE_FLAGS@ --no-config --no-lock --no-remote --no-npm \
    "$directory/main.mjs" "$@"
  if $is_exporting; then export_telemetry "$@"; fi
  # A shell runs no trap while it becomes another program: a signal of that moment would be lost. Now it ends the program.
  trap - $ended_by_hangup INT TERM
  exec "$@"
}

if [ -n "${CACHE_DIRECTORY:-}" ]; then # systemd's, for this very service
  start_from "${CACHE_DIRECTORY%%:*}" vabus-data-handler "$@"
fi
if [ -n "${XDG_CACHE_HOME:-}" ]; then
  start_from "$XDG_CACHE_HOME" vabus-data-handler "$@"
elif [ -n "${HOME:-}" ] && is_ours "$HOME/."; then
  start_from "$HOME/.cache" vabus-data-handler "$@"
fi
start_from "${TMPDIR:-/tmp}" "vabus-data-handler-$uid" "$@"

cat >&2 <<END
vabus-data-handler: found no place to unpack itself to; nothing was started.
It needs @PLATFORM@ with glibc and a directory that belongs to this user alone, allows programs to run and
has $((deno_size / 1000000 + 1)) MB free: CACHE_DIRECTORY, XDG_CACHE_HOME, ~/.cache and TMPDIR (or /tmp) were tried, as far as they
are set. Set XDG_CACHE_HOME to such a directory. If gzip complained above, this file is damaged: copy it again.
END
exit 1
