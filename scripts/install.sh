#!/bin/sh
# Installs VaBus Data Handler: picks the executable for this machine, checks it, and puts it in its place in one step.
#
#   sh install.sh                    the latest release into /usr/local/bin
#   PREFIX=$HOME/.local sh install.sh
#   VERSION=0.1.0 sh install.sh
#   BASE_URL=https://mirror.example/vabus sh install.sh     from a mirror: the files of one release
#
# Downloads over https only (with curl also after redirections), and over http from this host alone. Where `gh` is there
# and logged in, it also checks that the file was built by the project's own workflow (its attestation); ATTESTATION=skip
# leaves that out.
#
# Needs curl or wget, and sha256sum or shasum. Installing again is upgrading: a handler that runs is not disturbed, and
# becomes the new one when it is started again.
set -eu

name=vabus-data-handler
project=https://github.com/vabus/vabus-data-handler
prefix=${PREFIX:-/usr/local}
work=

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

leave_nothing() {
  [ -z "$work" ] || rm -rf "$work"
}
trap leave_nothing EXIT
trap 'exit 1' HUP INT TERM

pick_file() {
  system=$(uname -s)
  machine=$(uname -m)
  case $machine in
  x86_64 | amd64) machine=x64 ;;
  aarch64 | arm64) machine=arm64 ;;
  *) fail "there is no executable for the processor $machine, only for x86_64 and arm64. Nothing was installed." ;;
  esac
  case $system in
  Linux) system=linux ;;
  Darwin) system=macos ;;
  *) fail "there is no executable for $system that this script could install. Windows: download $name-windows-x64.exe" \
    "from $project/releases. Nothing was installed." ;;
  esac
  echo "$name-$system-$machine"
}

# fetch URL FILE: all of it, or an error.
fetch() {
  if command -v curl >/dev/null 2>&1; then
    curl --proto "=$scheme" --proto-redir "=$scheme" --fail --silent --show-error --location --retry 2 --output "$2" "$1"
  elif command -v wget >/dev/null 2>&1; then
    wget -q -O "$2" "$1"
  else
    fail "neither curl nor wget is here; one of them is needed. Nothing was installed."
  fi
}

sha256_of() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum "$1"
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256 "$1"
  else
    fail "neither sha256sum nor shasum is here; one of them is needed to check the download. Nothing was installed."
  fi | cut -d ' ' -f 1
}

file=$(pick_file)
if [ -n "${BASE_URL:-}" ]; then
  base=${BASE_URL%/}
elif [ -n "${VERSION:-}" ]; then
  base=$project/releases/download/v${VERSION#v}
else
  base=$project/releases/latest/download
fi

case $base in
https://*) scheme=https ;;
http://127.0.0.1[:/]* | http://localhost[:/]*) scheme=http ;;
*) fail "BASE_URL has to begin with https://: what comes without it may be anybody's. Nothing was installed." ;;
esac

# check_attestation FILE: the project's own workflow has made it.
check_attestation() {
  [ "${ATTESTATION:-}" != skip ] || return 0
  if ! command -v gh >/dev/null 2>&1; then
    echo "install.sh: who built it was not checked, since gh is not here; its checksum was." >&2
  elif ! gh auth status >/dev/null 2>&1; then
    echo "install.sh: who built it was not checked, since gh is not logged in; its checksum was." >&2
  else
    gh attestation verify "$1" --repo "${project#https://github.com/}" >/dev/null ||
      fail "gh cannot verify that $file was built by $project; its own message is above." \
        "ATTESTATION=skip installs it all the same. Nothing was installed."
  fi
}

# The work directory is beside the executable's place, so that the executable can be renamed into it.
mkdir -p "$prefix/bin" 2>/dev/null && work=$(mktemp -d "$prefix/bin/.$name.XXXXXX" 2>/dev/null) ||
  fail "no permission to write to $prefix/bin. Run as root, or name another place: PREFIX=\$HOME/.local. Nothing was installed."

fetch "$base/SHA256SUMS" "$work/SHA256SUMS" || fail "$base/SHA256SUMS cannot be had. Nothing was installed."
expected=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$file\$/\1/p" "$work/SHA256SUMS")
[ -n "$expected" ] || fail "this release has no $file. Nothing was installed."
fetch "$base/$file" "$work/$name" || fail "$base/$file cannot be had. Nothing was installed."
actual=$(sha256_of "$work/$name")
[ "$actual" = "$expected" ] ||
  fail "$file is not what was released: its checksum is $actual, not $expected." \
    "The download was cut short or changed on its way. Nothing was installed."

check_attestation "$work/$name"
chmod 755 "$work/$name"
# The executable unpacks itself into a cache at its first start. This cache is in the work directory, which is deleted.
version=$(XDG_CACHE_HOME="$work" CACHE_DIRECTORY='' "$work/$name" --version) ||
  fail "the executable does not run here; its own message is above. Nothing was installed."
mv -f "$work/$name" "$prefix/bin/$name"
echo "$version is now $prefix/bin/$name"
case ":$PATH:" in
*":$prefix/bin:"*) ;;
*) echo "$prefix/bin is not on your PATH." ;;
esac
