#!/bin/sh
# Runs Deno with the arguments given: $DENO, else a deno on PATH that is new enough, else the one that npm brings.
# The last is kept outside of the tree, in $VABUS_CACHE or the user's cache directory (see also cache.ts).
set -eu

min_minor=9 # of Deno 2
npm_version=2.9.6

fail() {
  echo "deno.sh: $*" >&2
  exit 1
}

# Prints where the real program is, when it is new enough: what npm puts on PATH is a wrapper that swallows signals.
# The user's own Deno settings must not bear on the answer.
real_deno() {
  answer=$("$1" eval --no-config --no-lock 'console.log(Deno.version.deno, Deno.execPath())' 2>/dev/null) || return 1
  version=${answer%% *}
  case $version in [0-9]*.[0-9]*.*) ;; *) return 1 ;; esac
  major=${version%%.*}
  minor=${version#*.}
  minor=${minor%%.*}
  [ "$major" -gt 2 ] || { [ "$major" -eq 2 ] && [ "$minor" -ge "$min_minor" ]; } || return 1
  echo "${answer#* }"
}

# Two at once both install and both move the same program into place; the second rename changes nothing.
install_from_npm() {
  command -v npm >/dev/null 2>&1 ||
    fail "Deno 2.$min_minor or newer is needed, and neither it nor npm, which could bring it, is on PATH." \
      "Install one of them, or set DENO to the program."
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/deno.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM
  echo "Installing Deno $npm_version with npm into $cache" >&2
  # Install scripts may be forbidden, so the program is taken from the platform's package itself.
  npm install --prefix "$work" --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error \
    "deno@$npm_version" >&2 </dev/null || fail "npm could not install deno@$npm_version; its own message is above."
  for program in "$work"/node_modules/@deno/*/deno; do
    chmod 755 "$program" 2>/dev/null && real_deno "$program" >/dev/null && mv -f "$program" "$cached" && break
  done
  [ -x "$cached" ] || fail "npm has no Deno $npm_version that runs on $(uname -sm). Install Deno and set DENO to it."
  rm -rf "$work"
  trap - EXIT HUP INT TERM
}

# A temporary directory that cannot be used is as good as none.
if [ -n "${TMPDIR:-}" ] && ! { [ -d "$TMPDIR" ] && [ -w "$TMPDIR" ] && [ -x "$TMPDIR" ]; }; then
  unset TMPDIR
fi

if [ -n "${DENO:-}" ]; then
  program=$(real_deno "$DENO") || fail "DENO=$DENO is not a Deno of version 2.$min_minor or newer."
elif program=$(real_deno deno); then
  :
else
  if [ -n "${VABUS_CACHE:-}" ]; then
    cache=$VABUS_CACHE
  elif [ -n "${XDG_CACHE_HOME:-}" ]; then
    cache=$XDG_CACHE_HOME/vabus-data-handler
  elif [ -n "${HOME:-}" ]; then
    cache=$HOME/.cache/vabus-data-handler
  else
    fail "Neither VABUS_CACHE nor XDG_CACHE_HOME nor HOME is set; set one of them."
  fi
  cached=$cache/deno-$npm_version
  [ -x "$cached" ] || install_from_npm
  program=$cached
fi

# Company networks bring certificates of their own.
export DENO_TLS_CA_STORE="${DENO_TLS_CA_STORE:-mozilla,system}"
export DENO_NO_UPDATE_CHECK=1
exec "$program" "$@"
