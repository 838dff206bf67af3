// SPDX-License-Identifier: Apache-2.0
//
// HtmlReport: one self-contained HTML page of headings, paragraphs, tables and figures. It loads
// nothing (no script, no font, no image of another place), follows the reader's dark or light
// setting and prints well. Charts for it come from svg_chart.h, whose colours it defines.
//
// Every text given is escaped; only `svg` is taken as markup. Threading: none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace quicore::tools {

// & < > " ' as entities: safe in text and in attribute values.
[[nodiscard]] std::string escape_html(std::string_view text);

class HtmlReport {
 public:
  explicit HtmlReport(std::string_view title);

  void heading(std::string_view text);
  void paragraph(std::string_view text);
  // Every row has as many cells as the header; all but the first column are aligned right.
  void table(const std::vector<std::string>& header,
             const std::vector<std::vector<std::string>>& rows);
  void figure(std::string_view caption, std::string_view svg);
  // Fixed-width text, folded under `summary` until it is opened.
  void details(std::string_view summary, std::string_view text);

  // The whole page.
  [[nodiscard]] std::string str() const;

 private:
  std::string title_;
  std::string body_;
};

}  // namespace quicore::tools
