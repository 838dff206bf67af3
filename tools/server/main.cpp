// SPDX-License-Identifier: Apache-2.0
//
// quicore-server: HTTP/3 and raw QUIC from a directory.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "api/runtime.h"
#include "api/tls.h"
#include "tools/common/key_log.h"
#include "tools/common/options.h"
#include "tools/common/qlog_files.h"
#include "tools/common/sentence.h"
#include "tools/server/options.h"
#include "tools/server/services.h"
#include "tools/server/statistics.h"

namespace quicore::tools {
namespace {

int fail(const Error& error, int status) {
  std::fprintf(stderr, "quicore-server: %s\n", sentence_of(error).c_str());
  return status;
}

int fail(const Error& error) {
  return fail(error, error.kind == Errc::invalid_argument ? kUsageError : 1);
}

void print_hints(const ServerOptions& options, const DevelopmentIdentity& identity,
                 std::uint16_t port) {
  const std::string ca =
      options.write_certificate.empty() ? "--insecure" : "--cacert " + options.write_certificate;
  std::printf("development certificate, SPKI SHA-256: %s\n", identity.spki_sha256_base64.c_str());
  std::printf("  curl --http3-only %s https://localhost:%u/\n", ca.c_str(), port);
  std::printf(
      "  chromium --origin-to-force-quic-on=localhost:%u "
      "--ignore-certificate-errors-spki-list=%s https://localhost:%u/\n",
      port, identity.spki_sha256_base64.c_str(), port);
}

void announce(const ServerOptions& options, const Address& address,
              const DevelopmentIdentity* identity) {
  if (options.json) {
    nlohmann::ordered_json json{
        {"event", "ready"}, {"port", address.port()}, {"address", address.to_string()}};
    if (identity != nullptr) json["spki"] = identity->spki_sha256_base64;
    std::printf("%s\n", json.dump().c_str());
  } else if (!options.quiet) {
    if (identity != nullptr) print_hints(options, *identity, address.port());
    std::printf("quicore-server ready: https://%s/\n", address.to_string().c_str());
  }
  std::fflush(stdout);
}

Task<> print_statistics(Listener listener, Completion<int> asked, bool json) {
  for (;;) {
    (void)co_await asked;
    asked = Shard::current().signal(SIGUSR1);
    const EndpointStats stats = co_await listener.stats();
    std::fputs(json ? (statistics_json(stats) + "\n").c_str() : statistics_table(stats).c_str(),
               stderr);
  }
}

Task<> stop_at_second_signal(Runtime& runtime, Completion<int> asked) {
  (void)co_await asked;
  runtime.stop();
}

void staple(const Session& session, const std::string& response) {
  session.ocsp_request().then([&response](const Result<OcspRequest>& asked) {
    if (asked) (void)asked->respond_with(response);  // not when the client has gone
  });
}

struct Service {
  const ServerOptions& options;
  Web web;
  std::optional<KeyLog> key_log;
  QlogFiles qlogs;
  const DevelopmentIdentity* identity;
};

Task<int> serve(Runtime& runtime, const Service& service, EndpointConfig endpoint,
                SessionConfig session) {
  const ServerOptions& options = service.options;
  auto listener =
      runtime.listen_on_all(std::move(endpoint), std::move(session), [&service](Session accepted) {
        if (service.key_log) service.key_log->follow(accepted);
        service.qlogs.follow(accepted);
        if (!service.options.ocsp.empty()) staple(accepted, service.options.ocsp);
        serve_session(service.web, accepted);
      });
  if (!listener) co_return fail(listener.error());
  // Whoever reads "ready" may send signals from then on.
  Shard& shard = Shard::current();
  const auto stop = shard.signal(SIGTERM, SIGINT);
  shard.spawn(print_statistics(*listener, shard.signal(SIGUSR1), options.json));
  announce(options, listener->address(), service.identity);
  (void)co_await stop;
  shard.spawn(stop_at_second_signal(runtime, shard.signal(SIGTERM, SIGINT)));
  co_await listener->close();
  co_await service.qlogs.complete();
  co_return 0;
}

Result<> write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::trunc);
  file << text;
  file.close();
  if (file) return {};
  const int number = errno;
  return std::unexpected(cannot_write("--write-cert", path, number));
}

Result<Web> web_of(const ServerOptions& options) {
  Web web{FileSite(options.root, options.site), std::nullopt};
  if (!options.access_log.empty()) {
    auto log = AccessLog::open(options.access_log, options.access_log_format);
    if (!log) return std::unexpected(std::move(log.error()));
    web.log.emplace(std::move(*log));
  }
  return web;
}

int run(const ServerOptions& options) {
  std::optional<DevelopmentIdentity> identity;
  if (!options.identity.given()) {
    auto made = make_development_identity();
    if (!made) return fail(made.error());
    identity = std::move(*made);
    if (!options.write_certificate.empty()) {
      if (auto ok = write_file(options.write_certificate, identity->certificate_pem); !ok) {
        return fail(ok.error());
      }
    }
  }
  auto endpoint = endpoint_config_of(options);
  if (!endpoint) return fail(endpoint.error());
  auto session = session_config_of(options, identity ? identity->server : TlsSettings());
  if (!session) return fail(session.error());
  auto key_log = KeyLog::open(options.keylog);
  if (!key_log) return fail(key_log.error(), kUsageError);
  session->secure.keylog = key_log->has_value();
  auto qlogs = QlogFiles::open(options.qlog);
  if (!qlogs) return fail(qlogs.error(), kUsageError);
  session->qlog = qlogs->wanted();
  auto web = web_of(options);
  if (!web) return fail(web.error(), kUsageError);
  RuntimeConfig config;
  config.shards = options.shards;
  config.port = options.port;
  config.busy_poll = options.busy_poll;
  config.cpus.assign(options.cpus.begin(), options.cpus.end());
  auto runtime = Runtime::create(std::move(config));
  if (!runtime) return fail(runtime.error());
  web->recent.resize((*runtime)->size());
  const Service service{options, std::move(*web), std::move(*key_log), std::move(*qlogs),
                        identity ? &*identity : nullptr};
  return (*runtime)->run(serve(**runtime, service, std::move(*endpoint), std::move(*session)));
}

}  // namespace
}  // namespace quicore::tools

int main(int argc, char** argv) {
  return quicore::tools::run(quicore::tools::parse_server_options(argc, argv));
}
