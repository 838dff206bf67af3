// SPDX-License-Identifier: Apache-2.0
#include "tools/common/html_report.h"

namespace quicore::tools {
namespace {

// --series-N are the colours of curves, told apart by people who see few colours too.
constexpr std::string_view kStyle = R"css(
:root {
  color-scheme: light dark;
  --page: #fcfcfb; --text: #1b1b1a; --muted: #5c5b57; --line: #d9d8d3; --band: #f1f0ec;
  --limit: #b9b7af; --series-0: #2369bd; --series-1: #c2500c; --series-2: #1a7f5a;
  --series-3: #8b3fb0; --series-4: #8a6d00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #191918; --text: #f2f1ee; --muted: #b3b1a9; --line: #403f3b; --band: #242422;
    --limit: #66645d; --series-0: #6aa9f0; --series-1: #f08c4f; --series-2: #4fc394;
    --series-3: #c98be6; --series-4: #d8b93c;
  }
}
body {
  background: var(--page); color: var(--text); margin: 2rem auto; max-width: 62rem;
  padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif;
}
h1 { font-size: 1.6rem; margin-bottom: .2rem; }
h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p { color: var(--muted); max-width: 48rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .7rem; text-align: right; border-bottom: 1px solid var(--line); }
th { color: var(--muted); font-weight: 600; white-space: nowrap; }
td { white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
tbody tr:hover { background: var(--band); }
figure { margin: 1rem 0; }
figcaption { color: var(--muted); font-size: .9rem; }
svg { width: 100%; height: auto; display: block; }
svg text {
  fill: var(--text); font: 13px system-ui, sans-serif; paint-order: stroke;
  stroke: var(--page); stroke-width: 4px;
}
svg text.muted { fill: var(--muted); }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .bar { fill: var(--series-0); }
svg .bar.limit { fill: var(--limit); }
svg .reference { stroke: var(--text); stroke-width: 1.5; stroke-dasharray: 5 4; }
svg .curve { fill: none; stroke-width: 2.2; stroke-linejoin: round; }
pre { background: var(--band); padding: .8rem; overflow-x: auto; font-size: .85rem; }
summary { cursor: pointer; color: var(--muted); }
@media print { body { margin: 0; max-width: none; } }
)css";

std::string element(std::string_view name, std::string_view text) {
  std::string html = "<";
  html.append(name).append(">").append(escape_html(text)).append("</");
  return html.append(name).append(">");
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string html;
  html.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += c;
    }
  }
  return html;
}

HtmlReport::HtmlReport(std::string_view title) : title_(escape_html(title)) {}

void HtmlReport::heading(std::string_view text) { body_ += element("h2", text) + "\n"; }

void HtmlReport::paragraph(std::string_view text) { body_ += element("p", text) + "\n"; }

void HtmlReport::table(const std::vector<std::string>& header,
                       const std::vector<std::vector<std::string>>& rows) {
  body_ += "<div class=\"scroll\"><table>\n<thead><tr>";
  for (const std::string& cell : header) body_ += element("th", cell);
  body_ += "</tr></thead>\n<tbody>\n";
  for (const auto& row : rows) {
    body_ += "<tr>";
    for (const std::string& cell : row) body_ += element("td", cell);
    body_ += "</tr>\n";
  }
  body_ += "</tbody></table></div>\n";
}

void HtmlReport::figure(std::string_view caption, std::string_view svg) {
  body_.append("<figure>\n").append(svg).append("\n");
  body_ += element("figcaption", caption) + "\n</figure>\n";
}

void HtmlReport::details(std::string_view summary, std::string_view text) {
  body_ += "<details>" + element("summary", summary) + element("pre", text) + "</details>\n";
}

std::string HtmlReport::str() const {
  std::string page =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>";
  page.append(title_).append("</title>\n<style>").append(kStyle);
  page.append("</style>\n</head>\n<body>\n<h1>").append(title_).append("</h1>\n");
  return page.append(body_).append("</body>\n</html>\n");
}

}  // namespace quicore::tools
