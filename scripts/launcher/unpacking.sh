# Whether directories are this user's, and nobody else can put files into them.
are_ours() {
  for path; do [ -O "$path" ] || return 1; done
  count=$#
  listed=$(ls -ldn "$@" 2>/dev/null) || return 1
  set -f
  IFS=$newline
  set -- $listed
  unset IFS
  set +f
  [ "$#" -eq "$count" ] || return 1
  for line; do
    case $line in d????-??-*) ;; *) return 1 ;; esac
  done
}
# Whether a directory is sticky, as /tmp is, so that nobody else can replace this user's files in it.
is_sticky() {
  path=$1
  set -- $(ls -ldn "$path" 2>/dev/null)
  # The owner of a directory may replace what others have in it, so it must be root or this user.
  [ "${3:-}" = 0 ] || [ -O "$path" ] || return 1
  case ${1:-} in d????????[tT]*) ;; *) return 1 ;; esac
}

has_size() {
  [ -f "$1" ] && [ "$(wc -c <"$1")" -eq "$2" ]
}
is_complete() {
  has_size "$1/$name" "$deno_size" && has_size "$1/main.mjs" "$main_size" && [ -x "$1/$name" ]
}
# The last hash is that of all parts, one behind the other.
is_whole() {
  is_complete "$1" && [ "$(cd "$1" && cat $parts 2>/dev/null | sha256sum "$name" main.mjs - | cut -c 1-64 | tr '\n' ' ')" = "$hashes " ]
}
# Prints the inode, size and change time of each file. Every change of a file changes the last, which only root can set
# at will.
state_of() {
  (cd "$1" && stat -c '%n %i %s %z' "$name" main.mjs $parts) 2>/dev/null
}
# The hashes are computed again only where a file has changed since they were last right: they take as long as a start.
is_unpacked() {
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

# Writes the parts of the program into the directory $1, where they are one file.
write_parts() {
  (umask 077 && mkdir "$1/program") || return 1
  sizes=$part_sizes
  at=1
  for part in $parts; do
    size=${sizes%% *}
    sizes=${sizes#* }
    tail -c "+$at" "$1/parts" 2>/dev/null | head -c "$size" >"$1/$part" || return 1
    at=$((at + size))
  done
}

# Each file is complete and on disk before it gets its name, so neither a second start at the same moment nor a power cut
# leaves half of one under it. Running Deno once tells whether the directory and the machine allow it.
unpack() {
  work=$(mktemp -d "$1/unpack.$$.XXXXXX") || return 1
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' $ended_by_hangup INT TERM
  tail -c "$((deno_packed_size + program_packed_size))" "$0" 2>/dev/null | head -c "$deno_packed_size" | gzip -dc >"$work/$name" &&
    tail -c "$program_packed_size" "$0" | gzip -dc >"$work/parts" &&
    write_parts "$work" &&
    write_main >"$work/main.mjs" &&
    chmod 700 "$work/$name" &&
    is_whole "$work" &&
    { (cd "$work" && sync "$name" main.mjs $parts 2>/dev/null) || sync; } &&
    "$work/$name" --version >/dev/null &&
    mv -f "$work/$name" "$1/$name" &&
    mkdir -p "$1/program" && (cd "$work" && mv -f $parts "$1/program/") &&
    mv -f "$work/main.mjs" "$1/main.mjs" &&
    is_unpacked "$1" && status=0 || status=1
  rm -rf "$work"
  trap - EXIT $ended_by_hangup INT TERM
  return "$status"
}

# Removes versions that were not started for a month, and what killed starts have left behind. What runs stays whatever
# its age, since the clock may have been set.
remove_old() {
  for old in "$1"/[0-9a-f]*; do
    last=$old
    [ ! -f "$old/started" ] || last=$old/started
    if [ -d "$old" ] && [ "$old" != "$1/$content" ] && is_older "$last" 30 && ! runs_from "$old"; then rm -rf "$old" || :; fi
  done
  for old in "$1/$content"/unpack.*; do
    maker=${old##*/unpack.}
    if [ -d "$old" ] && is_older "$old" 0 && ! kill -0 "${maker%%.*}"; then rm -rf "$old" || :; fi
  done
} 2>/dev/null
# Whether a file or directory was last changed more than $2 days ago.
is_older() {
  [ -n "$(find "$1" -maxdepth 0 -mtime "+$2")" ]
}
runs_from() {
  for exe in /proc/[0-9]*/exe; do
    if [ "$exe" -ef "$1/$name" ]; then return 0; fi
  done
  return 1
}
