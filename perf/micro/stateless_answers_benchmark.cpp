// SPDX-License-Identifier: Apache-2.0
//
// Stateless answers: what a datagram costs that belongs to no connection, and whose sender is
// perhaps none that exists. How many of them a second keep a core busy is how strong an attack must
// be.
//
//   quicore_microbench --benchmark_filter='Stateless|Admission'
//
// One iteration is one decision, or one answer.
#include <benchmark/benchmark.h>
#include <ngtcp2/ngtcp2.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/admission.h"
#include "engine/stateless_packet.h"
#include "io/random.h"
#include "perf/micro/datagrams.h"

namespace quicore::engine {
namespace {

using perf::initial_datagram;
using perf::kClientId;
using perf::kOurId;
using perf::kVersion1;

constexpr std::size_t kDatagramSize = 1200;
constexpr Instant kNow{std::chrono::hours(1)};

// Each answer is there, and smaller than what it answers.
template <class Answer>
void answer_each(benchmark::State& state, Answer answer) {
  std::size_t wrong = 0;
  for (auto _ : state) {
    const StatelessPacket packet = answer();
    wrong += packet && packet.size < kDatagramSize ? 0 : 1;
    benchmark::DoNotOptimize(packet.bytes.data());
  }
  if (wrong != 0) state.SkipWithError("an answer is missing, or larger than its question");
  state.SetItemsProcessed(state.iterations());
}

// --- answers ----------------------------------------------------------------------------------------

void negotiate_version(benchmark::State& state) {
  io::Random random = io::Random::seeded(1);
  const std::array<std::uint32_t, 2> versions = {kVersion1, 0x6b3343cf};
  ngtcp2_version_cid ids{};
  ids.dcid = kOurId.data();
  ids.dcidlen = kOurId.size();
  ids.scid = kClientId.data();
  ids.scidlen = kClientId.size();
  answer_each(state, [&] { return version_negotiation(ids, versions, random); });
}
BENCHMARK(negotiate_version)->Name("StatelessAnswer/version_negotiation");

void reset(benchmark::State& state) {
  io::Random random = io::Random::seeded(1);
  const HmacSha256 key(std::array<std::uint8_t, 16>{1});
  answer_each(state, [&] { return stateless_reset(kOurId, kDatagramSize, key, random); });
}
BENCHMARK(reset)->Name("StatelessAnswer/stateless_reset");

// CONNECTION_REFUSED: an Initial with keys of its own.
void refuse(benchmark::State& state) {
  answer_each(state, [] {
    return connection_close(kVersion1, ConnectionId::from(kClientId), ConnectionId::from(kOurId),
                            NGTCP2_CONNECTION_REFUSED);
  });
}
BENCHMARK(refuse)->Name("StatelessAnswer/refuse");

// --- admission --------------------------------------------------------------------------------------

// One client's first Initial, and an endpoint that has to decide about it.
class Arrival {
 public:
  explicit Arrival(bool validate_address)
      : random_(io::Random::seeded(1)), admission(config(validate_address), random_) {
    use_token({});
  }

  void use_token(std::span<const std::uint8_t> token) {
    datagram_ = initial_datagram(kVersion1, token);
    packet.datagram = std::as_writable_bytes(std::span(datagram_));
    ngtcp2_accept(&header_, datagram_.data(), datagram_.size());
  }
  Verdict decide() { return admission.decide(header_, remote, kNow, {}, 0, packet); }

 private:
  static EndpointConfig config(bool validate_address) {
    EndpointConfig config;
    config.validate_address = validate_address;
    config.retry_limit = UINT64_MAX;
    return config;
  }

  io::Random random_;
  std::vector<std::uint8_t> datagram_;
  ngtcp2_pkt_hd header_{};

 public:
  Admission admission;
  InitialPacket packet;
  Address remote = Address::loopback(Family::ipv4, 12345);
};

void decide_each(benchmark::State& state, Arrival& arrival, Verdict expected) {
  std::size_t wrong = 0;
  for (auto _ : state) wrong += arrival.decide() == expected ? 0 : 1;
  if (wrong != 0) state.SkipWithError("the verdict is another");
  state.SetItemsProcessed(state.iterations());
}

void decide_without_token(benchmark::State& state) {
  Arrival arrival(false);
  decide_each(state, arrival, Verdict::accept);
}
BENCHMARK(decide_without_token)->Name("Admission/decide");

// The token of a NEW_TOKEN frame is opened and compared.
void decide_with_token(benchmark::State& state) {
  Arrival arrival(true);
  const auto token = arrival.admission.make_new_token(arrival.remote, kNow);
  arrival.use_token(token);
  decide_each(state, arrival, Verdict::accept);
}
BENCHMARK(decide_with_token)->Name("Admission/decide_with_token");

// Retry: a decision, a token, and the integrity tag of the packet.
void retry_each(benchmark::State& state) {
  Arrival arrival(true);
  std::size_t wrong = 0;
  answer_each(state, [&] {
    wrong += arrival.decide() == Verdict::retry ? 0 : 1;
    return arrival.admission.make_retry(arrival.packet, arrival.remote, kNow, 0, 1);
  });
  if (wrong != 0) state.SkipWithError("the verdict is another");
}
BENCHMARK(retry_each)->Name("Admission/decide_and_retry");

}  // namespace
}  // namespace quicore::engine
