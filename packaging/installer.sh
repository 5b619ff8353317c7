#!/bin/sh
# Plumbline connector @VERSION@ for @ARCH@: a script, and behind its last line the program. As root:
#   ./connector_...                  asks four questions and installs
#   ./connector_... --unattended --server plumbline.example --token-file FILE [--storage DIR] [--port N] [--protocol P]
#   ./connector_... --check          only checks that this file is whole
#   ./connector_... uninstall [--purge]
# Other options: those of `plumbline-connector install`.
set -eu
umask 077

case ${1:-} in
  --help | -h) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac

say() { echo "$*" >&2; }
if [ "${1:-}" != --check ] && [ "$(id -u)" != 0 ]; then
  say "installing needs root; run: sudo $0 $*"
  exit 77
fi
case $(ls -ldL "$0") in
  ????????w*) say "warning: everybody may write to $0, and so change what is installed; use chmod 755 in place of 777" ;;
esac

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
tail -n "+$((@LINES@ + 1))" "$0" >"$folder/payload"
if [ "$(sha256sum <"$folder/payload" | cut -d' ' -f1)" != @SHA256@ ]; then
  say "$0 is damaged or was changed: its checksum is wrong. Nothing was installed; download it again"
  exit 1
fi
if [ "${1:-}" = --check ]; then echo "whole: connector @VERSION@ for @ARCH@"; exit 0; fi

if [ "$(uname -s)/$(uname -m)" != Linux/@ARCH@ ]; then
  say "this file is for Linux/@ARCH@; this machine is $(uname -s)/$(uname -m)"
  exit 1
fi
gzip -dc <"$folder/payload" | tar -C "$folder" -xf -
if ! "$folder/plumbline-connector" version >/dev/null 2>"$folder/why"; then
  say "the program does not start here: $(head -n 1 "$folder/why")"
  ldd "$folder/plumbline-connector" 2>&1 | sed -n 's/^[[:space:]]*\(.*\) => not found$/  missing: \1/p' >&2
  say "it was built on Debian 12 and needs its libraries (docs/connector.md, Requirements); the package brings them"
  exit 1
fi
case ${1:-} in
  uninstall) "$folder/plumbline-connector" "$@" ;;
  *) "$folder/plumbline-connector" install "$@" ;;
esac
exit 0
