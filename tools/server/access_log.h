// SPDX-License-Identifier: Apache-2.0
//
// The access log: a line per request when its stream has closed, in the Common Log Format that log
// analyzers know, or as JSON with more to it. The file is appended to; a rotation renames it and
// restarts the server.
//
// Threading: any shard; a line is one write(2) to the end of the file, about a microsecond.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "io/address.h"
#include "io/error.h"
#include "io/time.h"

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
  AccessLog(AccessLog&& other) noexcept;
  AccessLog& operator=(AccessLog&&) = delete;
  ~AccessLog();

  void record(const AccessEntry& entry) const;

 private:
  AccessLog(int fd, AccessLogFormat format) noexcept : fd_(fd), format_(format) {}
  int fd_;
  AccessLogFormat format_;
};

}  // namespace quicore::tools
