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

# Becomes the program in the directory $1; the runtime keeps what it has compiled in $2.
start() {
  directory=$1
  cache=$2
  shift 2
  export DENO_DIR="$cache" DENO_NO_UPDATE_CHECK=1 DENO_NO_PACKAGE_JSON=1 DENO_TLS_CA_STORE=mozilla,system
  # The name that the program was called by, so that commands that it prints can be pasted.
  VABUS_LAUNCHER_PATH=$0
  export VABUS_LAUNCHER_PATH
  # glibc keeps freed memory. Blocks larger than a reply of the bus, above all tables that have grown, are to be given
  # back at once. What is kept at the end of the heap is for the next replies: else the kernel would take back, and clear, the
  # same pages with each of them.
  export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-1}" MALLOC_MMAP_THRESHOLD_="${MALLOC_MMAP_THRESHOLD_:-4194304}"
  export MALLOC_TOP_PAD_="${MALLOC_TOP_PAD_:-8388608}"
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
  # Deno reads all that is named in an import() before it starts, unless it is told not to.
  set -- $guard "$directory/$name" run @PERMISSIONS@ ${may_run:+"$may_run"} @ENGINE_FLAGS@ --no-config --no-lock --no-remote --no-npm --unstable-lazy-dynamic-imports \
    "$directory/main.mjs" "$@"
  if $is_exporting; then export_telemetry "$@"; fi
  # A shell runs no trap while it becomes another program: a signal of that moment would be lost. Now it ends the program.
  trap - $ended_by_hangup INT TERM
  exec "$@"
}
