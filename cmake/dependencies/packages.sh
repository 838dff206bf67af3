#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# packages.sh GROUP: installs the Debian packages of a group that are missing, and says so. Asks nothing and touches
# nothing when all are there.
set -euo pipefail

build=(autoconf automake ccache cmake g++ libbenchmark-dev libcli11-dev libgmock-dev libgtest-dev libtool make
       ninja-build nlohmann-json3-dev openssl patch pkg-config valgrind xz-utils)
checks=(clang-format-14 clang-tidy-19)
reference=(doxygen)
case $(uname -m) in x86_64) build+=(libipsec-mb-dev) ;; esac  # the fastest packet protection; x86 only

case ${1:-} in
  build) wanted=("${build[@]}") ;;
  checks) wanted=("${checks[@]}") ;;
  reference) wanted=("${reference[@]}") ;;
  *) echo "usage: packages.sh build|checks|reference" >&2; exit 2 ;;
esac

if ! command -v dpkg-query > /dev/null; then
  echo "deps: not a Debian system; expecting the equivalents of: ${wanted[*]}" >&2
  exit 0
fi

installed=$(dpkg-query -W -f '${binary:Package} ${db:Status-Status}\n' | sed -n 's/\(:[a-z0-9]*\)\? installed$//p')
missing=()
for package in "${wanted[@]}"; do
  grep -qxF "$package" <<< "$installed" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ]; then
  as_root=()
elif command -v sudo > /dev/null && { sudo -n true 2> /dev/null || [ -t 0 ]; }; then
  as_root=(sudo)
else
  echo "deps: packages are missing and neither root nor sudo is at hand. Ask an administrator for:" >&2
  echo "  apt-get install ${missing[*]}" >&2
  exit 1
fi

echo "deps: installing ${missing[*]}"
# A fresh machine has no package lists, an old one has stale lists: look once more before giving up.
install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive
         apt-get install -y -qq --no-install-recommends "${missing[@]}")
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! "${install[@]}" > "$log" 2>&1; then
  "${as_root[@]}" apt-get update -qq
  "${install[@]}" > "$log" 2>&1 || { cat "$log" >&2; exit 1; }
fi
