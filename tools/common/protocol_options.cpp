// SPDX-License-Identifier: Apache-2.0
#include "tools/common/protocol_options.h"

#include <algorithm>
#include <string_view>

#include "tools/common/options.h"

namespace quicore::tools {

namespace {

constexpr std::uint64_t kSmallestPayload = 1200;  // RFC 9000 14
constexpr std::uint64_t kLargestPayload = 65507;  // of UDP over IPv4
constexpr std::uint64_t kSmallestWindow = 16 * 1024;
constexpr std::uint64_t kLargestWindow = 16ULL << 30;  // a round trip of a second at 128 Gbit/s

Parsed<std::uint64_t> parse_payload(std::string_view text) {
  if (text == "0") return 0;
  auto size = parse_number(text, kSmallestPayload, kLargestPayload);
  if (!size) size.error() += ", or 0 to discover it";
  return size;
}

Parsed<std::vector<QuicVersion>> parse_versions(std::string_view text) {
  std::vector<QuicVersion> versions;
  while (!text.empty()) {
    const std::string_view name = text.substr(0, text.find(','));
    if (name == "v1") {
      versions.push_back(QuicVersion::v1);
    } else if (name == "v2") {
      versions.push_back(QuicVersion::v2);
    } else {
      return std::unexpected("\"" + std::string(name) +
                             "\" is not known here: write v1, v2 or "
                             "v1,v2, best first");
    }
    text.remove_prefix(std::min(text.size(), name.size() + 1));
  }
  if (versions.empty()) return std::unexpected("name at least one version: v1, v2 or v1,v2");
  return versions;
}

}  // namespace

CLI::Option* add_congestion_control(CLI::App& app, CongestionControl& target) {
  return add_choice<CongestionControl>(app, "--cc", target,
                                       {{"cubic", CongestionControl::cubic},
                                        {"reno", CongestionControl::reno},
                                        {"bbr", CongestionControl::bbr}},
                                       "congestion control: cubic, reno or bbr");
}

CLI::Option* add_payload(CLI::App& app, std::uint64_t& target) {
  return add_parsed(app, "--payload", target,
                    "UDP payload in bytes, used without path MTU discovery; 0 discovers",
                    parse_payload)
      ->type_name("BYTES")
      ->default_str("0");
}

CLI::Option* add_port_kind(CLI::App& app, PortChoice& target) {
  return add_choice<PortChoice>(
      app, "--port-kind", target,
      {{"auto", PortChoice::automatic}, {"uring", PortChoice::uring}, {"mmsg", PortChoice::mmsg}},
      "auto, uring (io_uring) or mmsg (epoll)");
}

CLI::Option* add_versions(CLI::App& app, std::vector<QuicVersion>& target) {
  return add_parsed(app, "--versions", target, "QUIC versions, best first", parse_versions)
      ->type_name("LIST")
      ->default_str("v1,v2");
}

CLI::Option* add_ciphers(CLI::App& app, std::string& target) {
  return app.add_option("--ciphers", target, "ciphers of TLS 1.3, colon-separated, best first")
      ->type_name("LIST");
}

CLI::Option* add_window(CLI::App& app, std::uint64_t& target) {
  return add_size(app, "--window", target, "flow-control window of a connection", kSmallestWindow,
                  kLargestWindow);
}

CLI::Option* add_keylog(CLI::App& app, std::string& target) {
  return app
      .add_option("--keylog", target,
                  "append the TLS secrets to this file, for Wireshark; else to $SSLKEYLOGFILE")
      ->type_name("FILE");
}

CLI::Option* add_qlog(CLI::App& app, std::string& target) {
  return app
      .add_option("--qlog", target,
                  "write a qlog file per session here, for viewers such as qvis; else to $QLOGDIR")
      ->type_name("DIRECTORY");
}

}  // namespace quicore::tools
