// SPDX-License-Identifier: Apache-2.0
#include "tests/support/document_table.h"

#include <fstream>

namespace quicore::test {

namespace {

std::string trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  for (const std::string_view quote : {"``", "`"}) {
    if (text.size() >= 2 * quote.size() && text.starts_with(quote) && text.ends_with(quote)) {
      text = text.substr(quote.size(), text.size() - 2 * quote.size());
      break;
    }
  }
  return std::string(text);
}

// "| a | b |" as {"a", "b"}; nothing for any other line.
std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells;
  if (!line.starts_with('|')) return cells;
  line.remove_prefix(1);
  for (std::size_t bar = 0; (bar = line.find('|')) != std::string_view::npos;) {
    cells.push_back(trimmed(line.substr(0, bar)));
    line.remove_prefix(bar + 1);
  }
  return cells;
}

}  // namespace

std::vector<TableRow> table_rows(const std::string& path, std::string_view heading) {
  std::vector<TableRow> rows;
  std::ifstream file(path);
  bool here = false;
  int heading_rows_left = 0;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.starts_with('#')) here = trimmed(line.substr(line.find_first_not_of('#'))) == heading;
    if (!here) continue;
    auto cells = cells_of(line);
    if (cells.empty()) {
      heading_rows_left = 2;  // the titles and the dashes
    } else if (heading_rows_left > 0) {
      --heading_rows_left;
    } else {
      rows.push_back({std::move(cells), number});
    }
  }
  return rows;
}

::testing::AssertionResult is_documented(const std::string& path, std::string_view heading,
                                         std::string_view answer) {
  for (const TableRow& row : table_rows(path, heading)) {
    if (matches(row.cells.back(), answer)) return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure()
         << path << " has no row below \"" << heading << "\" for: " << answer;
}

bool matches(std::string_view pattern, std::string_view text) {
  constexpr std::string_view kAnything = "…";
  const std::size_t gap = pattern.find(kAnything);
  if (gap == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, gap))) return false;
  text.remove_prefix(gap);
  pattern.remove_prefix(gap + kAnything.size());
  for (std::size_t from = 0; from <= text.size(); ++from) {
    if (matches(pattern, text.substr(from))) return true;
  }
  return false;
}

}  // namespace quicore::test
