#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# conformance.sh ROOT [--write]: the table in docs/conformance.md names every test of tests/conformance, by RFC and
# section, and no other. A test's suite is its section: Rfc9000Section4_1 is RFC 9000, section 4.1.
#
#   --write   writes the table anew
set -uo pipefail
cd "$1" || exit 2
page=docs/conformance.md
mark='<!-- The rest is written by tests/checks/conformance.sh . --write -->'

table() {
  echo
  echo '| section | what is tested | file |'
  echo '|---|---|---|'
  local file
  for file in tests/conformance/*_test.cpp; do
    tr '\n' ' ' < "$file" |
      grep -oE 'TEST\(Rfc[0-9]+Section[0-9_]+, +[A-Za-z0-9_]+\)' |
      sed -E "s/TEST\(Rfc([0-9]+)Section([0-9_]+), +([A-Za-z0-9_]+)\)/\1 \2 \3 $(basename "$file")/"
  done | sort -k1,1n -k2,2V -k3,3 |
    awk '{
      section = $2; gsub("_", ".", section)
      sentence = $3
      gsub(/[A-Z]/, " &", sentence); gsub(/[0-9]+/, " &", sentence); gsub(/^ +/, "", sentence); gsub(/ +/, " ", sentence)
      printf "| RFC %s, %s | %s%s | `%s` |\n", $1, section, substr(sentence, 1, 1), tolower(substr(sentence, 2)), $4
    }'
}

if ! grep -qxF "$mark" "$page"; then
  echo "$page: the line is missing: $mark"
  exit 1
fi
written=$(mktemp)
trap 'rm -f "$written"' EXIT
{ sed "/^<!-- The rest is written/q" "$page"; table; } > "$written"
if [ "$(grep -c '^| RFC' "$written")" = 0 ]; then
  echo "tests/conformance: no test is named after a section" >&2
  exit 1
fi
strange=$(grep -hE '^TEST(_F|_P)?\(' tests/conformance/*_test.cpp | grep -vE '^TEST\(Rfc[0-9]+Section[0-9_]+,')
if [ -n "$strange" ]; then
  printf '%s\n' "$strange" "^ a suite's name tells RFC and section: Rfc9000Section4_1"
  exit 1
fi
if [ "${2-}" = --write ]; then
  cp "$written" "$page"
elif ! cmp -s "$written" "$page"; then
  echo "$page is stale: run tests/checks/conformance.sh . --write and commit it"
  exit 1
fi
