#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# layers.sh ROOT: includes point one way (layers.txt has the rules), engine/ takes time and randomness only from its
# caller, and tools/ uses what a user of the installed library could.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$1" || exit 2
status=0

mapfile -t files < <(find io engine api tools perf -name '*.h' -o -name '*.cpp' | sort)
if [ ${#files[@]} = 0 ]; then echo "no sources below $1" >&2; exit 2; fi
if ! awk -f "$here/layers.awk" "$here/layers.txt" "${files[@]}"; then
  echo "^ includes against the arrows of docs/architecture.md (rules: tests/checks/layers.txt)"
  status=1
fi

# The TLS library's own generator stays: keys and nonces of TLS come from nowhere else.
own='_clock::now|\b(clock_gettime|gettimeofday|getrandom|timespec_get|std::rand|std::time)\(|\btime\(nullptr\)|\brandom_device\b'
if grep -nE "$own" $(printf '%s\n' "${files[@]}" | grep '^engine/') /dev/null | grep -vE '^[^:]+:[0-9]+: *//'; then
  echo "^ engine/ reads a clock or makes randomness of its own: both are passed in"
  status=1
fi

# What gets installed is the public API; the namespaces of the layers below and of the API's inside are none of it.
public=$(mktemp -d)
trap 'rm -rf "$public"' EXIT
cmake -Dfrom="$PWD" -Dto="$public" -P cmake/InstallHeaders.cmake > "$public/log" 2>&1 || { cat "$public/log"; exit 2; }
mapfile -t tools < <(printf '%s\n' "${files[@]}" | grep '^tools/')
while IFS=: read -r file line include; do
  header=$(sed -E 's/[^"]*"([^"]*)".*/\1/' <<< "$include")
  if [[ $header == tools/* ]] || [ -e "$public/$header" ]; then continue; fi
  echo "$file:$line: includes $header"
  echo "^ tools/ use only the public API: what api/include/quicore.h reaches"
  status=1
done < <(grep -nE '^[ \t]*#[ \t]*include[ \t]+"' "${tools[@]}" /dev/null)
if grep -nE '\b(internal|engine|io)::' "${tools[@]}" /dev/null | grep -vE '^[^:]+:[0-9]+: *//'; then
  echo "^ tools/ use only the public API, not the namespaces behind it"
  status=1
fi
exit $status
