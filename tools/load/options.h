// SPDX-License-Identifier: Apache-2.0
//
// What `quicore-load` is told on its command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/config.h"
#include "api/runtime.h"
#include "io/error.h"
#include "tools/common/identity_options.h"

namespace quicore::tools {

enum class LoadMode : std::uint8_t { download, upload, request, handshake, resume, datagram, idle };
std::string_view name_of(LoadMode mode) noexcept;

struct LoadOptions {
  std::string url;
  std::string alpn = "h3";
  std::string ca;
  IdentityOptions identity;
  PskKeys psk;
  std::vector<int> cpus;
  LoadMode mode = LoadMode::request;
  std::uint32_t connections = 1;
  std::uint32_t streams = 1;
  std::uint32_t threads = 1;
  std::uint64_t size = 0;          // 0: 1 GiB for bulk, 512 B for requests, 64 B for datagrams
  std::uint64_t request_size = 8;  // quicore-perf: bytes per request
  std::uint64_t payload = 0;
  std::uint64_t window = 64ULL * 1024 * 1024;
  double rate = 0;             // requests or datagrams per second in total; 0: closed loop
  std::uint64_t requests = 0;  // stop after so many; 0: by time
  std::chrono::nanoseconds duration = std::chrono::seconds(5);
  std::chrono::nanoseconds warmup = std::chrono::seconds(1);
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds(10);
  std::chrono::nanoseconds keep_alive{};  // 0: none
  CongestionControl congestion_control = CongestionControl::cubic;
  PortChoice port = PortChoice::automatic;
  std::chrono::nanoseconds busy_poll = RuntimeConfig().busy_poll;
  std::vector<QuicVersion> versions{QuicVersion::v1, QuicVersion::v2};
  std::string sha256;  // of every body; implies `check`
  bool use_preferred_address = true;
  bool insecure = false;
  bool check = false;
  bool json = false;
  bool quiet = false;
};

// Ends the program after --help, --version or a wrong option (status 2), as CLI11 does.
LoadOptions parse_load_options(int argc, char** argv);

EndpointConfig endpoint_config_of(const LoadOptions& options, const Address& server);
SessionConfig session_config_of(const LoadOptions& options, const std::string& host);

}  // namespace quicore::tools
