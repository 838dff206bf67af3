#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# public_headers.sh ROOT [CXX]: what gets installed is enough to compile against. Each public header compiles alone, with
# nothing but the installed headers in reach; none reaches a third-party header; a macro of ours starts with QUICORE_.
set -uo pipefail
cd "$1" || exit 2
cxx=${2:-g++}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

cmake -Dfrom="$PWD" -Dto="$work/include" -P cmake/InstallHeaders.cmake > "$work/install.log" 2>&1 ||
  { cat "$work/install.log"; echo "^ a public header includes a file that is not there"; exit 1; }
mapfile -t headers < <(cd "$work/include" && find . -name '*.h' -printf '%P\n' | sort)
if [ ${#headers[@]} = 0 ]; then echo "no public headers below $1/api/include" >&2; exit 2; fi

compile_alone() {  # twice, so that a header without #pragma once fails too
  printf '#include "%s"\n#include "%s"\n' "$1" "$1" |
    "$cxx" -std=c++23 -fsyntax-only -Wall -Wextra -Wpedantic -Werror -I"$work/include" \
      -MD -MF "$work/include/$1.d" -x c++ - 2>&1
}

for header in "${headers[@]}"; do
  if ! compile_alone "$header"; then
    echo "^ $header does not compile alone with only the public headers in reach"
    status=1
  elif grep -oE '[^ ]*/(ngtcp2|nghttp3|wolfssl|liburing|mimalloc|intel-ipsec-mb|CLI|nlohmann)[^ ]*' \
         "$work/include/$header.d"; then
    echo "^ third-party headers that $header reaches"
    status=1
  fi
  if grep -nE '^[ \t]*#[ \t]*define' "$work/include/$header" | grep -vE 'define[ \t]+QUICORE_'; then
    echo "^ macros that $header gives to its users"
    status=1
  fi
done
exit $status
