#!/bin/sh
# VaBus Data Handler @VERSION@ (@COMMIT@), as a package installs it.
#
# Starts the Deno and the program that a package has brought, and becomes that Deno (exec), so signals, arguments and the
# exit code are the program's own. V8 flags, should a host need some, go into DENO_V8_FLAGS.
set -eu

@ENVIRONMENT@

@SIGNALS@

@STARTING@

# Nothing is kept of what was compiled: it would be one more directory whose content becomes code.
start '@LIBRARY@' /dev/null/none "$@"
