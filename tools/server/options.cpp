// SPDX-License-Identifier: Apache-2.0
#include "tools/server/options.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <utility>

#include "tools/common/options.h"
#include "tools/common/protocol_options.h"

namespace quicore::tools {

namespace {

constexpr const char* kDescription =
    "Serves a directory over HTTP/3 and hq-interop (HTTP/0.9 over QUIC), and measures.\n"
    "\n"
    "  GET /path         the file below --root; ranges, conditions, .br, .zst and .gz siblings\n"
    "  GET /bytes/N      N zero bytes\n"
    "  POST /echo        the request's body comes back\n"
    "  POST /discard     the body is counted; the answer is its length\n"
    "  quicore-echo      (ALPN) echoes streams and datagrams\n"
    "  quicore-perf      (ALPN) 8 bytes N, big-endian, are answered by N zero bytes\n"
    "\n"
    "SIGTERM or SIGINT closes gracefully, the second one at once. SIGUSR1 prints statistics.\n"
    "Exit status: 0 closed as asked, 1 could not serve, 2 wrong usage.";

constexpr std::uint32_t kMostShards = 256;               // what a connection ID has room for
constexpr std::uint64_t kMostConnections = 100'000'000;  // far more than memory holds
constexpr std::uint64_t kMostStreams = 1'000'000;        // of one connection: a mistake beyond

void check_combination(const ServerOptions& options) {
  if (auto address = Address::parse_with_port(options.listen); !address) {
    refuse_option("--listen", address.error().reason);
  }
  if (!options.preferred_address.empty()) {
    if (auto address = Address::parse_with_port(options.preferred_address); !address) {
      refuse_option("--preferred-address", address.error().reason);
    }
  }
  if (options.certificate.empty() != options.key.empty()) {
    refuse_option(options.certificate.empty() ? "--key" : "--cert",
                  "a certificate and its key go together: give --cert and --key");
  }
  if (!options.certificate.empty() && !options.write_certificate.empty()) {
    refuse_option("--write-cert", "writes the development certificate: leave --cert and --key out");
  }
}

void add_options(CLI::App& app, ServerOptions& options) {
  app.add_option("--listen", options.listen, "address and port; port 0 lets the kernel choose")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  app.add_option("--preferred-address", options.preferred_address,
                 "clients go on at this address; --listen must cover it, as 0.0.0.0 does")
      ->type_name("ADDRESS:PORT");
  add_input_directory(app, "--root", options.root, "directory to serve");
  app.add_flag("--list", options.site.list, "directories without index.html show what is in them");
  add_choice<Symlinks>(
      app, "--symlinks", options.site.symlinks,
      {{"none", Symlinks::none}, {"inside", Symlinks::inside}, {"all", Symlinks::all}},
      "which symbolic links are followed: none, inside (of --root) or all");
  app.add_option("--access-log", options.access_log,
                 "append a line per request; - is standard output")
      ->type_name("FILE");
  add_choice<AccessLogFormat>(
      app, "--access-log-format", options.access_log_format,
      {{"common", AccessLogFormat::common}, {"json", AccessLogFormat::json}},
      "common (Common Log Format) or json");
  add_input_file(app, "--cert", options.certificate, "certificate chain, PEM; needs --key");
  add_input_file(app, "--key", options.key, "private key, PEM; needs --cert");
  app.add_option("--write-cert", options.write_certificate,
                 "write the development certificate here, for curl --cacert");
  add_number(app, "--shards", options.shards, 1, kMostShards, "threads, each with its own sockets");
  add_cpu_list(app, "--cpus", options.cpus, "shard i is pinned to the i-th of these");
  add_number(app, "--max-connections", options.max_connections, 1, kMostConnections,
             "more are refused as busy");
  add_number(app, "--max-streams", options.max_streams, 1, kMostStreams,
             "concurrent requests per connection");
  add_window(app, options.window);
  add_duration(app, "--idle-timeout", options.idle_timeout, "close connections that fell silent");
  add_payload(app, options.payload);
  add_congestion_control(app, options.congestion_control);
  add_port_kind(app, options.port);
  add_versions(app, options.versions);
  add_ciphers(app, options.ciphers);
  add_keylog(app, options.keylog);
  add_qlog(app, options.qlog);
  app.add_flag("--retry", options.retry, "make every client prove its address first (Retry)");
  app.add_flag("--early-data", options.early_data, "accept 0-RTT requests: they can be replayed");
  app.add_flag("--json", options.json, "machine-readable output");
  app.add_flag("--quiet", options.quiet, "print nothing but errors");
}

}  // namespace

ServerOptions parse_server_options(int argc, char** argv) {
  ServerOptions options;
  CLI::App app(kDescription, "quicore-server");
  app.set_version_flag("--version", QUICORE_VERSION);
  add_options(app, options);
  parse_or_exit(app, argc, argv, [&] { check_combination(options); });
  return options;
}

Result<EndpointConfig> endpoint_config_of(const ServerOptions& options) {
  EndpointConfig config;
  auto address = Address::parse_with_port(options.listen);
  if (!address) return std::unexpected(std::move(address.error()));
  config.address = *address;
  config.max_connections_total = options.max_connections;
  config.max_connections_per_host = options.max_connections;
  config.validate_address = options.retry;
  // Clients of one machine share an address: a test of Retry would run into the limit per host.
  config.retry_limit = options.max_connections;
  config.congestion_control = options.congestion_control;
  if (options.payload != 0) {
    config.max_payload_size = options.payload;
    config.path_mtu_discovery = false;
  }
  config.max_window = options.window;
  config.max_stream_window = options.window;
  return config;
}

Result<SessionConfig> session_config_of(const ServerOptions& options, const TlsSettings& identity) {
  SessionConfig config;
  config.alpn = {"h3", "hq-interop", "quicore-echo", "quicore-perf"};
  config.versions = options.versions;
  config.secure = identity;
  if (!options.certificate.empty()) {
    config.secure.certificate = {Pem::file(options.certificate)};
    config.secure.key = {Pem::file(options.key)};
  }
  config.secure.early_data = options.early_data;
  config.secure.ciphers = options.ciphers;
  if (!options.preferred_address.empty()) {
    auto address = Address::parse_with_port(options.preferred_address);
    if (!address) return std::unexpected(std::move(address.error()));
    const bool ipv6 = address->family() == Family::ipv6;
    (ipv6 ? config.transport.preferred_address_ipv6 : config.transport.preferred_address_ipv4) =
        *address;
  }
  config.transport.max_idle_timeout = options.idle_timeout;
  config.transport.initial_max_data = options.window;
  config.transport.initial_max_stream_data_bidi_local = options.window / 2;
  config.transport.initial_max_stream_data_bidi_remote = options.window / 2;
  config.transport.initial_max_stream_data_uni = options.window / 2;
  config.transport.initial_max_streams_bidi = options.max_streams;
  if (auto valid = config.validate(Side::server); !valid) return std::unexpected(valid.error());
  return config;
}

}  // namespace quicore::tools
