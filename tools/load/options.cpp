// SPDX-License-Identifier: Apache-2.0
#include "tools/load/options.h"

#include <CLI/CLI.hpp>
#include <array>
#include <cstdlib>
#include <map>

#include "tools/common/options.h"
#include "tools/common/protocol_options.h"

namespace quicore::tools {

namespace {

constexpr const char* kDescription =
    "Drives a QUIC or HTTP/3 server and measures it.\n"
    "\n"
    "  download   each stream fetches --size bytes, again and again (GET /bytes/N)\n"
    "  upload     each stream sends --size bytes, again and again (POST /discard)\n"
    "  request    small answers of --size bytes; latency per request\n"
    "  handshake  a new connection each time, full handshake\n"
    "  resume     a new connection each time, resumed by a ticket\n"
    "  datagram   echoed datagrams of --size bytes (quicore-echo)\n"
    "\n"
    "Without --rate the loop is closed: each stream has one request under way. With --rate requests\n"
    "are due at fixed times and latency counts from then on, late or not (no coordinated omission).\n"
    "\n"
    "Exit status: 0 all well, 1 something failed, 2 wrong usage, 3 no connection could be made.";

constexpr std::uint64_t kDefaultBulk = 1ULL << 30;
constexpr std::uint64_t kDefaultRequest = 512;
constexpr std::uint64_t kDefaultDatagram = 64;
constexpr std::uint64_t kSmallestDatagram = 16;  // its number and its time stand in it

const std::map<std::string, LoadMode> kModes = {
    {"download", LoadMode::download}, {"upload", LoadMode::upload},
    {"request", LoadMode::request},   {"handshake", LoadMode::handshake},
    {"resume", LoadMode::resume},     {"datagram", LoadMode::datagram}};

void add_work(CLI::App& app, LoadOptions& options) {
  app.add_option("url", options.url, "https://HOST:PORT/[path]; a path replaces the mode's own")
      ->required();
  app.add_option("--mode", options.mode, "what to do")
      ->transform(CLI::CheckedTransformer(kModes))
      ->type_name("MODE")
      ->default_str("request");
  app.add_option("--alpn", options.alpn, "h3 or quicore-perf")
      ->check(CLI::IsMember({"h3", "quicore-perf"}))
      ->capture_default_str();
  app.add_option("--connections", options.connections, "connections at a time")
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str();
  app.add_option("--streams", options.streams, "streams at a time on each connection")
      ->check(CLI::Range(1U, 100'000U))
      ->capture_default_str();
  app.add_option("--rate", options.rate, "requests per second in total (open loop)")
      ->check(CLI::PositiveNumber);
  app.add_option("--requests", options.requests, "stop after so many instead of after --duration")
      ->check(CLI::PositiveNumber);
  add_size(app, "--size", options.size, "bytes per answer, body or datagram")
      ->default_str("1GiB, 512 or 64 by mode");
  add_duration(app, "--duration", options.duration, "how long to measure");
  add_duration(app, "--warmup", options.warmup, "how long to run before");
}

void add_checks(CLI::App& app, LoadOptions& options) {
  app.add_flag("--check", options.check, "check status and length of every answer");
  app.add_option("--sha256", options.sha256, "check that every body has this hash (64 hex digits)")
      ->check([](const std::string& text) -> std::string {
        const bool hex = text.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
        return hex && text.size() == 64 ? "" : "write the SHA-256 as 64 hexadecimal digits";
      });
}

void add_transport(CLI::App& app, LoadOptions& options) {
  app.add_option("--threads", options.threads, "shards that share the connections")
      ->check(CLI::Range(1U, 256U))
      ->capture_default_str();
  add_cpu_list(app, "--cpus", options.cpus, "shard i is pinned to the i-th of these");
  app.add_flag("--insecure", options.insecure, "do not verify the server's certificate");
  app.add_option("--ca", options.ca, "trust these certificates, PEM")->check(CLI::ExistingFile);
  add_size(app, "--window", options.window, "flow-control window of a connection");
  add_duration(app, "--connect-timeout", options.connect_timeout, "give up connecting after");
  add_payload(app, options.payload);
  add_congestion_control(app, options.congestion_control);
  add_port_kind(app, options.port);
  add_versions(app, options.versions);
  app.add_flag("--json", options.json, "print the report as one line of JSON");
  app.add_flag("--quiet", options.quiet, "no progress line");
}

std::uint64_t default_size(LoadMode mode) noexcept {
  switch (mode) {
    case LoadMode::download:
    case LoadMode::upload: return kDefaultBulk;
    case LoadMode::datagram: return kDefaultDatagram;
    default: return kDefaultRequest;
  }
}

void check_combination(LoadOptions& options) {
  const bool connects = options.mode == LoadMode::handshake || options.mode == LoadMode::resume;
  if (connects && options.rate > 0) {
    throw CLI::ValidationError("--rate", "handshakes are made in a closed loop: use --connections");
  }
  if (options.mode == LoadMode::datagram && options.size < kSmallestDatagram) {
    throw CLI::ValidationError("--size", "a datagram carries its number and time: at least 16 bytes");
  }
  if (options.mode == LoadMode::datagram) options.alpn = "quicore-echo";
}

}  // namespace

std::string_view name_of(LoadMode mode) noexcept {
  constexpr std::array<std::string_view, 6> kNames = {"download",  "upload", "request",
                                                      "handshake", "resume", "datagram"};
  return kNames[static_cast<std::size_t>(mode)];
}

LoadOptions parse_load_options(int argc, char** argv) {
  LoadOptions options;
  CLI::App app(kDescription, "quicore-load");
  app.set_version_flag("--version", QUICORE_VERSION);
  add_work(app, options);
  add_checks(app, options);
  add_transport(app, options);
  try {
    app.parse(argc, argv);
    if (options.size == 0) options.size = default_size(options.mode);
    if (!options.sha256.empty()) options.check = true;
    check_combination(options);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  return options;
}

EndpointConfig endpoint_config_of(const LoadOptions& options, const Address& server) {
  EndpointConfig config;
  config.address = server.is_loopback() ? Address::loopback(server.family(), 0)
                                        : Address::any(server.family(), 0);
  config.congestion_control = options.congestion_control;
  if (options.payload != 0) {
    config.max_payload_size = options.payload;
    config.path_mtu_discovery = false;
  }
  config.max_window = options.window;
  config.max_stream_window = options.window;
  return config;
}

SessionConfig session_config_of(const LoadOptions& options, const std::string& host) {
  SessionConfig config;
  config.alpn = {options.alpn};
  config.hostname = host;
  config.versions = options.versions;
  if (options.insecure) config.secure.verify = Verify::none;
  if (!options.ca.empty()) config.secure.ca = {Pem::file(options.ca)};
  config.handshake_timeout = options.connect_timeout;
  config.transport.initial_max_data = options.window;
  config.transport.initial_max_stream_data_bidi_local = options.window / 2;
  return config;
}

}  // namespace quicore::tools
