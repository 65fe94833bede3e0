#!/bin/sh
# Installs VaBus Data Handler: picks the executable for this machine, checks it, and puts it in its place in one step.
#
#   sh install.sh                    the latest release into /usr/local/bin; the release beside it, where there is one
#   sh install.sh --service          and the service of systemd: its user, its unit, and its settings where there are none
#   sh install.sh --uninstall        takes away the executable and the service; settings and state stay
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
# For those who lay out a file system for another machine. Nothing is started then.
root=${DESTDIR:-}
unit=/etc/systemd/system/$name.service
settings=/etc/$name/env
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
  if [ "$scheme" = file ]; then
    cp "$1" "$2"
  elif command -v curl >/dev/null 2>&1; then
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

has_service=false
is_uninstall=false
for argument; do
  case $argument in
  --service) has_service=true ;;
  --uninstall) is_uninstall=true ;;
  -h | --help)
    sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
  *) fail "$argument is not known; --service, --uninstall and --help are. Nothing was changed." ;;
  esac
done

! $has_service || ! $is_uninstall || fail "--service installs, --uninstall takes away: give one of them. Nothing was changed."

# What needs root, and only for the system itself.
needs_systemd() {
  [ -z "$root" ] || return 0
  command -v systemctl >/dev/null 2>&1 || fail "there is no systemd here, so there can be no service of it. Nothing was changed."
  [ "$(id -u)" = 0 ] || fail "a service takes root. Nothing was changed."
}

if $is_uninstall; then
  if [ ! -e "$prefix/bin/$name" ] && [ ! -e "$root$unit" ]; then
    fail "there is no $prefix/bin/$name and no $root$unit. PREFIX names another place; a package is removed by apt or dnf." \
      "Nothing was changed."
  fi
  if [ -e "$prefix/bin/$name" ] && [ ! -w "$prefix/bin" ]; then
    fail "no permission to write to $prefix/bin. Run as root. Nothing was changed."
  fi
  if [ -f "$root$unit" ]; then
    needs_systemd
    if [ -z "$root" ]; then systemctl disable --now $name.service || fail "the service cannot be stopped. Nothing was removed."; fi
    rm -f "$root$unit"
    [ -n "$root" ] || systemctl daemon-reload
  fi
  rm -f "$prefix/bin/$name" || fail "$prefix/bin/$name cannot be removed; rm's own message is above."
  echo "$name was removed. What stays: settings in /etc/$name, the state in /var/lib/$name, the user $name."
  echo "The state may hold aggregates that no sink has. Without them: rm -rf /etc/$name /var/lib/$name /var/lib/private/$name"
  exit 0
fi
if $has_service; then
  needs_systemd
  # As the unit can name it, and as the service can see it: it runs without the homes of users.
  case $prefix/ in
  /home/* | /root/* | /run/user/*)
    fail "a service cannot run what is in $prefix, which is a user's own. Leave PREFIX out. Nothing was changed."
    ;;
  /*[!A-Za-z0-9./_-]* | [!/]*)
    fail "PREFIX is $prefix. For a service it is an absolute path of A-Z a-z 0-9 . _ - /. Nothing was changed."
    ;;
  esac
fi

file=$(pick_file)
beside=$(dirname "$0")
if [ -z "${BASE_URL:-}${VERSION:-}" ] && [ -f "$beside/SHA256SUMS" ] && [ -f "$beside/$file" ]; then
  base=$beside
elif [ -n "${BASE_URL:-}" ]; then
  base=${BASE_URL%/}
elif [ -n "${VERSION:-}" ]; then
  base=$project/releases/download/v${VERSION#v}
else
  base=$project/releases/latest/download
fi

case $base in
"$beside") scheme=file ;;
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
mkdir -p "$prefix/bin" && work=$(mktemp -d "$prefix/bin/.$name.XXXXXX") ||
  fail "$prefix/bin cannot be written to; the reason is above. Without root: PREFIX=\$HOME/.local. Nothing was installed."

fetch "$base/SHA256SUMS" "$work/SHA256SUMS" || fail "$base/SHA256SUMS cannot be had; the reason is above. Nothing was installed."
# fetch_checked FILE TARGET
fetch_checked() {
  expected=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$1\$/\1/p" "$work/SHA256SUMS")
  [ -n "$expected" ] || fail "this release has no $1. Nothing was installed."
  fetch "$base/$1" "$2" || fail "$base/$1 cannot be had; the reason is above. Nothing was installed."
  actual=$(sha256_of "$2")
  [ "$actual" = "$expected" ] ||
    fail "$1 is not what was released: its checksum is $actual, not $expected." \
      "The download was cut short or changed on its way. Nothing was installed."
}
fetch_checked "$file" "$work/$name"
if $has_service; then
  fetch_checked $name.service "$work/released"
  sed "s|/usr/local/bin/|$prefix/bin/|" "$work/released" >"$work/unit" ||
    fail "$prefix/bin cannot be written to; the reason is above. Nothing was installed."
  fetch_checked $name.env "$work/env"
fi

[ "$scheme" = file ] || check_attestation "$work/$name"
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

$has_service || exit 0
if [ -z "$root" ] && ! id "$name" >/dev/null 2>&1; then
  useradd --system --user-group --no-create-home --home-dir /var/lib/$name --shell /usr/sbin/nologin $name ||
    fail "the user $name cannot be made. $prefix/bin/$name is there; the service is not."
fi
# put FILE TARGET MODE GROUP: all of it or nothing, where the disk is full, too.
put() {
  new=$2.new
  if mkdir -p "$(dirname "$2")" && cp "$1" "$new" && chmod "$3" "$new" && { [ -n "$root" ] || chown "root:$4" "$new"; } &&
    mv -f "$new" "$2"; then
    return 0
  fi
  rm -f "$new"
  fail "$2 cannot be written; the reason is above. $prefix/bin/$name is there; the service is not. Then run this again."
}
# It may hold passwords, and the service reads it as its own user.
[ -e "$root$settings" ] || put "$work/env" "$root$settings" 640 $name
put "$work/unit" "$root$unit" 644 root
[ -n "$root" ] || { systemctl daemon-reload && systemctl enable --quiet $name.service; }
cat <<END
The service is $unit. Say in $settings where events come from, then:
  $prefix/bin/$name check --env-file $settings
  systemctl start $name
  $prefix/bin/$name status
END
