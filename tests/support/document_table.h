// SPDX-License-Identifier: Apache-2.0
//
// The tables of a page of docs/, so that tests can hold the page to what happens.
//
//   for (const auto& row : table_rows(QUICORE_SOURCE_DIR "/docs/bad-input.md", "quicore-get")) ...
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace quicore::test {

struct TableRow {
  std::vector<std::string> cells;  // without the backquotes around code
  int line = 0;
};

// All rows, without headings, of the tables below the heading of this text, as far as the next
// heading. None when there is no such page or heading.
std::vector<TableRow> table_rows(const std::string& path, std::string_view heading);

// Whether the last cell of one of those rows is `answer`; "…" in the cell stands for anything.
::testing::AssertionResult is_documented(const std::string& path, std::string_view heading,
                                         std::string_view answer);

// Whether `text` is what `pattern` says, in which "…" stands for anything.
bool matches(std::string_view pattern, std::string_view text);

}  // namespace quicore::test
