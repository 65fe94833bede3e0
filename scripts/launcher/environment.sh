# Deno, Node's libraries within it and the program's packages look for settings of their own in the environment: another
# authority to trust, a port to listen on, a trace of all that is read. Nothing decides what
# this program does but its own settings.
unread=
for variable in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
  case $variable in
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
unset VABUS_LAUNCHER_ASKS VABUS_LAUNCHER_KEPT
# The program says which variables of OpenTelemetry are set that nothing goes by.
export VABUS_LAUNCHER_UNREAD="$unread"

# A dump of this program's memory would hold its secrets, in a file or with the system's collector of crashes.
ulimit -S -c 0 2>/dev/null || :
