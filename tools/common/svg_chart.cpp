// SPDX-License-Identifier: Apache-2.0
#include "tools/common/svg_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tools/common/format.h"
#include "tools/common/html_report.h"

namespace quicore::tools {
namespace {

constexpr double kWidth = 880;
constexpr double kRowHeight = 34;
constexpr double kBarHeight = 20;
constexpr double kLabelWidth = 250;
constexpr double kBarTextWidth = 190;  // room for the text behind the longest bar
constexpr double kLegendHeight = 26;
constexpr std::size_t kColours = 5;

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

// 1, 10, 100, ...
std::string power_of_ten(int exponent) {
  return "1" + std::string(static_cast<std::size_t>(std::max(exponent, 0)), '0');
}

// An attribute with its leading space.
std::string attribute(const char* name, double value) {
  return " " + std::string(name) + "=\"" + number(value) + "\"";
}

std::string line(const char* kind, double x1, double y1, double x2, double y2) {
  return "<line class=\"" + std::string(kind) + "\"" + attribute("x1", x1) + attribute("y1", y1) +
         attribute("x2", x2) + attribute("y2", y2) + "/>\n";
}

std::string text(double x, double y, const char* anchor, const std::string& content,
                 const char* kind = "") {
  return "<text class=\"" + std::string(kind) + "\"" + attribute("x", x) + attribute("y", y) +
         " text-anchor=\"" + anchor + "\">" + escape_html(content) + "</text>\n";
}

std::string open_svg(double height, const char* description) {
  return "<svg viewBox=\"0 0 " + number(kWidth) + " " + number(height) +
         "\" role=\"img\" aria-label=\"" + escape_html(description) + "\">\n";
}

std::string colour(std::size_t series) {
  return "var(--series-" + std::to_string(series % kColours) + ")";
}

// "10 us" for the decade 1: powers of ten need no digits behind the point.
std::string decade_label(double decade) {
  static constexpr const char* kUnits[] = {"ns", "us", "ms", "s"};
  const int exponent = static_cast<int>(decade) + 3;  // of nanoseconds
  const int unit = std::clamp(exponent / 3, 0, 3);
  return power_of_ten(exponent - 3 * unit) + " " + kUnits[unit];
}

// Where percentiles and times lie.
class LatencyAxes {
 public:
  static constexpr double kLeft = 80;
  static constexpr double kRight = kWidth - 20;
  static constexpr double kBottom = 400;

  LatencyAxes(const std::vector<LatencyCurve>& curves, double top) : top_(top) {
    double lowest = INFINITY;
    double highest = 0;
    for (const LatencyCurve& curve : curves) {
      for (const auto& [percentile, microseconds] : curve.points) {
        lowest = std::min(lowest, std::max(microseconds, kFloor));
        highest = std::max(highest, std::max(microseconds, kFloor));
        if (percentile < 100) nines_ = std::max(nines_, nines(percentile));
      }
    }
    nines_ = std::max(nines_ + kRoomFor100, 1.0);
    low_ = std::floor(std::log10(lowest));
    high_ = std::max(std::ceil(std::log10(highest)), low_ + 1);
  }

  // 100 % is infinitely far: it takes the right edge.
  [[nodiscard]] double x(double percentile) const {
    const double at = percentile < 100 ? std::min(nines(percentile), nines_) : nines_;
    return kLeft + (kRight - kLeft) * at / nines_;
  }
  [[nodiscard]] double y(double microseconds) const {
    const double at = (std::log10(std::max(microseconds, kFloor)) - low_) / (high_ - low_);
    return kBottom - (kBottom - top_) * at;
  }

  [[nodiscard]] std::string draw() const {
    std::string svg;
    for (double decade = low_; decade <= high_; ++decade) {
      const double microseconds = std::pow(10.0, decade);
      svg += line("grid", kLeft, y(microseconds), kRight, y(microseconds));
      svg += text(kLeft - 10, y(microseconds) + 4, "end", decade_label(decade), "muted");
    }
    static constexpr const char* kTicks[] = {"0",    "50",    "90",     "99",
                                             "99.9", "99.99", "99.999", "99.9999"};
    for (const char* tick : kTicks) {
      const double percentile = std::atof(tick);
      if (nines(percentile) > nines_) break;
      svg += line("grid", x(percentile), top_, x(percentile), kBottom);
      svg += text(x(percentile), kBottom + 20, "middle", std::string(tick) + " %", "muted");
    }
    return svg + text((kLeft + kRight) / 2, kBottom + 42, "middle", "percentile", "muted");
  }

 private:
  static constexpr double kFloor = 1e-3;  // one nanosecond: zero has no logarithm
  static constexpr double kRoomFor100 = 0.3;

  // 0 % -> 0, 90 % -> 1, 99 % -> 2.
  static double nines(double percentile) { return -std::log10(1.0 - percentile / 100.0); }

  double top_;
  double nines_ = 0;
  double low_ = 0;
  double high_ = 1;
};

// What the curve says at a percentile; the last point at or below it.
double value_at(const LatencyCurve& curve, double percentile) {
  double value = 0;
  for (const auto& point : curve.points) {
    if (point[0] > percentile + 1e-9) break;
    value = point[1];
  }
  return value;
}

std::string in_words(double microseconds) {
  return format_duration(
      std::chrono::nanoseconds(static_cast<std::int64_t>(std::llround(microseconds * 1e3))));
}

std::string draw_curve(const LatencyCurve& curve, const LatencyAxes& axes, std::size_t series) {
  std::string svg = "<polyline class=\"curve\" style=\"stroke:" + colour(series) + "\" points=\"";
  for (const auto& [percentile, microseconds] : curve.points) {
    svg += number(axes.x(percentile)) + "," + number(axes.y(microseconds)) + " ";
  }
  svg += "\"/>\n";
  for (const double percentile : {50.0, 90.0, 99.0}) {
    const double value = value_at(curve, percentile);
    const std::string name = curve.name + ", " + number(percentile) + " %: " + in_words(value);
    svg += "<circle style=\"fill:" + colour(series) + "\"" + attribute("cx", axes.x(percentile)) +
           attribute("cy", axes.y(value)) + " r=\"4\"><title>" + escape_html(name) +
           "</title></circle>\n";
  }
  return svg;
}

}  // namespace

std::string bar_chart(const std::vector<Bar>& bars, const std::optional<ReferenceLine>& reference) {
  double highest = reference ? reference->value : 0;
  for (const Bar& bar : bars) highest = std::max(highest, bar.value);
  const double scale = (kWidth - kLabelWidth - kBarTextWidth) / (highest > 0 ? highest : 1);
  const double top = reference ? kLegendHeight : 0;
  const double height = top + kRowHeight * static_cast<double>(bars.size());

  std::string svg = open_svg(height, "bar chart");
  if (reference) {
    const double x = kLabelWidth + reference->value * scale;
    svg += line("reference", x, top - 4, x, height);
    svg += text(x, top - 10, "middle", reference->label);
  }
  double y = top;
  for (const Bar& bar : bars) {
    const double middle = y + kRowHeight / 2;
    const double width = std::max(bar.value * scale, 1.0);
    svg += text(kLabelWidth - 12, middle + 4, "end", bar.label);
    svg += std::string("<rect class=\"bar") + (bar.is_limit ? " limit" : "") + "\"" +
           attribute("x", kLabelWidth) + attribute("y", middle - kBarHeight / 2) +
           attribute("width", width) + attribute("height", kBarHeight) + " rx=\"3\"/>\n";
    svg += text(kLabelWidth + width + 10, middle + 4, "start", bar.text, "muted");
    y += kRowHeight;
  }
  return svg + "</svg>";
}

std::string stacked_bar_chart(const std::vector<StackedBar>& bars) {
  std::vector<std::string> names;
  double longest = 0;
  for (const StackedBar& bar : bars) {
    double sum = 0;
    for (const auto& [name, value] : bar.parts) {
      if (value <= 0) continue;
      sum += value;
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
    longest = std::max(longest, sum);
  }
  const double scale = (kWidth - kLabelWidth - kBarTextWidth) / (longest > 0 ? longest : 1);
  // Around the colour wheel: more names than a theme has colours.
  const auto fill = [&names](const std::string& name, bool faint) {
    const auto at = std::ranges::find(names, name) - names.begin();
    return " style=\"fill:hsl(" +
           number(360.0 * static_cast<double>(at) / static_cast<double>(names.size())) +
           " 55% 55%" + (faint ? " / 0.55" : "") + ")\"";
  };
  constexpr std::size_t kLegendColumns = 3;
  const std::size_t legend_rows = (names.size() + kLegendColumns - 1) / kLegendColumns;
  const double top = kLegendHeight * static_cast<double>(legend_rows);
  std::string svg = open_svg(top + kRowHeight * static_cast<double>(bars.size()), "stacked bars");
  for (std::size_t i = 0; i < names.size(); ++i) {
    const double x = kWidth / kLegendColumns * static_cast<double>(i % kLegendColumns);
    const double y = kLegendHeight * static_cast<double>(i / kLegendColumns);
    svg += "<rect" + fill(names[i], false) + attribute("x", x) + attribute("y", y + 5) +
           " width=\"14\" height=\"14\" rx=\"3\"/>\n";
    svg += text(x + 20, y + 17, "start", names[i]);
  }
  double y = top;
  for (const StackedBar& bar : bars) {
    const double middle = y + kRowHeight / 2;
    svg += text(kLabelWidth - 12, middle + 4, "end", bar.label);
    double x = kLabelWidth;
    for (const auto& [name, value] : bar.parts) {
      if (value <= 0) continue;
      svg += "<rect" + fill(name, bar.is_limit) + attribute("x", x) +
             attribute("y", middle - kBarHeight / 2) + attribute("width", value * scale) +
             attribute("height", kBarHeight) + "><title>" + escape_html(name) + ": " +
             number(value) + "</title></rect>\n";
      x += value * scale;
    }
    svg += text(x + 10, middle + 4, "start", bar.text, "muted");
    y += kRowHeight;
  }
  return svg + "</svg>";
}

std::string percentile_chart(const std::vector<LatencyCurve>& curves) {
  std::vector<LatencyCurve> drawn;
  std::copy_if(curves.begin(), curves.end(), std::back_inserter(drawn),
               [](const LatencyCurve& curve) { return !curve.points.empty(); });
  if (drawn.empty()) return {};
  const double top = 14 + kLegendHeight * static_cast<double>(drawn.size());
  const LatencyAxes axes(drawn, top);
  std::string svg = open_svg(LatencyAxes::kBottom + 56, "latency over percentile");
  svg += axes.draw();
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const double y = 14 + kLegendHeight * static_cast<double>(i);
    svg += "<rect style=\"fill:" + colour(i) + "\"" + attribute("x", LatencyAxes::kLeft) +
           attribute("y", y - 9) + " width=\"22\" height=\"5\" rx=\"2\"/>\n";
    svg +=
        text(LatencyAxes::kLeft + 32, y, "start",
             drawn[i].name + ": p50 " + in_words(value_at(drawn[i], 50)) + ", p99 " +
                 in_words(value_at(drawn[i], 99)) + ", max " + in_words(drawn[i].points.back()[1]));
    svg += draw_curve(drawn[i], axes, i);
  }
  return svg + "</svg>";
}

}  // namespace quicore::tools
