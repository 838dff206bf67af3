// SPDX-License-Identifier: Apache-2.0
#include "perf/compare/profile.h"

#include <set>
#include <sstream>

#include "tools/common/format.h"

namespace quicore::perf {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSamplesPerSecond = "1999";  // not in step with any timer

// Source files of these functions of a program. Local ones of linked-in libraries have no telling
// name; the line table knows where each begins, even in a program optimized as a whole.
std::map<std::string, std::string> sources_of(const RunProgram& run, const fs::path& program,
                                              const std::set<std::string>& symbols) {
  std::map<std::string, std::string> sources;
  const auto table = run("nm", {"nm", "--defined-only", program.string()});
  if (!table) return sources;
  std::vector<std::string> names;
  std::vector<std::string> ask = {"addr2line", "-e", program.string()};
  for (const auto& [address, symbol] : parse_symbols(*table)) {
    if (!symbols.contains(symbol)) continue;
    names.push_back(symbol);
    ask.push_back(address);
  }
  if (names.empty()) return sources;
  const auto answer = run("addr2line", std::move(ask));
  if (!answer) return sources;
  std::istringstream files(*answer);
  std::string file;
  for (std::size_t i = 0; i < names.size() && std::getline(files, file); ++i) {
    sources[names[i]] = file;
  }
  return sources;
}

}  // namespace

tools::Command sampling_command(const std::vector<int>& cpus, Duration delay, Duration duration,
                                const fs::path& data) {
  const auto in_ms = [](Duration time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
  };
  const double whole = std::chrono::duration<double>(delay + duration).count();
  fs::path said = data;
  said.replace_extension("err");
  return {{"perf", "record", "-q", "-e", "cpu-clock", "-F", kSamplesPerSecond, "-C",
           tools::cpu_list(cpus), "-D", in_ms(delay), "-o", data.string(), "--", "sleep",
           std::to_string(whole)},
          {},
          said,
          said};
}

Result<std::map<int, std::map<std::string, double>>> read_shares(const RunProgram& run,
                                                                 const fs::path& data,
                                                                 const fs::path& programs) {
  const auto text = run("perf-script", {"perf", "script", "-i", data.string(), "-F",
                                        "cpu,ip,sym,dso", "--no-inline"});
  if (!text) return std::unexpected(text.error());
  const std::vector<Sample> samples = parse_samples(*text);
  if (samples.empty()) return failure(Errc::system, "perf wrote no samples to " + data.string());

  std::map<std::string, std::set<std::string>> symbols;  // by program
  for (const Sample& sample : samples) {
    if (fs::path(sample.object).parent_path() == programs) {
      symbols[sample.object].insert(sample.symbol);
    }
  }
  std::map<std::string, std::map<std::string, std::string>> sources;
  for (const auto& [program, names] : symbols) sources[program] = sources_of(run, program, names);

  std::map<int, std::map<std::string, double>> shares;
  std::map<int, double> counts;
  for (const Sample& sample : samples) {
    const auto& known = sources[sample.object];
    const auto source = known.find(sample.symbol);
    const std::string layer = layer_of(sample, source == known.end() ? "" : source->second);
    shares[sample.cpu][layer] += 1;
    counts[sample.cpu] += 1;
  }
  for (auto& [cpu, layers] : shares) {
    for (auto& [layer, share] : layers) share /= counts[cpu];
  }
  return shares;
}

}  // namespace quicore::perf
