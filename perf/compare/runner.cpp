// SPDX-License-Identifier: Apache-2.0
#include "perf/compare/runner.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>

#include "perf/compare/rival.h"
#include "tools/common/format.h"
#include "tools/common/machine.h"
#include "tools/common/workbench.h"

namespace quicore::perf {
namespace {

// Beyond what a program should need: then it hangs.
constexpr std::chrono::seconds kSlack{30};
constexpr std::chrono::seconds kLongestLimit{4};
// What connecting takes beside the measured time, at most: 100,000 connections, a thousand a second.
constexpr std::chrono::seconds kLongestConnecting{100};

std::vector<Figure> wanted_figures(const std::vector<std::string>& only) {
  std::vector<Figure> figures;
  for (const Figure& figure : all_figures()) {
    const bool named = std::ranges::find(only, figure.name) != only.end();
    if (named || (only.empty() && !figure.takes_long)) {
      figures.push_back(figure);
    }
  }
  return figures;
}

class Runner {
 public:
  Runner(const RunnerOptions& options, tools::ProgressLine& progress)
      : options_(options),
        progress_(progress),
        figures_(wanted_figures(options.only)),
        server_cpu_{options.cpus.front()},
        client_cpu_{options.cpus.back()},
        bench_({options.programs, options.output / "logs", server_cpu_, client_cpu_}, progress,
               steps()) {
    for (const Figure& figure : figures_) {
      for (const Quantity& quantity : figure.quantities) comparison_.rows.push_back({quantity});
    }
  }

  Comparison run() {
    comparison_.machine = tools::describe_machine();
    comparison_.rounds = options_.rounds;
    site_ = options_.output / "site";
    std::filesystem::create_directories(site_);
    std::filesystem::create_directories(options_.output / "logs");
    std::ofstream(site_ / "index.html") << "<!doctype html><title>quicore</title>\n";
    measure_limit();
    for (unsigned round = 0; round < options_.rounds && !tools::interrupted(); ++round) {
      reached_.clear();
      comparison_.latencies.clear();
      for (const Figure& figure : figures_) {
        if (tools::interrupted()) break;
        note(measure(figure));
        for (const Other& other : options_.others) {
          if (figure.answers(other.quantity)) note(measure(figure, other));
        }
      }
    }
    measure_limit();
    if (options_.profile) {
      for (const Figure& figure : figures_) {
        if (figure.profiled && !tools::interrupted()) note(measure(figure, Purpose::profile));
      }
    }
    if (tools::interrupted()) comparison_.problems.emplace_back("interrupted");
    return std::move(comparison_);
  }

 private:
  enum class Purpose { figure, profile };

  unsigned steps() const {
    unsigned runs = 0;
    unsigned profiles = 0;
    for (const Figure& figure : figures_) {
      if (options_.profile && figure.profiled) ++profiles;
      runs +=
          1 + static_cast<unsigned>(std::ranges::count_if(options_.others, [&](const Other& other) {
            return figure.answers(other.quantity);
          }));
    }
    return 2 + options_.rounds * runs + profiles;
  }

  void note(const Result<>& result) {
    bench_.kill_server();
    if (result || result.error().kind == Errc::cancelled) return;
    comparison_.problems.push_back(result.error().reason);
    progress_.say(result.error().reason);
  }

  // There is one for each quantity of the figures that are measured.
  Row& row_of(const std::string& quantity) {
    return *std::ranges::find(comparison_.rows, quantity,
                              [](const Row& row) { return row.quantity.name; });
  }

  std::vector<int> server_cpus(Place place) const {
    if (place == Place::two_shards && server_cpu_ != client_cpu_) {
      return {server_cpu_.front(), client_cpu_.front()};
    }
    return server_cpu_;
  }
  std::vector<int> client_cpus(Place place) const {
    const bool apart = place == Place::two_cores || place == Place::half_core;
    return apart ? client_cpu_ : server_cpus(place);
  }

  Duration duration_of(const Figure& figure) const {
    return figure.duration > Duration::zero() ? figure.duration : options_.duration;
  }

  Duration warm_up_of(const Figure& figure) const {
    return figure.warm_up > Duration::zero() ? figure.warm_up : options_.warm_up;
  }

  // Over the middle half of the measured time: at its end the connections are closed.
  void read_server_use(const tools::ResourceUse& before, Duration duration,
                       Measurement& measurement) const {
    const auto& samples = bench_.server_samples();
    const Instant end = samples.back().at;
    const auto* from = &samples.front();
    const auto* to = &samples.front();
    for (const auto& sample : samples) {
      if (sample.at <= end - duration * 3 / 4) from = &sample;
      if (sample.at <= end - duration / 4) to = &sample;
    }
    measurement.server_growth_bytes =
        static_cast<double>(to->use.resident_bytes) - static_cast<double>(before.resident_bytes);
    const std::chrono::duration<double> time = to->at - from->at;
    if (time.count() > 0) {
      measurement.server_cpu_share = (to->use.cpu_seconds - from->use.cpu_seconds) / time.count();
    }
  }

  void measure_limit() {
    const Duration time = std::min<Duration>(options_.duration, kLongestLimit);
    const std::string seconds = std::to_string(std::chrono::duration<double>(time).count());
    bench_.begin_step("the machine's limit");
    const std::string cpus = tools::cpu_list(server_cpus(Place::two_shards));
    const auto output = bench_.run_unpinned("limit",
                                            {"quicore-limit", "--json", "--payload", "1472",
                                             "--rounds", "2", "--seconds", seconds, "--cpus", cpus},
                                            kLongestLimit + kSlack);
    if (!output) return note(std::unexpected(output.error()));
    const auto limit = tools::parse_machine_limit(*output);
    if (!limit) return note(failure(Errc::system, limit.error()));
    comparison_.limit =
        comparison_.limit.payload == 0 ? *limit : comparison_.limit.joined_with(*limit);
  }

  Result<> measure(const Figure& figure, Purpose purpose = Purpose::figure) {
    bench_.begin_step((purpose == Purpose::profile ? "profile: " : "quicore: ") + figure.name);
    std::vector<std::string> server = {"--root", site_.string(), "--shards",
                                       figure.place == Place::two_shards ? "2" : "1"};
    server.insert(server.end(), figure.server.begin(), figure.server.end());
    auto started = bench_.start_server(std::move(server), server_cpus(figure.place));
    if (!started) return started;
    const std::vector<int> cpus = client_cpus(figure.place);
    std::optional<Rival> rival;
    if (figure.place == Place::half_core) rival.emplace(server_cpu_.front());
    const Duration duration = duration_of(figure);
    const tools::ResourceUse before = bench_.server_use();
    std::vector<std::string> load = {"quicore-load",
                                     "--insecure",
                                     "--json",
                                     "--threads",
                                     std::to_string(cpus.size()),
                                     "--cpus",
                                     tools::cpu_list(cpus),
                                     "--duration",
                                     tools::duration_option(duration),
                                     "--warmup",
                                     tools::duration_option(warm_up_of(figure))};
    load.insert(load.end(), figure.load.begin(), figure.load.end());
    if (!figure.rate_of.empty()) {
      const double rate = reached_[figure.rate_of] * figure.rate_factor;
      if (rate == 0) {
        return failure(Errc::invalid_state, figure.name + ": needs the figure " + figure.rate_of);
      }
      load.insert(load.end(), {"--rate", std::to_string(static_cast<long>(rate))});
    }
    load.push_back(bench_.url());
    std::optional<tools::ChildProcess> sampler;
    if (purpose == Purpose::profile) {
      auto started_sampler = tools::ChildProcess::start(
          sampling_command({server_cpu_.front(), client_cpu_.front()},
                           warm_up_of(figure) + duration / 4, duration / 2, samples_file(figure)));
      if (!started_sampler) return std::unexpected(started_sampler.error());
      sampler.emplace(std::move(*started_sampler));
    }
    const auto output = bench_.run_on(cpus, figure.name, std::move(load),
                                      duration + warm_up_of(figure) + kSlack + kLongestConnecting);
    if (!output && !figure.may_fail) return std::unexpected(output.error());
    // What failed is in the report too, which was written before the exit status said so.
    auto report = tools::parse_load_report(
        output ? *output : tools::read_text(options_.output / "logs" / (figure.name + ".out")));
    if (!report) return failure(Errc::system, report.error());
    if (report->errors > 0 && !figure.may_fail) {
      return failure(Errc::system, figure.name + ": " + tools::format_count(report->errors) +
                                       " failed, such as: " + report->error_counts.begin()->first);
    }
    if (sampler) return read_profile(figure, *report, *sampler);
    reached_[figure.name] = report->requests_per_second + report->handshakes_per_second;
    Measurement measurement{.load = std::move(*report)};
    read_server_use(before, duration, measurement);
    for (const Quantity& quantity : figure.quantities) {
      row_of(quantity.name).ours.push_back(quantity.value(measurement));
    }
    if (figure.has_distribution) comparison_.latencies.push_back(std::move(measurement.load));
    return {};
  }

  std::filesystem::path samples_file(const Figure& figure) const {
    return options_.output / "logs" / ("profile-" + figure.name + ".data");
  }

  Result<> read_profile(const Figure& figure, const tools::LoadReport& report,
                        tools::ChildProcess& sampler) {
    const auto data = samples_file(figure);
    const auto status = sampler.wait_for(kSlack);
    if (!status || !status->success()) {
      return failure(Errc::system, "perf cannot sample whole CPUs: " +
                                       tools::read_text(data.parent_path() /
                                                        ("profile-" + figure.name + ".err")));
    }
    const auto run = [this](const std::string& name, std::vector<std::string> arguments) {
      return bench_.run_unpinned(name, std::move(arguments), 2 * kSlack);
    };
    auto shares = read_shares(run, data, options_.programs);
    if (!shares) return std::unexpected(shares.error());
    const UnitOfWork& unit = *figure.profiled;
    const double ns = 1e9 / std::max(unit.per_second(report), 1.0);
    const auto add = [&](const char* side, int cpu, double (*aead_ns)(const tools::MachineLimit&)) {
      Profile profile{.figure = figure.name, .side = side, .unit = unit.name, .ns = ns};
      for (const auto& [layer, share] : (*shares)[cpu]) profile.layers[layer] = share * ns;
      profile.limit = limit_layers(unit.kernel_ns(comparison_.limit), aead_ns(comparison_.limit));
      comparison_.profiles.push_back(std::move(profile));
    };
    add("server", server_cpu_.front(), unit.server_aead_ns);
    add("client", client_cpu_.front(), unit.client_aead_ns);
    return {};
  }

  Result<> measure(const Figure& figure, const Other& other) {
    bench_.begin_step(other.name + ": " + other.quantity);
    auto started = bench_.start_other_server(other.server, server_cpus(figure.place), other.ready);
    if (!started) return started;
    const auto said = bench_.run_on(client_cpus(figure.place), "other", other.client,
                                    options_.duration + options_.warm_up + kSlack);
    if (!said) return std::unexpected(said.error());
    const auto value =
        read_value(other, *said + tools::read_text(options_.output / "logs" / "other.err"));
    if (!value) return failure(Errc::system, value.error());
    row_of(other.quantity).others[other.name].push_back(*value);
    return {};
  }

  const RunnerOptions& options_;
  tools::ProgressLine& progress_;
  std::vector<Figure> figures_;
  std::vector<int> server_cpu_;
  std::vector<int> client_cpu_;
  tools::Workbench bench_;
  Comparison comparison_;
  std::filesystem::path site_;
  std::map<std::string, double> reached_;  // requests or handshakes per second, in this round
};

}  // namespace

Comparison run_comparison(const RunnerOptions& options, tools::ProgressLine& progress) {
  return Runner(options, progress).run();
}

}  // namespace quicore::perf
