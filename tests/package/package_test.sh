#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# package_test.sh BUILD: installs BUILD into a folder of its own, moves that folder, and builds and runs consumer.cpp
# against it by the CMake package and by pkg-config.
set -euo pipefail
build=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sanitize=$(sed -n 's/^QUICORE_SANITIZE:STRING=\(..*\)/-fsanitize=\1/p' "$build/CMakeCache.txt")

cmake --install "$build" --prefix "$work/first" > "$work/log" || { cat "$work/log"; exit 1; }
mv "$work/first" "$work/prefix"  # the packages must find everything relative to themselves

echo "by the CMake package:"
cmake -S "$here" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_CXX_FLAGS="$sanitize" \
  -DQUICORE_LINK_FLAG=-fno-lto > "$work/log" || { cat "$work/log"; exit 1; }
cmake --build "$work/cmake" --verbose > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
"$work/cmake/consumer"

echo "by pkg-config:"
pc=$(find "$work/prefix" -name quicore.pc)
flags=$(PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --define-variable=lto=-fno-lto --cflags --libs quicore)
# shellcheck disable=SC2086
g++ $sanitize "$here/consumer.cpp" $flags -o "$work/consumer"
"$work/consumer"
