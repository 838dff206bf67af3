#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# documents.sh ROOT: the C++ on the pages compiles. A block with a function or an #include at its margin is taken as it is;
# any other one is the body of a coroutine, to which these are given: shard, endpoint, session, stream, address, tls.
set -uo pipefail
cd "$1" || exit 2
source=$(mktemp --suffix=.cpp)
trap 'rm -f "$source"' EXIT

{
  echo '#include <quicore.h>'
  echo '#include <csignal>'
  echo '#include <cstdio>'
  echo '#include <cstdlib>'
  echo '#include <stop_token>'
  echo 'using namespace quicore;'
  awk '
    function finish() {
      number++
      if (whole) {
        print "namespace block" number " {"
        print includes_gone
        print "}"
      } else {
        print "Task<> block" number "([[maybe_unused]] Shard& shard, [[maybe_unused]] Endpoint endpoint,"
        print "    [[maybe_unused]] Session session, [[maybe_unused]] Stream stream,"
        print "    [[maybe_unused]] Address address, [[maybe_unused]] TlsSettings tls) { {"
        print text
        print "} co_return; }"
      }
    }
    /^```cpp$/ { inside = 1; whole = 0; text = includes_gone = sprintf("#line %d \"%s\"", FNR + 1, FILENAME); next }
    /^```$/ && inside { inside = 0; finish(); next }
    inside {
      if ($0 ~ /^(#include|(Task<.*>|Endpoint|void) [a-z_]+\()/) whole = 1
      text = text "\n" $0
      includes_gone = includes_gone "\n" ($0 ~ /^(#include|using namespace)/ ? "" : $0)
    }
    END { if (number < 10) { print "#error the pages have hardly any blocks: is their form another one?" } }
  ' README.md docs/api.md
} > "$source"

"${CXX:-g++}" -std=c++23 -fsyntax-only -Wall -Wextra -Wno-missing-field-initializers -Wno-unused-variable \
  -Wno-unused-but-set-variable -Wno-shadow -Wno-subobject-linkage -Werror -Iapi/include -I. "$source"
