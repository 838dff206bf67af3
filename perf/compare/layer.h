// SPDX-License-Identifier: Apache-2.0
//
// Which layer of the program a sample of a profiler belongs to. Pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quicore::perf {

// One instruction pointer, as `perf script -F cpu,ip,sym,dso` writes it.
struct Sample {
  int cpu = 0;
  std::string symbol;  // without what the linker appended: "conn_write_pkt"
  std::string object;  // the file it is in: "[kernel.kallsyms]", "/lib/libc.so.6"
};

// The samples of such an output; lines that are none are left out.
[[nodiscard]] std::vector<Sample> parse_samples(std::string_view text);

// Without what compilers append to names.
[[nodiscard]] std::string plain_symbol(std::string_view symbol);

// Address and plain symbol of the lines that nm(1) wrote; those of nameless symbols are left out.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> parse_symbols(std::string_view text);

// In the order of a packet's way down, for tables and charts.
[[nodiscard]] const std::vector<std::string>& all_layers();

// What a limit of the machine counts, by the same layers.
[[nodiscard]] std::map<std::string, double> limit_layers(double kernel_ns, double aead_ns);

// One of all_layers(). `source` is the file in which the symbol is defined, empty when unknown.
[[nodiscard]] std::string layer_of(const Sample& sample, std::string_view source);

}  // namespace quicore::perf
