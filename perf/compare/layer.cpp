// SPDX-License-Identifier: Apache-2.0
#include "perf/compare/layer.h"

#include <array>
#include <cstdlib>
#include <sstream>
#include <utility>

namespace quicore::perf {
namespace {

constexpr const char* kIdle = "idle";
constexpr const char* kKernel = "kernel: sockets, waking, the rest";
constexpr const char* kKernelCopy = "kernel: copying payload";
constexpr const char* kAead = "AEAD";
constexpr const char* kTls = "TLS, cryptography (wolfSSL)";
constexpr const char* kQuic = "QUIC (ngtcp2)";
constexpr const char* kHttp3 = "HTTP/3 (nghttp3)";
constexpr const char* kProgram = "program";
constexpr const char* kApi = "api";
constexpr const char* kEngine = "engine";
constexpr const char* kIo = "io";
constexpr const char* kMemory = "memory (mimalloc)";
constexpr const char* kLibc = "C and C++ libraries: memmove and others";
constexpr const char* kOther = "other";

using Rule = std::pair<std::string_view, const char*>;

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// "quicore::io::" is in many names as a parameter's type: only what a name begins with counts.
constexpr std::array kNamespaces = {Rule{"quicore::io::", kIo},
                                    Rule{"quicore::engine::vaes::", kAead},
                                    Rule{"quicore::engine::aesni::", kAead},
                                    Rule{"quicore::engine::gcm::", kAead},
                                    Rule{"quicore::engine::", kEngine},
                                    Rule{"quicore::internal::", kApi},
                                    Rule{"quicore::tools::", kProgram},
                                    Rule{"quicore::", kApi},
                                    Rule{"ngtcp2_", kQuic},
                                    Rule{"nghttp3_", kHttp3},
                                    Rule{"wolfSSL_", kTls},
                                    Rule{"wc_", kTls},
                                    Rule{"sp_", kTls},
                                    Rule{"mi_", kMemory},
                                    Rule{"_mi_", kMemory}};

constexpr std::array kFolders = {
    Rule{"/ngtcp2/", kQuic},     Rule{"/nghttp3/", kHttp3}, Rule{"/wolfssl/", kTls},
    Rule{"/mimalloc/", kMemory}, Rule{"/io/", kIo},         Rule{"/engine/", kEngine},
    Rule{"/api/", kApi},         Rule{"/tools/", kProgram}, Rule{"/include/c++/", kLibc}};

constexpr std::array kObjects = {Rule{"libIPSec_MB", kAead}, Rule{"libc.so", kLibc},
                                 Rule{"libstdc++", kLibc},   Rule{"libm.so", kLibc},
                                 Rule{"libgcc", kLibc},      Rule{"[vdso]", kLibc},
                                 Rule{"ld-linux", kLibc}};

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

const char* layer_of_kernel(std::string_view symbol) {
  for (const std::string_view idle :
       {"pv_native_safe_halt", "default_idle", "acpi_idle", "acpi_safe_halt", "intel_idle",
        "native_safe_halt", "cpuidle_", "do_idle", "haltpoll", "poll_idle"}) {
    if (contains(symbol, idle)) return kIdle;
  }
  for (const std::string_view copy : {"copy_from_iter", "copy_to_iter", "copy_user", "rep_movs",
                                      "skb_copy_datagram", "copyin", "copyout"}) {
    if (contains(symbol, copy)) return kKernelCopy;
  }
  return kKernel;
}

}  // namespace

std::string plain_symbol(std::string_view symbol) {
  for (const std::string_view suffix : {".lto_priv", ".constprop", ".isra", ".part", ".cold"}) {
    symbol = symbol.substr(0, symbol.find(suffix));
  }
  return std::string(symbol);
}

std::vector<Sample> parse_samples(std::string_view text) {
  std::vector<Sample> samples;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    // [001] ffffffff81b6c5e0 _copy_from_iter ([kernel.kallsyms])
    const std::size_t object = line.rfind(" (");
    if (!line.starts_with('[') || object == std::string_view::npos || !line.ends_with(')')) {
      continue;
    }
    Sample sample;
    sample.cpu = std::atoi(std::string(line.substr(1, line.find(']'))).c_str());
    sample.object = line.substr(object + 2, line.size() - object - 3);
    line = trimmed(line.substr(line.find(']') + 1, object - line.find(']') - 1));
    const std::size_t address_end = line.find(' ');
    if (address_end != std::string_view::npos)
      sample.symbol = plain_symbol(trimmed(line.substr(address_end)));
    samples.push_back(std::move(sample));
  }
  return samples;
}

std::vector<std::pair<std::string, std::string>> parse_symbols(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> symbols;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string address;
    std::string kind;
    std::string name;
    if (words >> address >> kind >> name) symbols.emplace_back(address, plain_symbol(name));
  }
  return symbols;
}

const std::vector<std::string>& all_layers() {
  static const std::vector<std::string> kAll = {kProgram, kApi,        kEngine, kHttp3, kQuic,
                                                kTls,     kAead,       kMemory, kLibc,  kIo,
                                                kKernel,  kKernelCopy, kOther,  kIdle};
  return kAll;
}

std::map<std::string, double> limit_layers(double kernel_ns, double aead_ns) {
  return {{kKernel, kernel_ns}, {kAead, aead_ns}};
}

std::string layer_of(const Sample& sample, std::string_view source) {
  if (sample.object.starts_with("[kernel") || sample.object.starts_with("[guest")) {
    return layer_of_kernel(sample.symbol);
  }
  for (const auto& [part, layer] : kObjects) {
    if (contains(sample.object, part)) return layer;
  }
  for (const auto& [prefix, layer] : kNamespaces) {
    if (sample.symbol.starts_with(prefix)) return layer;
  }
  for (const auto& [folder, layer] : kFolders) {
    if (contains(source, folder)) return layer;
  }
  return kOther;
}

}  // namespace quicore::perf
