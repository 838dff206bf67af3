// SPDX-License-Identifier: Apache-2.0
//
// What `quicore-server` is told on its command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "api/runtime.h"
#include "io/error.h"
#include "tools/common/identity_options.h"
#include "tools/server/access_log.h"
#include "tools/server/file_site.h"

namespace quicore::tools {

struct ServerOptions {
  std::string listen = "127.0.0.1:4433";
  std::string root = ".";
  IdentityOptions identity;
  std::string write_certificate;
  std::string ciphers;
  std::string keylog;
  std::string qlog;
  std::string access_log;
  AccessLogFormat access_log_format = AccessLogFormat::common;
  SiteOptions site;
  std::string client_ca;
  Verify client_certificate = Verify::strict;  // with client_ca
  std::string crl;
  PskKeys psk;
  std::string ocsp;                              // DER of the response to staple
  std::vector<std::string> preferred_addresses;  // at most one of each family
  std::vector<int> cpus;
  std::uint32_t shards = 1;
  std::uint64_t payload = 0;  // 0: path MTU discovery
  std::uint64_t max_connections = 100'000;
  std::uint64_t window = 64ULL * 1024 * 1024;
  std::uint64_t max_streams = 1000;
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds(30);
  std::chrono::nanoseconds handshake_timeout = SessionConfig().handshake_timeout;
  CongestionControl congestion_control = CongestionControl::cubic;
  PortChoice port = PortChoice::automatic;
  std::chrono::nanoseconds busy_poll = RuntimeConfig().busy_poll;
  std::vector<QuicVersion> versions{QuicVersion::v1, QuicVersion::v2};
  bool retry = false;
  bool early_data = false;
  bool json = false;
  bool quiet = false;
};

// Ends the program after --help, --version or a wrong option (status 2), as CLI11 does.
ServerOptions parse_server_options(int argc, char** argv);

// The configurations that follow from the options. Fails with a sentence that names the option.
Result<EndpointConfig> endpoint_config_of(const ServerOptions& options);
Result<SessionConfig> session_config_of(const ServerOptions& options, const TlsSettings& identity);

}  // namespace quicore::tools
