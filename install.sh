#!/bin/sh
# Installs the openshell executable for the current user, after checking its SHA-256.
#
#   ./install.sh                   installs dist/openshell, made by `deno task build`
#   ./install.sh FILE              installs a file
#   ./install.sh https://HOST/...  downloads a file and installs it
#
# The digest is taken from OPENSHELL_SHA256, else from the file of the same name with ".sha256" behind
# it. A digest that comes from the same server as the file shows damage, not fraud: to be sure, take
# it from elsewhere. OPENSHELL_INSTALL_DIR is where it goes, ~/.local/bin where it is not set.
set -eu

fail() {
  printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
  exit 1
}

fetch() {
  case $1 in
    https://*)
      if command -v curl >/dev/null 2>&1; then
        curl --proto '=https' --proto-redir '=https' -fsSL -o "$2" -- "$1"
      else
        wget --https-only -q -O "$2" -- "$1"
      fi
      ;;
    *://*) fail "Cannot download \"$1\": only https is taken" 'Use an https address or a file' ;;
    *) cp -- "$1" "$2" 2>/dev/null ;;
  esac
}

digest_of() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum; else shasum -a 256; fi <"$1"
}

source=${1:-$(dirname -- "$0")/dist/openshell}
target=${OPENSHELL_INSTALL_DIR:-${HOME:?}/.local/bin}
mkdir -p -- "$target"
new=$(mktemp -d "$target/.openshell.XXXXXXXXXX")
trap 'rm -rf -- "$new"' EXIT

fetch "$source" "$new/openshell" ||
  fail "Cannot read \"$source\"" 'Run "npx -y deno@2.9.6 task build" first, or name a file'

wanted=${OPENSHELL_SHA256-}
if [ -z "$wanted" ]; then
  fetch "$source.sha256" "$new/digest" ||
    fail "Cannot check \"$source\": no digest is known" 'Set OPENSHELL_SHA256'
  wanted=$(cat -- "$new/digest")
fi
actual=$(digest_of "$new/openshell")
[ "${actual%% *}" = "${wanted%% *}" ] ||
  fail "Cannot install \"$source\": its SHA-256 is ${actual%% *}, and should be ${wanted%% *}" \
    'Get the file again from a source that you trust'

chmod 0755 "$new/openshell"
version=$("$new/openshell" --version) ||
  fail "Cannot install \"$source\": it does not run on this machine" 'Get the file for this system'
mv -f -- "$new/openshell" "$target/openshell"
echo "Installed $version as $target/openshell"
case :$PATH: in
  *:"$target":*) ;;
  *) echo "hint: Add $target to PATH" >&2 ;;
esac
