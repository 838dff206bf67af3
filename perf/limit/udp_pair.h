// SPDX-License-Identifier: Apache-2.0
//
// What every measurement of the kernel's UDP path needs: two sockets connected to each other over
// 127.0.0.1, two pinned threads, and the difference of two samples of a counter.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "io/error.h"
#include "io/time.h"

namespace quicore::perf {

// Both sockets have large buffers and wait at most kSilence in a blocking receive.
class UdpPair {
 public:
  // Without an answer for this long, what is under way is taken as lost.
  static constexpr std::chrono::milliseconds kSilence{20};

  // Errors: system; the reason names the call the kernel refused.
  static Result<UdpPair> create();

  UdpPair(UdpPair&& other) noexcept;
  UdpPair& operator=(UdpPair&&) = delete;
  ~UdpPair();

  [[nodiscard]] int first() const { return sockets_[0]; }
  [[nodiscard]] int second() const { return sockets_[1]; }
  // Bytes the kernel granted to the second one: more than net.core.rmem_max only with privilege.
  [[nodiscard]] int receive_buffer() const { return receive_buffer_; }

 private:
  UdpPair() = default;
  Result<> connect_both();

  int sockets_[2] = {-1, -1};
  int receive_buffer_ = 0;
};

// "CALL failed: what errno says".
std::unexpected<Error> refused_call(const char* call);

struct PairTimes {
  int first_cpu = 0;
  int second_cpu = 1;
  Duration warm_up = std::chrono::milliseconds(200);
  Duration duration = std::chrono::seconds(2);
  // Goes on for so long when nothing was counted.
  Duration patience = std::chrono::seconds(10);

  // On two cores both sides poll, so that no wake-up is paid; on one core both block, so that the
  // scheduler runs whichever has work.
  [[nodiscard]] bool polling() const { return first_cpu != second_cpu; }
};

// Of a measurement that counted nothing: what may be the cause.
std::unexpected<Error> nothing_arrived(const PairTimes& times);

// What the two threads and the caller share. Each atomic has a cache line of its own.
struct PairState {
  alignas(64) std::atomic<bool> stop{false};
  alignas(64) std::atomic<std::uint64_t> count{0};  // written by one of the threads
  alignas(64) std::atomic<std::uint64_t> lost{0};   // the same

  [[nodiscard]] bool stopped() const { return stop.load(std::memory_order_relaxed); }
};

// For a counter with one writer: costs no locked instruction.
inline void add(std::atomic<std::uint64_t>& counter, std::uint64_t value) {
  counter.store(counter.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

struct PairSample {
  double seconds = 0;
  std::uint64_t count = 0;
  std::uint64_t lost = 0;
  double ns_each = 0;  // wall time per count
  double first_cpu_ns_each = 0;
  double second_cpu_ns_each = 0;
};

// Runs both bodies, each on its CPU, until `state.stop`, which is set when the time is over; the
// caller sleeps meanwhile. Errors: invalid_argument for a CPU this process may not use.
Result<PairSample> run_pair(const PairTimes& times, PairState& state,
                            const std::function<void()>& first,
                            const std::function<void()>& second);

}  // namespace quicore::perf
