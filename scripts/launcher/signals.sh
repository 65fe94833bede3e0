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
