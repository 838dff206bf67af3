// SPDX-License-Identifier: Apache-2.0
#include "tools/server/statistics.h"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

namespace quicore::tools {

namespace {

std::array<std::pair<const char*, std::uint64_t>, 12> rows_of(const EndpointStats& stats) {
  return {
      {{"server_sessions", stats.server_sessions},
       {"bytes_received", stats.bytes_received},
       {"bytes_sent", stats.bytes_sent},
       {"packets_received", stats.packets_received},
       {"packets_sent", stats.packets_sent},
       {"server_busy", stats.server_busy_count},
       {"retry", stats.retry_count},
       {"version_negotiation", stats.version_negotiation_count},
       {"stateless_reset", stats.stateless_reset_count},
       {"forwarded", stats.forwarded_count},
       {"dropped", stats.dropped_count},
       {"seconds", static_cast<std::uint64_t>(
                       std::chrono::duration_cast<std::chrono::seconds>(stats.duration).count())}}};
}

}  // namespace

std::string statistics_table(const EndpointStats& stats) {
  std::string table;
  for (const auto& [name, value] : rows_of(stats)) {
    std::array<char, 96> line{};
    std::snprintf(line.data(), line.size(), "%-20s %20llu\n", name,
                  static_cast<unsigned long long>(value));
    table += line.data();
  }
  return table;
}

std::string statistics_json(const EndpointStats& stats) {
  nlohmann::ordered_json json{{"event", "statistics"}};
  for (const auto& [name, value] : rows_of(stats)) json[name] = value;
  return json.dump();
}

}  // namespace quicore::tools
