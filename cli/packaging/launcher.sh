#!/bin/sh
# OpenShell @VERSION@ for @TARGET@ in one file: this script, then a compressed archive.
#
# The first start checks the archive by its digest and unpacks it to a private folder, by rename, so
# that starts at the same time do no harm. Later starts run no other program before OpenShell: they
# only look whether each file is there, is ours, and is no newer than the seal that was set after it.
set -u
digest=@DIGEST@
archive_at=@ARCHIVE_AT@
files='@FILES@'

case $0 in
  /*) self=$0 ;;
  */*) self=$PWD/$0 ;;
  *) self=$(command -v -- "$0") || self=$PWD/$0 ;;
esac

fail() {
  printf 'error: Cannot start openshell: %s\nhint: %s\n' "$1" "$2" >&2
  exit 1
}

# True when folder $1 is ours, complete and unchanged. Symbolic links and files of others are not.
ready() {
  [ -O "$1" ] && [ ! -L "$1" ] && [ -O "$1/sealed" ] && [ -x "$1/deno" ] || return 1
  for file in $files; do
    [ -O "$1/$file" ] && [ ! -L "$1/$file" ] && [ ! "$1/$file" -nt "$1/sealed" ] || return 1
  done
}

# True when folder $1 can be made ours: private to us, and not somebody's link to elsewhere.
private() {
  mkdir -p "$1" 2>/dev/null
  [ -O "$1" ] && [ ! -L "$1" ] && [ -w "$1" ] && chmod 0700 "$1" 2>/dev/null
}

digest_of() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum; else shasum -a 256; fi <"$1" 2>/dev/null
}

# Unpacks to $1/$digest in a shell of its own. Status 3: this file itself is damaged.
unpack() (
  umask 077
  private "$1" || exit 1
  find "$1" -maxdepth 1 -name 'new.*' -mtime +1 -exec rm -rf {} + 2>/dev/null
  new=$(mktemp -d "$1/new.XXXXXXXXXX" 2>/dev/null) || exit 1
  trap 'rm -rf "$new" "$new.old"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' HUP TERM
  if [ -t 2 ]; then echo 'Unpacking openshell @VERSION@, this once' >&2; fi
  tail -c "+$archive_at" "$self" >"$new/archive" 2>/dev/null || exit 1
  actual=$(digest_of "$new/archive")
  [ "${actual%% *}" = "$digest" ] || exit 3
  gzip -dc <"$new/archive" 2>/dev/null | tar -xof - -C "$new" 2>/dev/null || exit 1
  rm "$new/archive"
  : >"$new/sealed"
  ready "$new" || exit 1
  # Another start may have been faster. A folder that is not in order makes way.
  if ready "$1/$digest"; then exit 0; fi
  if [ -e "$1/$digest" ] || [ -L "$1/$digest" ]; then mv "$1/$digest" "$new.old" 2>/dev/null; fi
  mv "$new" "$1/$digest" 2>/dev/null
  # Onto a folder that appeared just now, mv moves into it.
  rm -rf "${1:?}/$digest/${new##*/}"
  ready "$1/$digest"
)

# Sets $folder to the unpacked files in $1, which are there already.
found() {
  folder=$1/$digest
  ready "$folder"
}

# Sets $folder to the unpacked files in $1, which this unpacks.
made() {
  folder=$1/$digest
  unpack "$1"
  outcome=$?
  if [ "$outcome" -eq 3 ]; then
    fail "the file \"$self\" is damaged or incomplete" 'Get it again, and compare its SHA-256'
  fi
  return "$outcome"
}

cache=
case ${XDG_CACHE_HOME-} in
  /*) cache=$XDG_CACHE_HOME/openshell ;;
  *)
    case ${HOME-} in
      # In the home of somebody else, as under sudo, we leave nothing behind.
      /*) if [ -O "$HOME" ]; then cache=$HOME/.cache/openshell; fi ;;
    esac
    ;;
esac

if [ -z "$cache" ] || ! found "$cache"; then
  spare=${TMPDIR:-/tmp}/openshell-$(id -u)
  found "$spare" || { [ -n "$cache" ] && made "$cache"; } || made "$spare" ||
    fail "neither \"${cache:-(no home folder)}\" nor \"$spare\" can hold its files" \
      'Set XDG_CACHE_HOME to a folder of yours with 150 MB free that programs may run from'
fi

if [ -n "${DENO_DIR+set}" ]; then export OPENSHELL_CALLER_DENO_DIR="$DENO_DIR"; fi
if [ -n "${DENO_NO_UPDATE_CHECK+set}" ]; then
  export OPENSHELL_CALLER_DENO_NO_UPDATE_CHECK="$DENO_NO_UPDATE_CHECK"
fi
export OPENSHELL_EXECUTABLE="$self" OPENSHELL_LAUNCHER=1
export DENO_DIR="$folder/cache" DENO_NO_UPDATE_CHECK=1
# There is a supervisor for each sandbox, most of the time idle: it is to hold little memory.
heap=
if [ "${1-}" = supervise ]; then
  heap=--v8-flags=--optimize-for-size,--min-semi-space-size=1
  export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX-1}"
fi
exec "$folder/deno" run --quiet --allow-all --no-config --no-lock --no-remote --no-npm \
  ${heap:+"$heap"} "$folder/main.js" "$@"
exit 1
