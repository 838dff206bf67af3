// SPDX-License-Identifier: Apache-2.0
//
// quicore-limit: what this machine's kernel and CPU allow one QUIC transfer at most.
#include <cmath>
#include <cstdio>
#include <iostream>

#include "io/cpu.h"
#include "perf/limit/measure.h"
#include "tools/common/options.h"
#include "tools/common/progress_line.h"

namespace {

using quicore::engine::AeadBackend;
using quicore::perf::LimitOptions;
using quicore::tools::add_number;
using quicore::tools::format_bit_rate;
using quicore::tools::format_count;
using quicore::tools::format_duration;
using quicore::tools::MachineLimit;

constexpr const char* kDescription =
    "Measures what this machine's kernel and CPU allow QUIC at most: UDP over loopback with a\n"
    "window, GSO and GRO, and AES-128-GCM per packet; small requests and answers; public-key\n"
    "operations of handshakes; and for how long the cores do not run at all. On two cores and on\n"
    "one. Rates are medians of the rounds, stalls those of all rounds together.";

std::string gbps(double value) { return format_bit_rate(value * 1e9); }

std::string per_second(double value) {
  return format_count(static_cast<std::uint64_t>(std::llround(value))) + "/s";
}

std::string wait(double microseconds) {
  return format_duration(std::chrono::nanoseconds(std::llround(microseconds * 1e3)));
}

void print_line(const char* what, const std::string& two_cores, const std::string& one_core) {
  std::printf("  %-34s%15s%15s\n", what, two_cores.c_str(), one_core.c_str());
}

void print_table(const MachineLimit& limit) {
  using quicore::tools::gbps_of;
  const bool two = limit.kernel_two_cores_gbps > 0;
  const auto line = [&](const char* what, const auto& unit, double two_cores, double one_core) {
    print_line(what, two ? unit(two_cores) : "-", unit(one_core));
  };
  std::printf("What this machine allows at most\n\n");
  print_line("", "two cores", "one core");
  std::printf("bulk: datagrams of %u bytes, %u per message\n", limit.payload, limit.segments);
  line("UDP through the kernel", gbps, limit.kernel_two_cores_gbps, limit.kernel_one_core_gbps);
  line("AEAD", gbps, limit.aead_gbps, gbps_of(limit.payload, limit.seal_ns + limit.open_ns));
  line("both: the limit", gbps, limit.two_cores_gbps, limit.one_core_gbps);
  std::printf("requests of %u bytes, answers of %u, a datagram each\n", limit.request_size,
              limit.answer_size);
  line("UDP through the kernel", per_second, limit.exchange_two_cores, limit.exchange_one_core);
  line("with AEAD: the limit", per_second, limit.requests_two_cores, limit.requests_one_core);
  std::printf("full handshakes, X25519 and P-256\n");
  line("public-key operations: the limit", per_second, limit.handshakes_two_cores,
       limit.handshakes_one_core);
  std::printf("stalls: of a request that may be due at any moment\n");
  line("one in 100 waits longer than", wait, limit.stall_p99_two_cores_us,
       limit.stall_p99_one_core_us);
  line("one in 1,000", wait, limit.stall_p99_9_two_cores_us, limit.stall_p99_9_one_core_us);
  std::printf("\nlongest stall: %s\n", wait(limit.longest_stall_us).c_str());
  std::printf("%s: seal %.0f ns, open %.0f ns per packet\n", limit.aead.c_str(), limit.seal_ns,
              limit.open_ns);
}

}  // namespace

int main(int argc, char** argv) {
  LimitOptions options;
  options.cpus = quicore::io::allowed_cpus();
  if (options.cpus.size() > 2) options.cpus.resize(2);
  double seconds = 6;
  bool json = false;
  CLI::App app(kDescription, "quicore-limit");
  quicore::tools::add_decimal(app, "--seconds", seconds, 0.1, 3600,
                              "measuring time of everything, without warm-ups")
      ->default_str("6");
  add_number(app, "--rounds", options.rounds, 1, 1000, "how often each figure is measured");
  add_number(app, "--payload", options.payload, 8, 65507, "bytes of UDP payload per datagram");
  add_number(app, "--segments", options.segments, 0, 64,
             "datagrams per message, 0: as many as fit");
  add_number(app, "--window", options.window, 1, 1024, "messages in flight");
  quicore::tools::add_choice<AeadBackend>(app, "--aead", options.backend,
                                          {{"auto", AeadBackend::automatic},
                                           {"ipsec-mb", AeadBackend::ipsec_mb},
                                           {"vaes", AeadBackend::vaes},
                                           {"aesni", AeadBackend::aesni},
                                           {"wolfcrypt", AeadBackend::wolfcrypt}},
                                          "the AEAD library");
  quicore::tools::add_cpu_list(app, "--cpus", options.cpus,
                               "the sender's CPU and the receiver's: 0,1; one CPU: one core only");
  app.add_flag("--json", json, "print one line of JSON instead of the table");
  quicore::tools::parse_or_exit(app, argc, argv, [&] {
    if (options.cpus.size() > 2) {
      quicore::tools::refuse_option("--cpus",
                                    "takes one or two CPUs: the sender's, the receiver's");
    }
    // Two CPUs that are the same are one core.
    if (options.cpus.size() == 2 && options.cpus[0] == options.cpus[1]) options.cpus.pop_back();
  });
  options.duration = std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));

  quicore::tools::ProgressLine line(std::cerr, quicore::tools::ProgressLine::style_of(2));
  const auto limit = quicore::perf::measure_limit(options, [&](const std::string& step) {
    line.update(std::chrono::steady_clock::now(), "quicore-limit: " + step);
  });
  line.clear();
  if (!limit) {
    std::fprintf(stderr, "quicore-limit: %s\n", limit.error().reason.c_str());
    return 1;
  }
  if (json) {
    std::printf("%s\n", quicore::tools::to_json_line(*limit).c_str());
  } else {
    print_table(*limit);
  }
  return 0;
}
