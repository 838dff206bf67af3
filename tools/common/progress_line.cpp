// SPDX-License-Identifier: Apache-2.0
#include "tools/common/progress_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace quicore::tools {
namespace {

constexpr std::string_view kStartOfLine = "\r";
constexpr std::string_view kEraseToEnd = "\x1b[K";

}  // namespace

ProgressLine::Style ProgressLine::style_of(int fd) {
  Style style;
  const char* const term = std::getenv("TERM");
  style.terminal = isatty(fd) == 1 && !(term != nullptr && std::string_view(term) == "dumb");
  winsize size{};
  if (style.terminal && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    style.columns = size.ws_col;
  }
  return style;
}

bool ProgressLine::due(Clock::time_point now) const {
  if (style_.quiet) return false;
  const auto interval = style_.terminal ? kTerminalInterval : kPlainInterval;
  return !last_ || now - *last_ >= interval;
}

void ProgressLine::update(Clock::time_point now, std::string_view text) {
  if (!due(now)) return;
  last_ = now;
  if (!style_.terminal) {
    out_ << text << '\n' << std::flush;
    return;
  }
  // A full last column would make some terminals wrap.
  const unsigned room = std::max(style_.columns, 2U) - 1;
  out_ << kStartOfLine << cut_to_columns(text, room) << kEraseToEnd << std::flush;
  drawn_ = true;
}

void ProgressLine::say(std::string_view text) {
  clear();
  out_ << text << '\n' << std::flush;
}

void ProgressLine::clear() {
  last_.reset();
  if (!drawn_) return;
  out_ << kStartOfLine << kEraseToEnd << std::flush;
  drawn_ = false;
}

std::string_view cut_to_columns(std::string_view text, unsigned columns) {
  std::size_t at = 0;
  for (unsigned shown = 0; at < text.size(); ++at) {
    const bool continues = (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
    if (!continues && shown++ == columns) break;
  }
  return text.substr(0, at);
}

}  // namespace quicore::tools
