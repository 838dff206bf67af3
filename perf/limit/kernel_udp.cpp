// SPDX-License-Identifier: Apache-2.0
#include "perf/limit/kernel_udp.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace quicore::perf {
namespace {

constexpr std::size_t kMaxMessage = 65507;  // 65535 less the IPv4 and UDP headers
constexpr unsigned kMaxSegments = 64;       // UDP_MAX_SEGMENTS of every kernel with UDP_SEGMENT
// What the kernel charges a receive buffer for one joined message of 64 KiB, at most.
constexpr int kChargePerMessage = 160 << 10;
// On two cores: often enough that the sender never runs dry.
constexpr unsigned kPolledMessagesPerAcknowledgement = 2;

struct Transfer {
  unsigned payload;
  unsigned segments;
  unsigned window;
  unsigned acknowledge_every;  // messages
  bool polling;
  int sender;
  int receiver;
  PairState state{};
};

Result<> use_trains(const UdpPair& pair, unsigned payload) {
  const int segment = static_cast<int>(payload);
  if (setsockopt(pair.first(), SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) != 0) {
    return refused_call("setsockopt(UDP_SEGMENT)");
  }
  const int on = 1;
  if (setsockopt(pair.second(), SOL_UDP, UDP_GRO, &on, sizeof on) != 0) {
    return refused_call("setsockopt(UDP_GRO)");
  }
  return {};
}

// One that finds nothing returns at once when polling, else waits up to kSilence.
ssize_t receive(const Transfer& transfer, int fd, void* to, std::size_t size) {
  return recv(fd, to, size, transfer.polling ? MSG_DONTWAIT : 0);
}

// Every message begins with its number; an acknowledgement is the number of the last one received.
void send_messages(Transfer& transfer) {
  std::vector<std::uint8_t> message(std::size_t{transfer.segments} * transfer.payload);
  std::uint64_t next = 1;
  std::uint64_t acknowledged = 0;
  Instant heard = std::chrono::steady_clock::now();
  while (!transfer.state.stopped()) {
    if (next - acknowledged <= transfer.window) {
      std::memcpy(message.data(), &next, sizeof next);
      // What the kernel refuses (ENOBUFS; ECONNREFUSED at the end) is a lost message.
      static_cast<void>(send(transfer.sender, message.data(), message.size(), 0));
      ++next;
      continue;
    }
    std::uint64_t number = 0;
    const bool got = receive(transfer, transfer.sender, &number, sizeof number) == sizeof number;
    const Instant now = std::chrono::steady_clock::now();
    if (got) {
      acknowledged = std::max(acknowledged, number);
      heard = now;
    } else if (now - heard > UdpPair::kSilence) {
      acknowledged = next - 1;
    }
  }
}

void receive_messages(Transfer& transfer) {
  std::vector<std::uint8_t> buffer(1 << 16);
  PairState& state = transfer.state;
  std::uint64_t last = 0;
  unsigned unacknowledged = 0;
  const auto acknowledge = [&] {
    static_cast<void>(send(transfer.receiver, &last, sizeof last, 0));
    unacknowledged = 0;
  };
  while (!state.stopped()) {
    ssize_t size = recv(transfer.receiver, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && !transfer.polling) {
      if (unacknowledged > 0) acknowledge();  // the sender may wait for it
      size = receive(transfer, transfer.receiver, buffer.data(), buffer.size());
    }
    if (size < 0) continue;
    std::uint64_t number = 0;
    std::memcpy(&number, buffer.data(), sizeof number);
    add(state.count, static_cast<std::size_t>(size) / transfer.payload);
    if (number > last + 1) add(state.lost, (number - last - 1) * transfer.segments);
    last = std::max(last, number);
    if (++unacknowledged >= transfer.acknowledge_every) acknowledge();
  }
}

}  // namespace

unsigned most_segments(unsigned payload) {
  return payload == 0 ? 0 : std::min<unsigned>(kMaxSegments, kMaxMessage / payload);
}

Result<KernelUdpResult> measure_kernel_udp(const KernelUdpOptions& options) {
  const unsigned most = most_segments(options.payload);
  if (options.payload < sizeof(std::uint64_t) || most == 0) {
    return failure(Errc::invalid_argument, "the payload of a datagram is 8 to 65507 bytes, not " +
                                               std::to_string(options.payload));
  }
  const auto pair = UdpPair::create();
  if (!pair) return std::unexpected(pair.error());
  if (auto trains = use_trains(*pair, options.payload); !trains) {
    return std::unexpected(trains.error());
  }
  const auto fits = static_cast<unsigned>(std::max(1, pair->receive_buffer() / kChargePerMessage));
  const unsigned window = std::clamp(options.window, 1U, fits);
  const bool polling = options.times.polling();
  Transfer transfer{
      .payload = options.payload,
      .segments = options.segments == 0 ? most : std::min(options.segments, most),
      .window = window,
      .acknowledge_every = polling ? std::min(kPolledMessagesPerAcknowledgement, window) : window,
      .polling = polling,
      .sender = pair->first(),
      .receiver = pair->second()};
  const auto packets = run_pair(
      options.times, transfer.state, [&] { send_messages(transfer); },
      [&] { receive_messages(transfer); });
  if (!packets) return std::unexpected(packets.error());
  if (packets->count == 0) {
    return nothing_arrived(options.times);
  }
  return KernelUdpResult{.segments = transfer.segments,
                         .window = window,
                         .gbps = options.payload * 8.0 / packets->ns_each,
                         .packets = *packets};
}

}  // namespace quicore::perf
