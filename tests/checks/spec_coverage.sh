#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# spec_coverage.sh ROOT TESTS [--allow-missing N] [--write]: every item of docs/spec-items.md is proven by a test that
# cites it (`// spec: S13 S14`, the line above the TEST), every citation names an item and a test that CTest runs, and
# docs/spec-coverage.md says so. TESTS is a build folder, or a file with a name per line as `ctest -N` gives them.
#
#   --allow-missing N   exactly N items may lack a test: fails when it gets worse, and when N is to be lowered
#   --write             writes docs/spec-coverage.md; says which items lack a test, and does not mind
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$1 tests=$2
shift 2
allowed=0 write=
while [ $# -gt 0 ]; do
  case $1 in
    --allow-missing) allowed=$2; shift 2 ;;
    --write) write=yes; shift ;;
    *) echo "spec_coverage.sh: unknown option $1" >&2; exit 2 ;;
  esac
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -d "$tests" ]; then
  ctest --test-dir "$tests" -N > "$work/ctest" || { cat "$work/ctest"; exit 2; }
  sed -n '/(Disabled)$/d; s/^ *Test *#[0-9]*: //p' "$work/ctest" > "$work/tests"
else
  cp "$tests" "$work/tests"
fi
if [ ! -s "$work/tests" ]; then echo "$tests: no tests" >&2; exit 2; fi

cd "$root" || exit 2
status=0
mapfile -t files < <(find tests -name '*_test.cpp' | LC_ALL=C sort)
awk -f "$here/spec_coverage.awk" -v page="$work/page" -v allowed="$allowed" -v write="$write" \
    "$work/tests" docs/spec-items.md "${files[@]}" || status=1

if [ -n "$write" ]; then
  cp "$work/page" docs/spec-coverage.md
elif ! cmp -s "$work/page" docs/spec-coverage.md; then
  echo "docs/spec-coverage.md is stale: run \`make spec-coverage\` and commit it"
  status=1
fi
exit $status
