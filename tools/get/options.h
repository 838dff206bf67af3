// SPDX-License-Identifier: Apache-2.0
//
// What `quicore-get` is told on its command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "api/config.h"
#include "api/runtime.h"
#include "tools/common/url.h"

namespace quicore::tools {

struct GetOptions {
  std::vector<Url> urls;
  std::string alpn = "h3";
  std::string method;  // empty: GET, or POST with data
  std::string data_file;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string output;
  std::string output_directory;
  std::string session_file;
  std::string ca;
  std::string ciphers;
  std::string keylog;
  std::string qlog;
  std::uint32_t parallel = 8;
  std::chrono::nanoseconds timeout = std::chrono::minutes(5);  // of the whole run
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds(10);
  // Since the handshake was confirmed; zero: not at all.
  std::chrono::nanoseconds migrate_after{};
  std::chrono::nanoseconds rebind_after{};
  std::uint64_t window = 16ULL * 1024 * 1024;
  PortChoice port = PortChoice::automatic;
  std::vector<QuicVersion> versions{QuicVersion::v1, QuicVersion::v2};
  bool insecure = false;
  bool early_data = false;
  bool key_update = false;
  bool json = false;
  bool quiet = false;
};

// Ends the program after --help, --version or a wrong option (status 2), as CLI11 does.
GetOptions parse_get_options(int argc, char** argv);

SessionConfig session_config_of(const GetOptions& options, const Url& url);

}  // namespace quicore::tools
