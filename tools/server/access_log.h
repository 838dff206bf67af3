// SPDX-License-Identifier: Apache-2.0
//
// The access log: a line per request when its stream has closed, in the Common Log Format that log
// analyzers know, or as JSON with more to it. The file is appended to; a rotation renames it and
// restarts the server.
//
// Threading: any shard.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "io/address.h"
#include "io/error.h"
#include "io/time.h"
#include "tools/common/append_file.h"

namespace quicore::tools {

enum class AccessLogFormat : std::uint8_t { common, json };

struct AccessEntry {
  Address remote;
  std::string method;
  std::string target;
  std::string status;
  std::string referer;
  std::string user_agent;
  std::uint64_t bytes = 0;  // of the body
  Duration took{};          // from the request's headers to the end of its stream
  bool complete = true;     // false: not everything was sent
};

// Without the newline. `seconds` is the wall clock's time, since 1970. What a client made up cannot
// break out of its place: quotes and control characters are escaped.
std::string access_line(const AccessEntry& entry, AccessLogFormat format, std::int64_t seconds);

class AccessLog {
 public:
  // "-" is standard output.
  static Result<AccessLog> open(const std::string& path, AccessLogFormat format);
  void record(const AccessEntry& entry) const;

 private:
  AccessLog(AppendFile file, AccessLogFormat format) noexcept
      : file_(std::move(file)), format_(format) {}
  AppendFile file_;
  AccessLogFormat format_;
};

}  // namespace quicore::tools
