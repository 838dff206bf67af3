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
#include "tools/common/identity_options.h"
#include "tools/common/url.h"

namespace quicore::tools {

// What to do about the status of the server's certificate: ask and tell, or demand an answer.
enum class OcspWish : std::uint8_t { off, show, require };

struct GetOptions {
  std::vector<Url> urls;
  std::string alpn = "h3";
  std::string method;  // empty: GET, or POST with data
  std::string data_file;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string output;
  std::string output_directory;
  std::uint32_t max_redirects = 10;
  std::string session_file;
  std::string ca;
  std::string crl;
  IdentityOptions identity;
  PskKeys psk;
  OcspWish ocsp = OcspWish::off;
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
  bool use_preferred_address = true;
  bool insecure = false;
  bool follow_redirects = false;
  bool go_on = false;  // with what an earlier run left of the file
  bool early_data = false;
  bool key_update = false;
  bool json = false;
  bool quiet = false;
};

// Ends the program after --help, --version or a wrong option (status 2), as CLI11 does.
GetOptions parse_get_options(int argc, char** argv);

SessionConfig session_config_of(const GetOptions& options, const Url& url);

}  // namespace quicore::tools
