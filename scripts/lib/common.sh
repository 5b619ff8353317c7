# What the scripts share: progress on the terminal, and installing what is missing. Sourced after
# `set -euo pipefail`; expects to be in scripts/lib.

plumb_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=scripts/lib/packages.sh
source "$plumb_root/scripts/lib/packages.sh"

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi
script_start=$SECONDS
# What one checkout has compiled serves another one of this machine: paths below the root do not count.
export CCACHE_BASEDIR=$plumb_root CCACHE_NOHASHDIR=1

# "==> [ 1m05s] building": what begins now, and how long the script has run.
step() { printf '%s==> [%2dm%02ds] %s%s\n' "$bold" $(((SECONDS - script_start) / 60)) $(((SECONDS - script_start) % 60)) "$*" "$plain"; }
say() { printf '    %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Runs a command whose output matters only if it fails; it is kept in a file and shown then.
quietly() {
  local log result=0
  log=$(mktemp "${TMPDIR:-/tmp}/plumbline-log.XXXXXX")
  "$@" >"$log" 2>&1 || result=$?
  if [ $result = 0 ]; then rm -f "$log"; return 0; fi
  tail -n 60 "$log" >&2
  printf 'error: this failed: %s (all of its output: %s)\n' "$*" "$log" >&2
  return $result
}

# run_ninja FOLDER TARGET...: where nobody watches, a line of progress now and then, and the log if it fails.
run_ninja() {
  local folder=$1 log; shift
  if [ -t 1 ]; then ninja -C "$folder" "$@"; return; fi
  log="$folder/build.log"
  NINJA_STATUS='[%f/%t %es] ' ninja -C "$folder" "$@" 2>&1 | tee "$log" |
    awk '/^\[[0-9]+\// && ++steps % 50 == 0 { print "    " substr($0, 1, 110); fflush() }' ||
    { grep -E -A 20 'FAILED|error:' "$log" | head -n 80 >&2; say "the whole log: $log"; return 1; }
  tail -n 1 "$log"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "installing packages needs root or sudo; install these yourself: ${missing[*]:-}"; fi
}

# install_packages NAME...: those that are missing, by name, with apt. Their postinst scripts must not
# start daemons (samba would take port 389): a policy-rc.d says so for that time, where there is none.
install_packages() {
  missing=()
  local name
  for name in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null || true)" = installed ] || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "this script installs with apt-get; needed and missing: ${missing[*]}"
  step "installing ${#missing[@]} packages: ${missing[*]}"
  (
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
      trap 'as_root rm -f $policy' EXIT
      printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
      as_root chmod 755 $policy
    fi
    quietly as_root apt-get -q update
    quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "${missing[@]}"
  )
}
