// SPDX-License-Identifier: Apache-2.0
#include "perf/limit/kernel_exchange.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace quicore::perf {
namespace {

constexpr unsigned kBatch = 64;
constexpr std::size_t kMaxDatagram = 2048;

// The arrays that recvmmsg and sendmmsg work on. Not movable: they point into each other.
class Batch {
 public:
  explicit Batch(std::size_t size) {
    for (unsigned i = 0; i < kBatch; ++i) {
      pieces_[i] = {bytes_[i].data(), std::min(size, kMaxDatagram)};
      headers_[i].msg_hdr.msg_iov = &pieces_[i];
      headers_[i].msg_hdr.msg_iovlen = 1;
    }
  }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  // How many arrived; blocking for the first only.
  unsigned receive(int fd, bool polling) {
    const int count =
        recvmmsg(fd, headers_.data(), kBatch, polling ? MSG_DONTWAIT : MSG_WAITFORONE, nullptr);
    return count < 0 ? 0U : static_cast<unsigned>(count);
  }

  // All of them, in as many calls as it takes; what the kernel refuses is lost.
  void send(int fd, unsigned count) {
    while (count > 0) {
      const int sent = sendmmsg(fd, headers_.data(), std::min(count, kBatch), 0);
      if (sent <= 0) return;
      count -= static_cast<unsigned>(sent);
    }
  }

 private:
  std::array<std::array<std::uint8_t, kMaxDatagram>, kBatch> bytes_{};
  std::array<iovec, kBatch> pieces_{};
  std::array<mmsghdr, kBatch> headers_{};
};

void ask(int fd, const KernelExchangeOptions& options, PairState& state) {
  Batch requests(options.request_size);
  Batch answers(kMaxDatagram);
  unsigned under_way = 0;
  Instant heard = std::chrono::steady_clock::now();
  while (!state.stopped()) {
    requests.send(fd, options.outstanding - under_way);
    under_way = options.outstanding;
    const unsigned got = answers.receive(fd, options.times.polling());
    const Instant now = std::chrono::steady_clock::now();
    if (got > 0) {
      heard = now;
      under_way -= std::min(got, under_way);
      add(state.count, got);
    } else if (now - heard > UdpPair::kSilence) {
      add(state.lost, under_way);
      under_way = 0;
      heard = now;
    }
  }
}

void answer(int fd, const KernelExchangeOptions& options, PairState& state) {
  Batch requests(kMaxDatagram);
  Batch answers(options.answer_size);
  while (!state.stopped()) {
    answers.send(fd, requests.receive(fd, options.times.polling()));
  }
}

}  // namespace

Result<PairSample> measure_kernel_exchange(const KernelExchangeOptions& options) {
  const auto pair = UdpPair::create();
  if (!pair) return std::unexpected(pair.error());
  PairState state;
  auto sample = run_pair(
      options.times, state, [&] { ask(pair->first(), options, state); },
      [&] { answer(pair->second(), options, state); });
  if (sample && sample->count == 0) {
    return nothing_arrived(options.times);
  }
  return sample;
}

}  // namespace quicore::perf
