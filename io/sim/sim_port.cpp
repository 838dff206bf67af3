// SPDX-License-Identifier: Apache-2.0
#include "io/sim/sim_port.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <utility>

#include "io/check.h"
#include "io/sim/world.h"

namespace quicore::sim {
namespace {

constexpr std::size_t kSlotAlignment = 64;  // a cache line, as SendSlot promises
constexpr int kDefaultTtl = 64;
constexpr int kDefaultBuffer = 8 * 1024 * 1024;

std::size_t index_of(io::SocketId socket) noexcept { return static_cast<std::size_t>(socket); }

bool is_dual_stack(const Socket& socket) {
  return socket.bound.family() == Family::ipv6 && !socket.options.ipv6_only;
}

}  // namespace

struct SimPort::Wake final : io::Waker {
  void wake() noexcept override { called.store(true, std::memory_order_release); }
  std::atomic<bool> called = false;
};

SimPort::SimPort(World& world, Host& host, const PortOptions& options)
    : world_(world),
      host_(host),
      options_(options),
      now_(world.now()),
      wake_(std::make_shared<Wake>()) {
  QUICORE_CHECK(options.slots > 0 && options.trains_per_wait > 0);
}

SimPort::~SimPort() {
  world_.forget(*this);
  for (const auto& socket : sockets_) {
    if (socket != nullptr) host_.unbind(*socket);
  }
}

Result<io::SocketId> SimPort::open(const io::SocketOptions& options) {
  auto socket = host_.bind(*this, options);
  if (!socket) return std::unexpected(socket.error());
  sockets_.push_back(std::move(*socket));
  return static_cast<io::SocketId>(sockets_.size() - 1);
}

void SimPort::close(io::SocketId socket) {
  QUICORE_CHECK(find(socket) != nullptr);
  closing_.push_back(socket);
}

Address SimPort::local_address(io::SocketId socket) const {
  const Socket* found = find(socket);
  return found != nullptr ? found->bound : Address();
}

Result<> SimPort::allow_sharing(io::SocketId socket) {
  Socket* found = find(socket);
  if (found == nullptr) return std::unexpected(Error::system(EBADF, "the socket is closed"));
  found->options.reuse_port = true;
  return {};
}

Result<int> SimPort::socket_option(io::SocketId socket, int level, int name) const {
  const Socket* found = find(socket);
  if (found == nullptr) return std::unexpected(Error::system(EBADF, "the socket is closed"));
  const io::SocketOptions& options = found->options;
  if (level == SOL_SOCKET && name == SO_RCVBUF) {
    return options.receive_buffer.value_or(kDefaultBuffer);
  }
  if (level == SOL_SOCKET && name == SO_SNDBUF) return options.send_buffer.value_or(kDefaultBuffer);
  if (level == SOL_SOCKET && name == SO_REUSEPORT) return options.reuse_port ? 1 : 0;
  if (level == IPPROTO_IP && name == IP_TTL) return options.ttl.value_or(kDefaultTtl);
  if (level == IPPROTO_IPV6 && name == IPV6_UNICAST_HOPS) return options.ttl.value_or(kDefaultTtl);
  if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY) return options.ipv6_only ? 1 : 0;
  return failure(Errc::not_supported, "the simulator knows no such socket option");
}

void SimPort::wait(Instant deadline) {
  now_ = world_.now();
  deadline_ = deadline;
  found_something_ = wake_->called.exchange(false, std::memory_order_acquire);
  ++stats_.system_calls;
  submit();
  finish_closing();

  received_.clear();
  received_bytes_.clear();
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    const std::size_t index = (next_socket_ + i) % sockets_.size();
    if (sockets_[index] == nullptr) continue;
    receive_from(*sockets_[index], static_cast<io::SocketId>(index));
  }
  ++next_socket_;
  found_something_ = found_something_ || !received_.empty();
}

void SimPort::receive_from(Socket& socket, io::SocketId id) {
  while (!socket.queue.empty() && received_.size() < options_.trains_per_wait) {
    const Train train = std::move(socket.queue.front());
    socket.queue.pop_front();
    socket.queued_bytes -= train.bytes;

    std::vector<std::byte>& bytes = received_bytes_.emplace_back();
    bytes.reserve(train.bytes);
    for (const DatagramPtr& datagram : train.datagrams) {
      bytes.insert(bytes.end(), datagram->payload.begin(), datagram->payload.end());
      world_.trace().record(What::received, host_.name(), *datagram);
    }
    const Datagram& first = *train.datagrams.front();
    io::ReceivedTrain& received = received_.emplace_back();
    received.bytes = bytes;
    received.segment_size = static_cast<std::uint32_t>(first.payload.size());
    received.socket = id;
    received.ecn = socket.options.ecn ? first.ecn : io::Ecn::not_ect;
    received.remote = first.source;
    received.local = first.destination;
    if (socket.bound.family() == Family::ipv6 && first.source.family() == Family::ipv4) {
      received.remote = mapped_to_ipv6(first.source);
      received.local = mapped_to_ipv6(first.destination);
    }
    ++stats_.trains_received;
    stats_.datagrams_received += train.datagrams.size();
    stats_.bytes_received += train.bytes;
  }
}

io::SendSlot* SimPort::lease() noexcept {
  if (free_.empty()) {
    if (slots_.size() == options_.slots) return nullptr;
    auto slot = std::make_unique<Slot>();
    slot->memory = {static_cast<std::byte*>(std::aligned_alloc(kSlotAlignment, io::kSendSlotSize)),
                    std::free};
    QUICORE_CHECK(slot->memory != nullptr);
    slot->index = static_cast<std::uint32_t>(slots_.size());
    free_.push_back(slot.get());
    slots_.push_back(std::move(slot));
  }
  Slot* slot = free_.back();
  free_.pop_back();
  const std::uint32_t index = slot->index;
  static_cast<io::SendSlot&>(*slot) = {};
  slot->bytes = slot->memory.get();
  slot->index = index;
  slot->leased = true;
  return slot;
}

void SimPort::send(io::SendSlot* slot) noexcept {
  QUICORE_CHECK(slot != nullptr && slot->index < slots_.size());
  Slot& own = *slots_[slot->index];
  QUICORE_CHECK(&own == slot && own.leased);
  QUICORE_CHECK(slot->size > 0 && slot->segment_size > 0 && slot->size <= io::kSendSlotSize);
  own.leased = false;
  queued_.push_back(&own);
}

void SimPort::give_back(io::SendSlot* slot) noexcept {
  QUICORE_CHECK(slot != nullptr && slot->index < slots_.size());
  Slot& own = *slots_[slot->index];
  QUICORE_CHECK(&own == slot && own.leased);
  own.leased = false;
  free_.push_back(&own);
}

bool SimPort::segmentation(io::SocketId socket) const noexcept {
  const Socket* found = find(socket);
  return found != nullptr && found->options.gso;
}

std::shared_ptr<io::Waker> SimPort::waker() { return wake_; }

bool SimPort::ready() const noexcept {
  if (found_something_ || !queued_.empty() || !closing_.empty()) return true;
  if (deadline_ <= world_.now()) return true;
  if (wake_->called.load(std::memory_order_acquire)) return true;
  return std::any_of(sockets_.begin(), sockets_.end(), [](const auto& socket) {
    return socket != nullptr && !socket->queue.empty();
  });
}

Socket* SimPort::find(io::SocketId socket) const noexcept {
  return index_of(socket) < sockets_.size() ? sockets_[index_of(socket)].get() : nullptr;
}

void SimPort::submit() noexcept {
  for (Slot* slot : std::exchange(queued_, {})) {
    send_train(*slot);
    free_.push_back(slot);
  }
}

void SimPort::send_train(const Slot& slot) {
  const std::uint32_t segment = std::min(slot.segment_size, slot.size);
  const std::uint32_t segments = (slot.size + segment - 1) / segment;
  const std::uint32_t limit = segments > 1 ? io::kMaxTrainSize : kLargestPayload;
  if (slot.size > limit || segments > io::kMaxTrainSegments) {
    world_.violated(host_.name() + " sent " + std::to_string(slot.size) + " bytes in " +
                    std::to_string(segments) + " datagrams; the kernel takes " +
                    std::to_string(limit) + " bytes in " + std::to_string(io::kMaxTrainSegments));
    return;
  }
  const Socket* socket = find(slot.socket);
  if (socket == nullptr) {
    stats_.send_errors += segments;
    return;
  }
  ++stats_.trains_sent;
  const std::span<const std::byte> bytes(slot.bytes, slot.size);
  for (std::uint32_t at = 0; at < slot.size; at += segment) {
    send_datagram(*socket, slot, bytes.subspan(at, std::min(segment, slot.size - at)));
  }
}

void SimPort::send_datagram(const Socket& socket, const Slot& slot,
                            std::span<const std::byte> payload) {
  auto datagram = std::make_unique<Datagram>();
  datagram->destination = slot.remote.unmapped();
  datagram->ecn = socket.options.ecn ? slot.ecn : io::Ecn::not_ect;
  datagram->payload.assign(payload.begin(), payload.end());

  const char* refused = refuse_reason(socket, slot.remote);
  const auto source = host_.source_for(socket, datagram->destination, slot.local);
  if (refused == nullptr && !source) refused = "no such source address";
  if (refused == nullptr && datagram->wire_size() > host_.mtu()) refused = "EMSGSIZE";
  if (refused != nullptr) {
    ++stats_.send_errors;
    world_.trace().record(What::refused, host_.name(), *datagram, refused);
    return;
  }
  datagram->source = *source;
  ++stats_.datagrams_sent;
  stats_.bytes_sent += payload.size();
  world_.transmit(host_, std::move(datagram));
}

const char* SimPort::refuse_reason(const Socket& socket, const Address& remote) const noexcept {
  if (remote.empty() || remote.port() == 0) return "no destination";
  const Family family = remote.unmapped().family();
  if (family == Family::ipv4) {
    const bool can = socket.bound.family() == Family::ipv4 || is_dual_stack(socket);
    return can ? nullptr : "IPv4 destination on an IPv6 socket";
  }
  return socket.bound.family() == Family::ipv6 ? nullptr : "IPv6 destination on an IPv4 socket";
}

void SimPort::finish_closing() {
  for (const io::SocketId id : std::exchange(closing_, {})) {
    auto& socket = sockets_[index_of(id)];
    if (socket == nullptr) continue;
    host_.unbind(*socket);
    socket.reset();
  }
}

}  // namespace quicore::sim
