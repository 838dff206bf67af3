// SPDX-License-Identifier: Apache-2.0
//
// Header parsing: what is read of a datagram before its packets are opened. The connection IDs that
// a shard routes by (RFC 8999), whole headers as the connection reads them (RFC 9000 17), and
// variable-length integers, of which frames are made.
//
//   quicore_microbench --benchmark_filter='Header/|Varint'
//
// One iteration is one header or one integer.
#include <benchmark/benchmark.h>
#include <ngtcp2/ngtcp2.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/limits.h"
#include "engine/varint.h"
#include "io/random.h"
#include "perf/micro/datagrams.h"

namespace quicore::engine {
namespace {

using perf::initial_datagram;
using perf::kClientId;
using perf::kOurId;
using perf::kUnknownVersion;
using perf::kVersion1;
using perf::short_datagram;

void count_items(benchmark::State& state) { state.SetItemsProcessed(state.iterations()); }

bool same_id(const std::uint8_t* id, std::size_t size, const auto& expected) {
  return std::equal(id, id + size, expected.begin(), expected.end());
}

// --- what a shard routes by -----------------------------------------------------------------------

void read_version_and_ids(benchmark::State& state, const std::vector<std::uint8_t>& datagram,
                          int answer, bool source_expected) {
  ngtcp2_version_cid ids{};
  const auto decode = [&] {
    return ngtcp2_pkt_decode_version_cid(&ids, datagram.data(), datagram.size(),
                                         limits::kConnectionIdLength);
  };
  if (decode() != answer || !same_id(ids.dcid, ids.dcidlen, kOurId) ||
      (source_expected && !same_id(ids.scid, ids.scidlen, kClientId))) {
    return state.SkipWithError("the connection IDs are others");
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(decode());
    benchmark::DoNotOptimize(ids);
  }
  count_items(state);
}

void ids_of_short(benchmark::State& state) {
  read_version_and_ids(state, short_datagram(1452), 0, false);
}
void ids_of_initial(benchmark::State& state) {
  read_version_and_ids(state, initial_datagram(kVersion1), 0, true);
}
void ids_of_unknown_version(benchmark::State& state) {
  read_version_and_ids(state, initial_datagram(kUnknownVersion), NGTCP2_ERR_VERSION_NEGOTIATION,
                       true);
}
BENCHMARK(ids_of_short)->Name("Header/ids_of_short");
BENCHMARK(ids_of_initial)->Name("Header/ids_of_initial");
BENCHMARK(ids_of_unknown_version)->Name("Header/ids_of_unknown_version");

// --- whole headers --------------------------------------------------------------------------------

// As it is after header protection was removed.
void whole_short(benchmark::State& state) {
  const auto datagram = short_datagram(1452);
  ngtcp2_pkt_hd header{};
  const auto decode = [&] {
    return ngtcp2_pkt_decode_hd_short(&header, datagram.data(), datagram.size(),
                                      limits::kConnectionIdLength);
  };
  if (decode() <= 0 || !same_id(header.dcid.data, header.dcid.datalen, kOurId)) {
    return state.SkipWithError("the header is another");
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(decode());
    benchmark::DoNotOptimize(header);
  }
  count_items(state);
}
BENCHMARK(whole_short)->Name("Header/whole_short");

void whole_initial(benchmark::State& state) {
  const auto datagram = initial_datagram(kVersion1);
  ngtcp2_pkt_hd header{};
  const auto decode = [&] {
    return ngtcp2_pkt_decode_hd_long(&header, datagram.data(), datagram.size());
  };
  if (decode() <= 0 || !same_id(header.dcid.data, header.dcid.datalen, kOurId) ||
      !same_id(header.scid.data, header.scid.datalen, kClientId)) {
    return state.SkipWithError("the header is another");
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(decode());
    benchmark::DoNotOptimize(header);
  }
  count_items(state);
}
BENCHMARK(whole_initial)->Name("Header/whole_initial");

// Whether a datagram may begin a connection.
void accept_initial(benchmark::State& state) {
  const auto datagram = initial_datagram(kVersion1);
  ngtcp2_pkt_hd header{};
  const auto decode = [&] { return ngtcp2_accept(&header, datagram.data(), datagram.size()); };
  if (decode() != 0) return state.SkipWithError("the Initial is not acceptable");
  for (auto _ : state) {
    benchmark::DoNotOptimize(decode());
    benchmark::DoNotOptimize(header);
  }
  count_items(state);
}
BENCHMARK(accept_initial)->Name("Header/accept_initial");

// --- variable-length integers ---------------------------------------------------------------------

constexpr std::size_t kIntegers = 1024;

// Of the size in state.range(0), or of all sizes mixed where that is 0.
std::vector<std::uint64_t> integers(std::int64_t size) {
  io::Random random = io::Random::seeded(1);
  std::vector<std::uint64_t> values(kIntegers);
  for (std::uint64_t& value : values) {
    const std::uint64_t bytes =
        size == 0 ? std::uint64_t{1} << random.below(4) : static_cast<std::uint64_t>(size);
    do {
      value = random.next() >> (64 - (8 * bytes - 2));
    } while (varint_size(value) != bytes);
  }
  return values;
}

void write_varint(benchmark::State& state) {
  const auto values = integers(state.range(0));
  std::size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(Varint(values[at]));
    at = (at + 1) & (kIntegers - 1);
  }
  count_items(state);
}

// One behind the other, as in a frame: where the next one begins is known when this one is read.
void read_varints(benchmark::State& state) {
  const auto values = integers(state.range(0));
  std::vector<std::byte> bytes;
  for (const std::uint64_t value : values) {
    const Varint written(value);
    bytes.insert(bytes.end(), written.view().begin(), written.view().end());
  }
  Bytes rest = bytes;
  for (const std::uint64_t expected : values) {
    std::uint64_t value = 0;
    const std::size_t size = read_varint(rest, value);
    if (size == 0 || value != expected) return state.SkipWithError("another integer was read");
    rest = rest.subspan(size);
  }
  for (auto _ : state) {
    if (rest.empty()) rest = bytes;
    std::uint64_t value = 0;
    rest = rest.subspan(read_varint(rest, value));
    benchmark::DoNotOptimize(value);
  }
  count_items(state);
}

void varint_sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("bytes")->Arg(1)->Arg(2)->Arg(4)->Arg(8)->Arg(0);
}
BENCHMARK(write_varint)->Name("Varint/write")->Apply(varint_sizes);
BENCHMARK(read_varints)->Name("Varint/read")->Apply(varint_sizes);

}  // namespace
}  // namespace quicore::engine
