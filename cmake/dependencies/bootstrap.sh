#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes everything the build needs and this repository does not hold: Debian packages, then static libraries of
# wolfSSL, ngtcp2, nghttp3, liburing and mimalloc in build/deps/prefix. `make deps` calls it; a second run does nothing.
#
#   packages.sh   installs the Debian packages that are missing
#   fetch.sh      brings the source archives of lock.txt to build/deps/archives
#   build.sh      builds them into build/deps/prefix
#
# Environment:
#   QUICORE_SOURCES   a folder with the archives of lock.txt: nothing is downloaded for those it has. The folder
#                     build/deps/archives of another machine is one.
#   QUICORE_MIRROR    a Debian mirror, instead of the one apt uses on this machine
#   QUICORE_DEPS_FLAGS   further flags for the compiler (cmake/profile_guided_build.sh)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export DEPS=${1:-$(cd "$here/../.." && pwd)/build/deps}
mkdir -p "$DEPS"
DEPS=$(cd "$DEPS" && pwd)

"$here/packages.sh" build

# What would be built differently from what is there: another recipe, another compiler, another processor.
recipe=$(cat "$here/lock.txt" "$here/build.sh" "$here"/*.patch <(echo "${QUICORE_DEPS_FLAGS:-}") <(gcc --version) <(uname -m) | sha256sum | cut -d' ' -f1)
stamp=$DEPS/prefix/recipe.sha256
if [ "$(cat "$stamp" 2>/dev/null)" = "$recipe" ]; then exit 0; fi

# Two runs at the same time build once; the second one finds the stamp of the first.
exec 9> "$DEPS/bootstrap.lock"
flock 9
if [ "$(cat "$stamp" 2>/dev/null)" = "$recipe" ]; then exit 0; fi

"$here/fetch.sh"
"$here/build.sh"
echo "$recipe" > "$stamp"
echo "deps: ready in $DEPS/prefix"
