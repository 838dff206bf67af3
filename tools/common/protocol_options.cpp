// SPDX-License-Identifier: Apache-2.0
#include "tools/common/protocol_options.h"

#include <expected>
#include <map>

#include "tools/common/options.h"

namespace quicore::tools {

namespace {

template <class T>
using Names = std::map<std::string, T>;

const Names<CongestionControl> kControllers = {{"cubic", CongestionControl::cubic},
                                               {"reno", CongestionControl::reno},
                                               {"bbr", CongestionControl::bbr}};
const Names<PortChoice> kPorts = {{"auto", PortChoice::automatic},
                                  {"uring", PortChoice::uring},
                                  {"mmsg", PortChoice::mmsg}};

std::expected<std::vector<QuicVersion>, std::string> parse_versions(std::string_view text) {
  std::vector<QuicVersion> versions;
  while (!text.empty()) {
    const std::string_view name = text.substr(0, text.find(','));
    if (name == "v1") {
      versions.push_back(QuicVersion::v1);
    } else if (name == "v2") {
      versions.push_back(QuicVersion::v2);
    } else {
      return std::unexpected("'" + std::string(name) + "' is no QUIC version known here: write v1, "
                                                       "v2 or v1,v2, best first");
    }
    text.remove_prefix(std::min(text.size(), name.size() + 1));
  }
  if (versions.empty()) return std::unexpected("name at least one version: v1, v2 or v1,v2");
  return versions;
}

}  // namespace

CLI::Option* add_congestion_control(CLI::App& app, CongestionControl& target) {
  return app.add_option("--cc", target, "congestion control: cubic, reno or bbr")
      ->transform(CLI::CheckedTransformer(kControllers))
      ->type_name("NAME")
      ->default_str("cubic");
}

CLI::Option* add_payload(CLI::App& app, std::uint64_t& target) {
  return app
      .add_option("--payload", target,
                  "UDP payload in bytes, used without path MTU discovery; 0 discovers")
      ->check([](const std::string& text) -> std::string {
        if (text == "0") return {};
        return CLI::Range(1200, 65507)(text);
      })
      ->type_name("BYTES")
      ->default_str("0");
}

CLI::Option* add_port_kind(CLI::App& app, PortChoice& target) {
  return app.add_option("--port-kind", target, "auto, uring (io_uring) or mmsg (epoll)")
      ->transform(CLI::CheckedTransformer(kPorts))
      ->type_name("KIND")
      ->default_str("auto");
}

CLI::Option* add_versions(CLI::App& app, std::vector<QuicVersion>& target) {
  return add_parsed(app, "--versions", target, "QUIC versions, best first", parse_versions)
      ->type_name("LIST")
      ->default_str("v1,v2");
}

CLI::Option* add_keylog(CLI::App& app, std::string& target) {
  return app
      .add_option("--keylog", target,
                  "append the TLS secrets to this file, for Wireshark; else to $SSLKEYLOGFILE")
      ->type_name("FILE");
}

}  // namespace quicore::tools
