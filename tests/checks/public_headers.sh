#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# public_headers.sh ROOT: what gets installed is enough to compile against. Each public header compiles alone, with nothing
# but the installed headers in reach; none reaches a third-party header; a macro of ours starts with QUICORE_.
set -uo pipefail
cd "$1" || exit 2
include=$(mktemp -d)
trap 'rm -rf "$include"' EXIT
export include

check_header() {
  local header=$1 status=0
  # Twice, so that a header without #pragma once fails too.
  if ! printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
       "${CXX:-g++}" -std=c++23 -fsyntax-only -Wall -Wextra -Wno-missing-field-initializers -Wpedantic -Werror \
         -I"$include" -MD -MF "$include/$header.d" -x c++ - 2>&1; then
    echo "^ $header does not compile alone with only the public headers in reach"
    status=1
  elif grep -oE '[^ ]*/(ngtcp2|nghttp3|wolfssl|liburing|mimalloc|intel-ipsec-mb|CLI|nlohmann)[^ ]*' \
         "$include/$header.d"; then
    echo "^ third-party headers that $header reaches"
    status=1
  fi
  if grep -nE '^[ \t]*#[ \t]*define' "$include/$header" | grep -vE 'define[ \t]+QUICORE_'; then
    echo "^ macros that $header gives to its users"
    status=1
  fi
  return $status
}
export -f check_header

if ! log=$(cmake -Dfrom="$PWD" -Dto="$include" -P cmake/InstallHeaders.cmake 2>&1); then
  echo "$log"
  echo "^ a public header includes a file that is not there"
  exit 1
fi
headers=$(cd "$include" && find . -name '*.h' -printf '%P\n' | sort)
if [ -z "$headers" ]; then echo "no public headers below $1/api/include" >&2; exit 2; fi
xargs -P "$(nproc)" -I{} bash -c 'check_header {}' <<< "$headers"
