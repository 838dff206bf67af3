#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The release build once more, optimized by what it did in a training (GCC's -fprofile-use), our code and the third-party
# libraries alike: build/pgo/bin. `make pgo` calls it. What it gains: docs/performance.md. The programs are for the kind of
# CPU that built them (-march=native); QUICORE_PGO_MARCH=x86-64-v3, for example, makes them for others too.
#
#   1  everything with counters
#   2  the training: server and load generator, each kind of work for some seconds, both kinds of port
#   3  everything again, by what was counted
#
# GCC finds the counts of an object file by its path, so that 1 and 3 build in the same folders.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build=$PWD/build/pgo
counts=$build/profile
march=-march=${QUICORE_PGO_MARCH:-native}
export CCACHE_DISABLE=1

stage() {  # stage FLAGS TARGET...
  echo "pgo: building with ${1%% *}"
  mkdir -p "$build/deps"
  ln -sfn ../../deps/archives "$build/deps/archives"
  QUICORE_DEPS_FLAGS=$1 cmake/dependencies/bootstrap.sh "$build/deps"
  cmake --preset pgo -DQUICORE_PROFILE_FLAGS="$1" > "$build/configure.log"
  cmake --build --preset pgo --target "${@:2}" > "$build/build.log" 2>&1 || { tail -n 40 "$build/build.log"; exit 1; }
}

train() {  # train PORT_KIND
  local kind=$1 server url
  "$build/bin/quicore-server" --listen 127.0.0.1:0 --root docs --port-kind "$kind" > "$build/server.log" &
  server=$!
  for _ in $(seq 100); do
    url=$(grep -m 1 -o 'https://127[^/]*/' "$build/server.log" || true)
    [ -z "$url" ] || break
    sleep 0.1
  done
  load() {
    "$build/bin/quicore-load" --insecure --quiet --port-kind "$kind" --warmup 0ms --duration 3s "$@" "$url" \
      > "$build/load.log" 2>&1 || { cat "$build/load.log"; kill "$server"; exit 1; }
  }
  load --mode download --payload 1472
  load --mode upload --payload 1472 --size 64MiB
  load --mode download --connections 20 --size 1MiB
  for alpn in h3 quicore-perf; do
    load --mode request --alpn "$alpn" --streams 100
    load --mode request --alpn "$alpn" --connections 100
    load --mode request --alpn "$alpn" --connections 100 --streams 10
    load --mode request --alpn "$alpn"
  done
  load --mode handshake --connections 16
  load --mode resume --connections 16
  kill -TERM "$server"
  wait "$server"
}

rm -rf "$counts"
stage "-fprofile-generate=$counts -fprofile-update=prefer-atomic $march" quicore-server quicore-load
echo "pgo: training"
for kind in uring mmsg; do train "$kind"; done
find "$counts" \( -name '*conftest*' -o -name '*CMakeScratch*' \) -delete  # programs of configure checks: each is another one
stage "-fprofile-use=$counts -fprofile-correction -Wno-missing-profile $march" all
echo "pgo: $build/bin"
