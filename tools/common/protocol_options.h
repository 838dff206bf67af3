// SPDX-License-Identifier: Apache-2.0
//
// Command-line options that server, load generator and client share: congestion control, payload
// size, port kind, QUIC versions, ciphers, window, key log.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "api/runtime.h"
#include "engine/config.h"

namespace quicore::tools {

// --cc cubic|reno|bbr
CLI::Option* add_congestion_control(CLI::App& app, CongestionControl& target);

// --payload BYTES: the UDP payload used from the start, without discovery. 0: discovery.
CLI::Option* add_payload(CLI::App& app, std::uint64_t& target);

// --port-kind auto|uring|mmsg
CLI::Option* add_port_kind(CLI::App& app, PortChoice& target);

// --versions v1,v2: best first.
CLI::Option* add_versions(CLI::App& app, std::vector<QuicVersion>& target);

// --ciphers LIST: of TLS 1.3, colon-separated; empty is the default of engine/tls_settings.h.
CLI::Option* add_ciphers(CLI::App& app, std::string& target);

// --window SIZE: the flow-control window of a connection.
CLI::Option* add_window(CLI::App& app, std::uint64_t& target);

// --keylog FILE: for tools/common/key_log.h.
CLI::Option* add_keylog(CLI::App& app, std::string& target);
// --qlog DIRECTORY: for tools/common/qlog_files.h.
CLI::Option* add_qlog(CLI::App& app, std::string& target);

}  // namespace quicore::tools
