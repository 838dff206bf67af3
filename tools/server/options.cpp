// SPDX-License-Identifier: Apache-2.0
#include "tools/server/options.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <utility>

#include "tools/common/child_process.h"
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
  check_identity(options.identity);
  if (options.identity.given() && !options.write_certificate.empty()) {
    refuse_option("--write-cert",
                  "writes the development certificate: leave --cert, --key and --pfx out");
  }
  if (options.client_ca.empty() && options.client_certificate != Verify::strict) {
    refuse_option("--client-cert", "asks for what nobody could check: give --client-ca");
  }
  if (options.client_ca.empty() && !options.crl.empty()) {
    refuse_option("--crl", "is about certificates of clients: give --client-ca");
  }
}

// DER of a SEQUENCE (RFC 6960 4.2.1); what is in it is for clients to judge.
Parsed<std::string> read_ocsp_response(const std::string& path) {
  if (auto readable = parse_input_file(path); !readable) return readable;
  std::string response = read_text(path);
  if (response.starts_with('\x30')) return response;
  return std::unexpected("\"" + path +
                         "\" is no OCSP response in DER: make one by openssl ocsp -respout");
}

void add_identities(CLI::App& app, ServerOptions& options) {
  add_identity(app, options.identity);
  app.add_option("--write-cert", options.write_certificate,
                 "write the development certificate here, for curl --cacert");
  add_input_file(app, "--client-ca", options.client_ca,
                 "demand certificates of clients, signed by these CAs, PEM");
  add_choice<Verify>(app, "--client-cert", options.client_certificate,
                     {{"require", Verify::strict}, {"request", Verify::report}},
                     "with --client-ca: require one, or request it and serve those without, too");
  add_crl(app, options.crl);
  add_psk(app, options.psk);
  add_parsed(app, "--ocsp", options.ocsp, "staple this OCSP response, DER", read_ocsp_response)
      ->type_name("FILE");
}

void add_options(CLI::App& app, ServerOptions& options) {
  app.add_option("--listen", options.listen, "address and port; port 0 lets the kernel choose")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
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
  add_identities(app, options);
  app.add_option("--preferred-address", options.preferred_addresses,
                 "where clients shall go on after the handshake; one of each family")
      ->allow_extra_args(false)
      ->type_name("ADDRESS:PORT");
  add_number(app, "--shards", options.shards, 1, kMostShards, "threads, each with its own sockets");
  add_cpu_list(app, "--cpus", options.cpus, "shard i is pinned to the i-th of these");
  add_number(app, "--max-connections", options.max_connections, 1, kMostConnections,
             "more are refused as busy");
  add_number(app, "--max-streams", options.max_streams, 1, kMostStreams,
             "concurrent requests per connection");
  add_window(app, options.window);
  add_duration(app, "--idle-timeout", options.idle_timeout, "close connections that fell silent");
  add_duration(app, "--handshake-timeout", options.handshake_timeout,
               "forget a client whose handshake takes longer; lossy links need more",
               std::chrono::milliseconds(1));
  add_payload(app, options.payload);
  add_congestion_control(app, options.congestion_control);
  add_port_kind(app, options.port);
  add_duration(
      app, "--busy-poll", options.busy_poll,
      "how long an idle shard looks for traffic before it sleeps, while that pays; 1s: always");
  add_versions(app, options.versions);
  add_ciphers(app, options.ciphers);
  add_keylog(app, options.keylog);
  add_qlog(app, options.qlog);
  app.add_flag("--retry", options.retry, "make every client prove its address first (Retry)");
  app.add_flag("--early-data", options.early_data, "accept 0-RTT requests: they can be replayed");
  app.add_flag("--json", options.json, "machine-readable output");
  app.add_flag("--quiet", options.quiet, "print nothing but errors");
}

Result<> set_preferred_addresses(const ServerOptions& options, TransportParams& transport) {
  for (const std::string& text : options.preferred_addresses) {
    const auto address = Address::parse_with_port(text);
    if (!address) {
      return failure(Errc::invalid_argument, "--preferred-address: " + address.error().reason);
    }
    auto& target = address->family() == Family::ipv4 ? transport.preferred_address_ipv4
                                                     : transport.preferred_address_ipv6;
    if (target) {
      return failure(Errc::invalid_argument,
                     "--preferred-address: \"" + text +
                         "\" is the second of its family: give one IPv4 and one IPv6 address");
    }
    target = *address;
  }
  return {};
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
  apply_identity(options.identity, config.secure);
  config.secure.psk = options.psk;
  config.secure.ocsp = !options.ocsp.empty();
  if (!options.client_ca.empty()) {
    config.secure.request_peer_certificate = true;
    config.secure.verify = options.client_certificate;
    config.secure.ca = {Pem::file(options.client_ca)};
    if (!options.crl.empty()) config.secure.crl = {Pem::file(options.crl)};
  }
  if (auto set = set_preferred_addresses(options, config.transport); !set) {
    return std::unexpected(std::move(set.error()));
  }
  config.secure.early_data = options.early_data;
  config.secure.ciphers = options.ciphers;
  config.transport.max_idle_timeout = options.idle_timeout;
  config.handshake_timeout = options.handshake_timeout;
  config.transport.initial_max_data = options.window;
  config.transport.initial_max_stream_data_bidi_local = options.window / 2;
  config.transport.initial_max_stream_data_bidi_remote = options.window / 2;
  config.transport.initial_max_stream_data_uni = options.window / 2;
  config.transport.initial_max_streams_bidi = options.max_streams;
  if (auto valid = config.validate(Side::server); !valid) return std::unexpected(valid.error());
  return config;
}

}  // namespace quicore::tools
