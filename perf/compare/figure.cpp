// SPDX-License-Identifier: Apache-2.0
#include "perf/compare/figure.h"

#include <algorithm>
#include <utility>

#include "tools/common/format.h"

namespace quicore::perf {
namespace {

using tools::MachineLimit;
using Arguments = std::vector<std::string>;

double gbps(const Measurement& run) { return run.load.throughput_gbps; }
double requests(const Measurement& run) { return run.load.requests_per_second; }
double handshakes(const Measurement& run) { return run.load.handshakes_per_second; }
double p50(const Measurement& run) { return run.load.latency_us.p50; }
double p99(const Measurement& run) { return run.load.latency_us.p99; }

double kib_per_connection(const Measurement& run) {
  return run.server_growth_bytes / 1024 / run.load.connections;
}
double growth_mib(const Measurement& run) { return run.server_growth_bytes / 1024 / 1024; }
double handshakes_of_cpu(const Measurement& run) {
  return run.server_cpu_share == 0 ? 0 : run.load.handshakes_per_second / run.server_cpu_share;
}
double cpu_percent(const Measurement& run) { return run.server_cpu_share * 100; }

double kernel_ns(const MachineLimit& limit) {
  return tools::ns_of(limit.payload, limit.kernel_two_cores_gbps);
}
double seal_ns(const MachineLimit& limit) { return limit.seal_ns; }
double open_ns(const MachineLimit& limit) { return limit.open_ns; }
double exchange_ns(const MachineLimit& limit) {
  return limit.exchange_two_cores > 0 ? 1e9 / limit.exchange_two_cores : 0;
}
double server_exchange_ns(const MachineLimit& limit) { return limit.exchange_server_aead_ns; }
double client_exchange_ns(const MachineLimit& limit) { return limit.exchange_client_aead_ns; }

// Of 1472 bytes, as the limit counts them; a little more than the content of a real one.
double datagrams_per_second(const tools::LoadReport& report) {
  return report.throughput_gbps * 1e9 / 8 / 1472;
}
double requests_per_second(const tools::LoadReport& report) { return report.requests_per_second; }

const UnitOfWork kSentDatagram = {"datagram", datagrams_per_second, kernel_ns, seal_ns, open_ns};
const UnitOfWork kReceivedDatagram = {"datagram", datagrams_per_second, kernel_ns, open_ns,
                                      seal_ns};
const UnitOfWork kRequest = {"request", requests_per_second, exchange_ns, server_exchange_ns,
                             client_exchange_ns};

double two_cores(const MachineLimit& limit) { return limit.two_cores_gbps; }
double one_core(const MachineLimit& limit) { return limit.one_core_gbps; }
double requests_two_cores(const MachineLimit& limit) { return limit.requests_two_cores; }
double handshakes_two_cores(const MachineLimit& limit) { return limit.handshakes_two_cores; }

using Limit = double (*)(const MachineLimit&);

Figure bulk(std::string name, std::string title, Place place, Arguments load, Limit limit,
            const std::string& payload = "1472") {
  Figure figure{.name = name, .place = place};
  figure.server = {"--payload", payload};
  figure.load = std::move(load);
  figure.load.insert(figure.load.end(), {"--payload", payload});
  figure.quantities = {{std::move(name), std::move(title), "Gbit/s", gbps, limit}};
  return figure;
}

Figure small(const std::string& name, const std::string& title, const Arguments& load,
             const std::string& alpn = "h3", Limit limit = requests_two_cores,
             const std::string& size = "512") {
  Figure figure{.name = name};
  figure.server = {"--payload", "1472", "--max-streams", "60000"};
  figure.load = {"--mode", "request", "--size", size, "--alpn", alpn, "--payload", "1472"};
  figure.load.insert(figure.load.end(), load.begin(), load.end());
  figure.quantities = {{name, title, "requests/s", requests, limit}};
  return figure;
}

Figure connecting(const std::string& name, const std::string& title, const std::string& mode,
                  Limit limit) {
  Figure figure{.name = name};
  figure.load = {"--mode", mode, "--connections", "32"};
  figure.quantities = {{name, title, "handshakes/s", handshakes, limit}};
  return figure;
}

// Of a server that has half a core: the client can offer twice what it does, and still answer.
Figure half_core() {
  Figure figure = connecting("handshakes-half-core", "full handshakes, the server on half a core",
                             "handshake", nullptr);
  figure.place = Place::half_core;
  figure.quantities.push_back({"handshakes-half-core-cpu",
                               "of a second of server CPU, the server on half a core",
                               "handshakes/s", handshakes_of_cpu, nullptr});
  return figure;
}

Figure overload() {
  Figure figure{.name = "handshakes-overload", .place = Place::half_core};
  figure.rate_of = "handshakes-half-core";
  figure.rate_factor = 2;
  figure.may_fail = true;
  figure.load = {"--mode", "handshake", "--connections", "10000", "--connect-timeout", "2s"};
  figure.quantities = {
      {"handshakes-overload", "full handshakes, twice as many offered", "handshakes/s", handshakes,
       nullptr},
      {"handshakes-overload-cpu", "of a second of server CPU, twice as many offered",
       "handshakes/s", handshakes_of_cpu, nullptr},
      {"handshakes-overload-memory", "memory that the server took for it", "MiB", growth_mib,
       nullptr, true}};
  return figure;
}

// In percentiles instead of a rate.
Figure latency(Figure figure, const std::string& title) {
  figure.quantities = {{figure.name + "-p50", title + ", p50", "us", p50, nullptr, true},
                       {figure.name + "-p99", title + ", p99", "us", p99, nullptr, true}};
  figure.has_distribution = true;
  return figure;
}

// Connections that do nothing but live, with a PING a minute.
Figure idle(const std::string& name, const std::string& title, const std::string& connections,
            const std::string& alpn) {
  Figure figure{.name = name};
  figure.server = {"--max-connections", "1000000", "--idle-timeout", "180s"};
  figure.load = {"--mode", "idle",         "--connections", connections, "--alpn",
                 alpn,     "--keep-alive", "60s",           "--payload", "1472"};
  figure.quantities = {
      {name + "-memory", title + ", memory of each", "KiB", kib_per_connection, nullptr, true}};
  return figure;
}

// For longer than a minute, so that the PINGs are in the time that counts.
Figure held(Figure figure, const std::string& title) {
  figure.takes_long = true;
  figure.duration = std::chrono::seconds(120);
  figure.quantities.push_back(
      {figure.name + "-cpu", title + ", of a core", "%", cpu_percent, nullptr, true});
  return figure;
}

std::vector<Figure> make() {
  const Arguments down = {"--mode", "download", "--size", "1GiB"};
  // Short bodies: an upload counts them as they are answered.
  const Arguments up = {"--mode", "upload", "--size", "64MiB"};
  std::vector<Figure> all;
  all.push_back(bulk("download", "download, two cores", Place::two_cores, down, two_cores));
  all.back().profiled = kSentDatagram;
  all.push_back(bulk("upload", "upload, two cores", Place::two_cores, up, two_cores));
  all.back().profiled = kReceivedDatagram;
  all.push_back(bulk("download-one-core", "download, one core", Place::one_core, down, one_core));
  all.push_back(bulk("upload-one-core", "upload, one core", Place::one_core, up, one_core));
  all.push_back(bulk("download-9000", "download, payload 9000, two cores", Place::two_cores, down,
                     nullptr, "9000"));
  all.push_back(bulk("download-largest", "download, payload found by path MTU discovery, two cores",
                     Place::two_cores, down, nullptr, "65507"));
  all.push_back(bulk("download-100", "download, 100 connections, two server shards",
                     Place::two_shards,
                     {"--mode", "download", "--size", "1MiB", "--connections", "100"}, nullptr));
  all.push_back(small("requests-1x100", "HTTP/3 requests, 1 connection x 100 streams",
                      {"--connections", "1", "--streams", "100"}, "h3", nullptr));
  all.push_back(small("requests-100x1", "HTTP/3 requests, 100 connections x 1 stream",
                      {"--connections", "100"}));
  all.back().profiled = kRequest;
  all.push_back(small("requests-100x10", "HTTP/3 requests, 100 connections x 10 streams",
                      {"--connections", "100", "--streams", "10"}, "h3", nullptr));
  all.push_back(small("raw-1x100", "raw QUIC requests, 1 connection x 100 streams",
                      {"--connections", "1", "--streams", "100", "--request-size", "512"},
                      "quicore-perf", nullptr));
  all.push_back(small("raw-100x1", "raw QUIC requests, 100 connections x 1 stream",
                      {"--connections", "100", "--request-size", "512"}, "quicore-perf"));
  // How the cost grows with the work.
  for (const unsigned many : {1U, 10U, 1000U, 10000U}) {
    const std::string connections = std::to_string(many);
    all.push_back(small("requests-" + connections + "x1",
                        "HTTP/3 requests, " + tools::format_count(many) +
                            (many == 1 ? " connection" : " connections") + " x 1 stream",
                        {"--connections", connections}, "h3",
                        many < 100 ? nullptr : requests_two_cores));
    // So many first requests at once are more than a socket holds: some are sent again.
    if (many == 10000) all.back().warm_up = std::chrono::seconds(5);
  }
  for (const unsigned many : {10U, 1000U, 10000U}) {
    const std::string streams = std::to_string(many);
    all.push_back(small("requests-1x" + streams,
                        "HTTP/3 requests, 1 connection x " + tools::format_count(many) + " streams",
                        {"--connections", "1", "--streams", streams}, "h3", nullptr));
  }
  Figure full =
      connecting("handshakes", "full handshakes, P-256", "handshake", handshakes_two_cores);
  full.quantities.push_back({"handshakes-cpu", "full handshakes of a second of server CPU",
                             "handshakes/s", handshakes_of_cpu, nullptr});
  all.push_back(std::move(full));
  all.push_back(half_core());
  all.push_back(overload());
  all.push_back(connecting("resumed", "resumed handshakes", "resume", nullptr));
  all.push_back(latency(small("latency", "", {"--connections", "1"}, "h3", nullptr, "1024"),
                        "one request of 1 KiB at a time"));
  Figure half = latency(small("latency-half-load", "", {"--connections", "100"}),
                        "at half of requests-100x1, open loop");
  half.rate_of = "requests-100x1";
  all.push_back(std::move(half));
  all.push_back(idle("idle-raw", "10,000 idle raw connections", "10000", "quicore-perf"));
  all.push_back(idle("idle", "10,000 idle HTTP/3 connections", "10000", "h3"));
  const std::string many = "100,000 idle raw connections";
  all.push_back(held(idle("idle-100000", many, "100000", "quicore-perf"), many));
  return all;
}

}  // namespace

bool Figure::answers(std::string_view quantity) const {
  return std::ranges::any_of(quantities, [&](const Quantity& one) { return one.name == quantity; });
}

const std::vector<Figure>& all_figures() {
  static const std::vector<Figure> kAll = make();
  return kAll;
}

}  // namespace quicore::perf
