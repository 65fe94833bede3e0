# Deno, Node's libraries within it and the program's packages look for settings of their own in the environment: another
# authority to trust, a port to listen on, a trace of all that is read. Nothing decides what
# this program does but its own settings.
unread=
# The shell lists its variables itself, since each process that it starts costs every start a millisecond. A line within a
# value may look as if it named a variable: then what would be left out anyway is left out.
newline='
'
set -f
IFS=$newline
for line in $(export -p); do
  case $line in export\ *) ;; *) continue ;; esac
  variable=${line#export }
  variable=${variable%%=*}
  case $variable in
    *[!A-Za-z0-9_]*) ;; # a line within a value, which names none
    # Documented: what a host needs of the engine. Deno takes an empty one for a flag without a name, and does not start.
    DENO_V8_FLAGS) [ -n "$DENO_V8_FLAGS" ] || unset DENO_V8_FLAGS ;;
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
unset IFS
set +f
unset VABUS_LAUNCHER_ASKS VABUS_LAUNCHER_KEPT
# The program says which variables of OpenTelemetry are set that nothing goes by.
export VABUS_LAUNCHER_UNREAD="$unread"

# A dump of this program's memory would hold its secrets, in a file or with the system's collector of crashes.
ulimit -S -c 0 2>/dev/null || :
