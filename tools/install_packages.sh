#!/bin/bash
# Installs the Debian packages that are missing; quiet, and without effect when none is.
#
#   tools/install_packages.sh demo    what building and `pg_restructure demo` need
#   tools/install_packages.sh bench   the same, and what bench/ needs
#   tools/install_packages.sh check   the same, and what the tests and the style checks need
set -euo pipefail

readonly demo=(g++ cmake ninja-build ccache pkg-config libpqxx-dev libpq-dev libtbb-dev libabsl-dev
  libboost-program-options-dev nlohmann-json3-dev postgresql postgresql-contrib)
readonly bench=("${demo[@]}" jq time)
readonly check=("${bench[@]}" libgtest-dev libbenchmark-dev pgbouncer clang-format clang-tidy
  shellcheck util-linux)

case "${1:-}" in
  demo) wanted=("${demo[@]}") ;;
  bench) wanted=("${bench[@]}") ;;
  check) wanted=("${check[@]}") ;;
  *)
    echo "usage: tools/install_packages.sh demo|bench|check" >&2
    exit 2
    ;;
esac

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "no apt-get here: packages are not installed; needed (Debian's names): ${wanted[*]}" >&2
  exit 0
fi

missing=()
for package in "${wanted[@]}"; do
  # shellcheck disable=SC2016  # ${Status} is dpkg-query's, not the shell's.
  status=$(dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null || true)
  [[ $status == *' installed'* ]] || missing+=("$package")
done
((${#missing[@]} > 0)) || exit 0

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "packages are missing, and this is neither root nor is there sudo" >&2
    echo "HINT: as root: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "installing: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install_missing() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
    -y --no-install-recommends install "${missing[@]}"
}
# The lists of a bare machine are empty, those of an old one out of date.
if ! install_missing >"$log" 2>&1; then
  if ! { "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=300 update && install_missing; } \
    >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "could not install: ${missing[*]}" >&2
    exit 1
  fi
fi
