// SPDX-License-Identifier: Apache-2.0
#include "tools/load/options.h"

#include <CLI/CLI.hpp>
#include <array>
#include <expected>

#include "tools/common/options.h"
#include "tools/common/protocol_options.h"
#include "tools/common/url.h"

namespace quicore::tools {

namespace {

constexpr const char* kDescription =
    "Drives a QUIC or HTTP/3 server and measures it.\n"
    "\n"
    "  download   each stream fetches --size bytes, again and again (GET /bytes/N)\n"
    "  upload     each stream sends --size bytes, again and again (POST /discard)\n"
    "  request    small answers of --size bytes; latency per request\n"
    "  handshake  a new connection each time, full handshake, until the server has confirmed it\n"
    "  resume     the same, resumed by a ticket\n"
    "  datagram   echoed datagrams of --size bytes (quicore-echo)\n"
    "  idle       connections that are made and kept; with --keep-alive, by a PING now and then\n"
    "\n"
    "Without --rate the loop is closed: each stream has one request under way. With --rate "
    "requests\n"
    "are due at fixed times and latency counts from then on, late or not (no coordinated "
    "omission).\n"
    "\n"
    "Exit status: 0 all well, 1 something failed, 2 wrong usage, 3 no connection could be made.";

constexpr std::uint64_t kDefaultBulk = 1ULL << 30;
constexpr std::uint64_t kDefaultRequest = 512;
constexpr std::uint64_t kDefaultDatagram = 64;
constexpr std::uint64_t kSmallestDatagram = 16;  // its number and its time stand in it

constexpr std::uint64_t kLargestDatagram = 65'507;
constexpr std::uint64_t kSmallestRequest = 8;  // the size of the answer
constexpr std::uint64_t kLargestRequest = 64 * 1024;
constexpr std::uint32_t kMostConnections = 1'000'000;
constexpr std::uint32_t kMostStreams = 100'000;
constexpr std::uint32_t kMostThreads = 256;
constexpr std::uint64_t kMostRequests = 1'000'000'000'000;
constexpr std::chrono::milliseconds kShortestWait{1};
constexpr double kLowestRate = 0.001;
constexpr double kHighestRate = 1e9;

Parsed<std::string> parse_sha256(std::string_view text) {
  const bool hex = text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
  if (hex && text.size() == 64) return std::string(text);
  return std::unexpected("\"" + std::string(text) +
                         "\" cannot be taken: write the SHA-256 as 64 hexadecimal digits");
}

void add_work(CLI::App& app, LoadOptions& options) {
  app.add_option("url", options.url, "https://HOST:PORT/[path]; a path replaces the mode's own")
      ->required();
  add_choice<LoadMode>(app, "--mode", options.mode,
                       {{"download", LoadMode::download},
                        {"upload", LoadMode::upload},
                        {"request", LoadMode::request},
                        {"handshake", LoadMode::handshake},
                        {"resume", LoadMode::resume},
                        {"datagram", LoadMode::datagram},
                        {"idle", LoadMode::idle}},
                       "what to do");
  add_choice<std::string>(app, "--alpn", options.alpn,
                          {{"h3", "h3"}, {"quicore-perf", "quicore-perf"}}, "h3 or quicore-perf");
  add_number(app, "--connections", options.connections, 1, kMostConnections,
             "connections at a time");
  add_number(app, "--streams", options.streams, 1, kMostStreams,
             "streams at a time on each connection");
  add_decimal(app, "--rate", options.rate, kLowestRate, kHighestRate,
              "requests or handshakes per second in total (open loop)");
  add_number(app, "--requests", options.requests, 1, kMostRequests,
             "stop after so many instead of after --duration")
      ->default_str("");
  add_size(app, "--size", options.size, "bytes per answer, body or datagram")
      ->default_str("1GiB, 512 or 64 by mode");
  add_size(app, "--request-size", options.request_size, "bytes per request of quicore-perf",
           kSmallestRequest, kLargestRequest);
  add_duration(app, "--duration", options.duration, "how long to measure", kShortestWait);
  add_duration(app, "--warmup", options.warmup, "how long to run before");
}

void add_checks(CLI::App& app, LoadOptions& options) {
  app.add_flag("--check", options.check, "check status and length of every answer");
  add_parsed(app, "--sha256", options.sha256, "check that every body has this hash (64 hex digits)",
             parse_sha256)
      ->type_name("HASH");
}

void add_transport(CLI::App& app, LoadOptions& options) {
  add_number(app, "--threads", options.threads, 1, kMostThreads,
             "shards that share the connections");
  add_cpu_list(app, "--cpus", options.cpus, "shard i is pinned to the i-th of these");
  app.add_flag("--insecure", options.insecure, "do not verify the server's certificate");
  add_input_file(app, "--ca", options.ca, "trust these certificates, PEM");
  add_identity(app, options.identity, " to show when the server asks");
  add_psk(app, options.psk);
  add_preferred_address_choice(app, options.use_preferred_address);
  add_window(app, options.window);
  add_duration(app, "--connect-timeout", options.connect_timeout, "give up connecting after",
               kShortestWait);
  add_duration(app, "--keep-alive", options.keep_alive,
               "PING after so much silence; 0: no, a connection ends with its idle timeout");
  add_payload(app, options.payload);
  add_congestion_control(app, options.congestion_control);
  add_port_kind(app, options.port);
  add_duration(
      app, "--busy-poll", options.busy_poll,
      "how long an idle shard looks for traffic before it sleeps, while that pays; 1s: always");
  add_versions(app, options.versions);
  app.add_flag("--json", options.json, "print the report as one line of JSON");
  app.add_flag("--quiet", options.quiet, "no progress line");
}

std::uint64_t default_size(LoadMode mode) noexcept {
  switch (mode) {
    case LoadMode::download:
    case LoadMode::upload:
      return kDefaultBulk;
    case LoadMode::datagram:
      return kDefaultDatagram;
    default:
      return kDefaultRequest;
  }
}

void check_combination(LoadOptions& options) {
  if (options.mode == LoadMode::resume && options.rate > 0) {
    refuse_option("--rate", "sessions are resumed in a closed loop: use --connections");
  }
  const bool fits = options.size >= kSmallestDatagram && options.size <= kLargestDatagram;
  if (options.mode == LoadMode::datagram && !fits) {
    refuse_option("--size", "a datagram carries its number and time: write 16 to 65507 bytes");
  }
  if (options.request_size != kSmallestRequest && options.alpn == "h3") {
    refuse_option("--request-size", "requests of h3 have no body: add --alpn quicore-perf");
  }
  check_identity(options.identity);
  if (auto url = parse_url(options.url); !url) refuse_option("url", url.error().reason);
  if (options.mode == LoadMode::datagram) options.alpn = "quicore-echo";
}

}  // namespace

std::string_view name_of(LoadMode mode) noexcept {
  constexpr std::array<std::string_view, 7> kNames = {
      "download", "upload", "request", "handshake", "resume", "datagram", "idle"};
  return kNames[static_cast<std::size_t>(mode)];
}

LoadOptions parse_load_options(int argc, char** argv) {
  LoadOptions options;
  CLI::App app(kDescription, "quicore-load");
  app.set_version_flag("--version", QUICORE_VERSION);
  add_work(app, options);
  add_checks(app, options);
  add_transport(app, options);
  parse_or_exit(app, argc, argv, [&] {
    if (options.size == 0) options.size = default_size(options.mode);
    if (!options.sha256.empty()) options.check = true;
    check_combination(options);
  });
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
  apply_identity(options.identity, config.secure);
  config.secure.psk = options.psk;
  config.use_preferred_address = options.use_preferred_address;
  config.handshake_timeout = options.connect_timeout;
  config.keep_alive = options.keep_alive;
  config.transport.max_idle_timeout =
      std::max(config.transport.max_idle_timeout, 3 * options.keep_alive);
  config.transport.initial_max_data = options.window;
  config.transport.initial_max_stream_data_bidi_local = options.window / 2;
  return config;
}

}  // namespace quicore::tools
