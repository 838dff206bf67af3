// SPDX-License-Identifier: Apache-2.0
//
// ProgressLine: one line that shows what a program is doing now.
//
// On a terminal the line is redrawn in place (carriage return, erase to the end), cut to the
// terminal's width, at most ten times a second. Elsewhere (a log, a pipe) whole lines are written,
// at most one each five seconds, so that a log stays readable.
//
// The caller passes the time, so the class reads no clock. Threading: none.
#pragma once

#include <chrono>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

namespace quicore::tools {

class ProgressLine {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr std::chrono::milliseconds kTerminalInterval{100};
  static constexpr std::chrono::milliseconds kPlainInterval{5000};

  struct Style {
    bool terminal = false;  // redraw in place
    unsigned columns = 80;  // of the terminal
    bool quiet = false;     // show no progress at all; say() still writes
  };

  // What the file descriptor (2 for standard error) is connected to.
  [[nodiscard]] static Style style_of(int fd);

  ProgressLine(std::ostream& out, Style style) : out_(out), style_(style) {}
  // Leaves no half-drawn line behind.
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // True if an update at `now` would be shown: spare the formatting otherwise.
  [[nodiscard]] bool due(Clock::time_point now) const;

  // Shows `text` (no newline in it) if one is due.
  void update(Clock::time_point now, std::string_view text);

  // Writes a line that stays, above the progress line.
  void say(std::string_view text);

  // Takes the progress line off the terminal. The next update is shown at once.
  void clear();

 private:
  std::ostream& out_;
  Style style_;
  std::optional<Clock::time_point> last_;
  bool drawn_ = false;
};

// The first `columns` characters of UTF-8 text; never splits a character.
[[nodiscard]] std::string_view cut_to_columns(std::string_view text, unsigned columns);

}  // namespace quicore::tools
