#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# checks_test.sh ROOT: the checks themselves, on a small tree of their own: each passes on good files and fails on one
# planted fault.
set -uo pipefail
root=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
status=0

plant() {  # plant FILE LINE...
  mkdir -p "$tree/$(dirname "$1")"
  { echo "// SPDX-License-Identifier: Apache-2.0"; printf '%s\n' "${@:2}"; } > "$tree/$1"
}

good_tree() {
  rm -rf "${tree:?}"/*
  mkdir -p "$tree/cmake" "$tree/tools" "$tree/perf"
  cp "$root/cmake/InstallHeaders.cmake" "$tree/cmake/"
  plant io/time.h '#pragma once' '#include <cstdint>' 'inline std::uint64_t instant() { return 0; }'
  plant io/ring.h '#pragma once' '#include <liburing.h>'
  plant engine/shard.h '#pragma once' '#include "io/time.h"' '#include <ngtcp2/ngtcp2.h>'
  plant api/session.h '#pragma once' '#include "io/time.h"' 'struct Session { std::uint64_t since = instant(); };'
  plant api/include/quicore.h '#pragma once' '#include "api/session.h"'
  plant docs/spec-items.md 'Items: 2' '| S1 | one | `one` |' '| S2 | two | `two` |'
  plant tests/spec/x_test.cpp '// spec: S1' 'TEST(X, One) {' '// spec: S2 S1' 'TEST_P(Y,' '       Two) {'
  printf '%s\n' spec/X.One spec/All/Y.Two/a.b > "$tree/tests.txt"
  "$root/tests/checks/spec_coverage.sh" "$tree" "$tree/tests.txt" --write
}

expect() {  # expect pass|fail CHECK WHY [ARGUMENT...]
  local got=pass
  "$root/tests/checks/$2" "$tree" "${@:4}" > "$tree/output" 2>&1 || got=fail
  if [ "$got" != "$1" ]; then
    echo "$2: expected to $1: $3"
    cat "$tree/output"
    status=1
  fi
  good_tree
}

good_tree
expect pass layers.sh "includes point down"
expect pass public_headers.sh "the headers are complete"
expect pass files.sh "the files are short and licensed"

plant io/time.h '#include "engine/shard.h"'
expect fail layers.sh "io includes engine"
plant engine/shard.h '#include "io/ring.h"'
expect fail layers.sh "engine reaches liburing through io"
plant engine/shard.h '#include "api/session.h"'
expect fail layers.sh "engine includes api"
plant engine/shard.cpp 'auto now = std::chrono::steady_clock::now();'
expect fail layers.sh "engine reads a clock"
plant tools/main.cpp '#include "io/ring.h"'
expect fail layers.sh "a tool includes what is not public"
plant tools/main.cpp '#include "api/session.h"' 'auto since = quicore::engine::instant();'
expect fail layers.sh "a tool calls the engine"
plant tools/main.cpp '#include "tools/options.h"' '#include "api/session.h"' '// io::instant() is not for tools.'
plant tools/options.h '#pragma once' '#include <quicore.h>'
expect pass layers.sh "a tool uses the public API"

plant api/session.h '#pragma once' 'struct Session { std::uint64_t since; };'
expect fail public_headers.sh "a header is not self-contained"
plant api/session.h '#pragma once' '#include "api/missing.h"'
expect fail public_headers.sh "a header is missing"
plant api/session.h 'struct Session {};'
expect fail public_headers.sh "a header has no include guard"
plant api/session.h '#pragma once' '#define MAXIMUM 3'
expect fail public_headers.sh "a header defines a macro without our prefix"
plant api/nghttp3/nghttp3.h '#pragma once'
plant api/session.h '#pragma once' '#include "api/nghttp3/nghttp3.h"'
expect fail public_headers.sh "a header reaches a third-party header"

echo 'int x;' > "$tree/io/x.cpp"
expect fail files.sh "a file names no licence"
plant io/long.cpp "$(yes '//' | head -n 450)"
expect fail files.sh "a file is too long"
plant io/later.cpp '// TO''DO: more'
expect fail files.sh "a file puts work off"
coverage() {  # coverage pass|fail WHY [OPTION...]
  expect "$1" spec_coverage.sh "$2" "$tree/tests.txt" "${@:3}"
}
items() {  # items LINE...: the page of items has these as well
  printf '%s\n' "$@" >> "$tree/docs/spec-items.md"
}
write_coverage() {
  "$root/tests/checks/spec_coverage.sh" "$tree" "$tree/tests.txt" --write > /dev/null
}
coverage pass "every item has a test"
plant tests/spec/x_test.cpp '// spec: S1' 'TEST(X, One) {'
write_coverage
coverage fail "S2 has no test"
plant tests/spec/x_test.cpp '// spec: S1' 'TEST(X, One) {'
write_coverage
coverage pass "S2 may be without" --allow-missing 1
coverage fail "fewer are missing than allowed" --allow-missing 1
plant tests/spec/x_test.cpp '// spec: S1 S2 S3' 'TEST(X, One) {'
write_coverage
coverage fail "S3 is no item"
plant tests/spec/x_test.cpp '// spec: S1-S2' 'TEST(X, One) {' '// spec: S1 S2' 'TEST(X, One) {'
write_coverage
coverage fail "a range"
plant tests/spec/x_test.cpp '// spec: S1 S2' '' 'TEST(X, One) {' '// spec: S1 S2' 'TEST(X, One) {'
write_coverage
coverage fail "a citation apart from its test"
plant tests/spec/x_test.cpp '// spec: S1 S2' 'TEST(X, One) {' '// spec: S1'
write_coverage
coverage fail "a citation at the end"
echo spec/X.One > "$tree/tests.txt"
coverage fail "CTest does not run Y.Two"
printf '%s\n' other/X.One spec/All/Y.Two/0 > "$tree/tests.txt"
coverage fail "another program's X.One runs"
items '| S2 | again | `two` |' 'Items: 3'
write_coverage
coverage fail "an item twice"
items 'Items: 3'
write_coverage
coverage fail "an item was lost"
echo >> "$tree/docs/spec-coverage.md"
coverage fail "the page is stale"

plant tests/conformance/x_test.cpp 'TEST(Rfc9000Section4_1, One) {' 'TEST(Rfc9114Section7,' '     Two) {'
sed -n '/^<!-- The rest/p' "$root/docs/conformance.md" > "$tree/docs/conformance.md"
"$root/tests/checks/conformance.sh" "$tree" --write
kept=$(mktemp -d)
cp -r "$tree/tests/conformance" "$tree/docs/conformance.md" "$kept/"
conformance() {  # conformance pass|fail WHY
  expect "$1" conformance.sh "$2"
  mkdir -p "$tree/tests/conformance" "$tree/docs"
  cp "$kept/conformance/"* "$tree/tests/conformance/"
  cp "$kept/conformance.md" "$tree/docs/"
}
conformance pass "the page names both tests"
plant tests/conformance/y_test.cpp 'TEST(Rfc9204Section4_2_1, Three) {'
conformance fail "a test is not on the page"
rm -f "$tree/tests/conformance/y_test.cpp"
plant tests/conformance/x_test.cpp 'TEST(Rfc9000Section4_1, One) {'
conformance fail "the page names a test that is gone"
plant tests/conformance/x_test.cpp 'TEST(Other, One) {'
conformance fail "a suite without a section"
: > "$tree/docs/conformance.md"
conformance fail "the page has no table"
rm -rf "$kept"

# The pages need the real headers.
rm -rf "${tree:?}"/*
mkdir "$tree/docs"
ln -s "$root/api" "$root/engine" "$root/io" "$root/README.md" "$tree/"
sed 's/session\.open(/session.opened(/' "$root/docs/api.md" > "$tree/docs/api.md"
if "$root/tests/checks/documents.sh" "$tree" > "$tree/output" 2>&1; then
  echo "documents.sh: expected to fail: a page calls what there is not"
  status=1
fi
grep -q 'docs/api.md:.*opened' "$tree/output" || { cat "$tree/output"; status=1; }
exit $status
