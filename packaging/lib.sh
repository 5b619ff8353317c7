# What build-deb and build-installer share. Sourced, with the root of the repository as working directory.

package_usage() { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$0"; }

# take_options "$@": --program FILE and --out DIRECTORY; then $program, $out, $version and $arch.
take_options() {
  program='' out=build/packages
  while [ $# -gt 0 ]; do
    case $1 in
      --program) program=$2; shift 2 ;;
      --out) out=$2; shift 2 ;;
      --help) package_usage; exit 0 ;;
      *) package_usage >&2; exit 2 ;;
    esac
  done
  if [ -z "$program" ]; then
    program=build/release/plumbline-connector
    [ -x "$program" ] || { echo "$program is not there: cmake --preset release && ninja -C build/release plumbline-connector" >&2; exit 1; }
  fi
  version=$("$program" version | awk '{ print $2 }')
  arch=$(dpkg --print-architecture)
  mkdir -p "$out"
  # The same content gives the same file.
  SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
  export SOURCE_DATE_EPOCH
}

# with_digest FILE: FILE.sha256 beside it, for `sha256sum -c`.
with_digest() {
  (cd "$(dirname "$1")" && sha256sum "$(basename "$1")" >"$(basename "$1").sha256")
  echo "$1"
}
