// SPDX-License-Identifier: Apache-2.0
#include "io/uring_port.h"

#include <algorithm>
#include <cerrno>

#include "io/check.h"
#include "io/cpu.h"
#include "io/uring_tag.h"

namespace quicore::io {

namespace {

// Wake-ups of other shards that one turn can send as ring messages; further ones use the eventfd.
constexpr std::size_t kMaxWakesPerTurn = 64;
// Turns the destructor gives cancelled operations to come back, 10 ms each.
constexpr int kMaxClosingTurns = 100;
// Of a port that polls, with a pause of 10 to 140 cycles, by processor, after each.
constexpr int kLooksPerClock = 8;

}  // namespace

Result<std::unique_ptr<UringPort>> UringPort::make(UringPortConfig config, KernelCalls& kernel) {
  auto ring = UringRing::open(config.ring, kernel);
  if (!ring) return std::unexpected(std::move(ring.error()));
  auto receiver = UringReceiver::open(**ring, config.receive_slots, config.receive_payload);
  if (!receiver) return std::unexpected(std::move(receiver.error()));
  return std::unique_ptr<UringPort>(
      new UringPort(std::move(config), kernel, std::move(*ring), std::move(*receiver)));
}

UringPort::UringPort(UringPortConfig config, KernelCalls& kernel, std::unique_ptr<UringRing> ring,
                     std::unique_ptr<UringReceiver> receiver)
    : kernel_(kernel),
      log_(std::move(config.log)),
      now_(std::chrono::steady_clock::now()),
      ring_(std::move(ring)),
      receiver_(std::move(receiver)),
      sender_(*ring_, kernel, config.send_slots, stats_),
      busy_poll_(config.busy_poll),
      wake_target_(std::make_shared<UringWakeTarget>()) {
  woken_targets_.reserve(kMaxWakesPerTurn);
  put_off_.reserve(config.receive_slots);
}

UringPort::~UringPort() {
  if (!started_) start();
  if (ring_->on_own_thread()) drain_before_destruction();
  wake_target_->ring_fd.store(-1, std::memory_order_release);
  if (UringMessenger::of_this_thread() == this) UringMessenger::set_for_this_thread(nullptr);
}

// The kernel lets go of sockets some time after a ring is closed. Closing them in turns first makes
// their addresses free when the destructor returns.
void UringPort::drain_before_destruction() noexcept {
  for (const auto& socket : sockets_) {
    if (socket != nullptr && !socket->closing) close(static_cast<SocketId>(socket->index));
  }
  wait(now_);
  if (closing_ != 0) {
    io_uring_sqe* sqe = ring_->next();
    io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
    sqe->user_data = UringTag{UringOperation::ignore}.user_data();
  }
  for (int turn = 0; closing_ != 0 && turn < kMaxClosingTurns; ++turn) {
    wait(now_ + std::chrono::milliseconds(10));
  }
}

Result<SocketId> UringPort::open(const SocketOptions& options) {
  auto opened = UdpSocket::open(options, kernel_, log_);
  if (!opened) return std::unexpected(std::move(opened.error()));
  const auto free = std::find(sockets_.begin(), sockets_.end(), nullptr);
  const auto index = static_cast<std::uint32_t>(free - sockets_.begin());
  if (index == kMaxSockets) return too_many_sockets();
  if (free == sockets_.end()) sockets_.emplace_back();
  sockets_[index] = std::make_unique<UringSocket>(std::move(*opened));
  sockets_[index]->index = index;
  ring_->set_file(index, sockets_[index]->socket.fd());
  to_arm_.push_back(index);
  return static_cast<SocketId>(index);
}

void UringPort::close(SocketId id) {
  UringSocket& closed = socket(id);
  QUICORE_CHECK(!closed.closing);
  closed.closing = true;
  ++closing_;
  sender_.flush();  // before the receive ends, like the submissions already queued
  if (!closed.receiving) return;
  io_uring_sqe* sqe = ring_->next();
  io_uring_prep_cancel64(sqe, UringTag{UringOperation::receive, closed.index}.user_data(), 0);
  sqe->user_data = UringTag{UringOperation::ignore}.user_data();
}

UringSocket& UringPort::socket(SocketId id) const noexcept {
  const auto index = static_cast<std::size_t>(id);
  QUICORE_CHECK(index < sockets_.size() && sockets_[index] != nullptr);
  return *sockets_[index];
}

Address UringPort::local_address(SocketId id) const { return socket(id).socket.local_address(); }

Result<> UringPort::allow_sharing(SocketId id) { return socket(id).socket.allow_sharing(); }

Result<int> UringPort::socket_option(SocketId id, int level, int name) const {
  return socket(id).socket.option(level, name);
}

bool UringPort::segmentation(SocketId id) const noexcept {
  return socket(id).socket.segmentation();
}

void UringPort::send(SendSlot* slot) noexcept { sender_.queue(slot, socket(slot->socket)); }

std::shared_ptr<Waker> UringPort::waker() { return std::make_shared<UringWaker>(wake_target_); }

const PortStats& UringPort::stats() const noexcept { return stats_; }

// The first turn: this thread is the port's from now on.
void UringPort::start() noexcept {
  started_ = true;
  ring_->adopt_thread();
  reduce_timer_slack();
  UringMessenger::set_for_this_thread(this);
  wake_target_->ring_fd.store(ring_->fd(), std::memory_order_release);
}

// Sends that complete while they are handed over give their slots back; whatever else has completed
// belongs to the next turn.
void UringPort::submit() noexcept {
  sender_.flush();
  ring_->submit();
  for (const Completion& completion : ring_->drain()) {
    const UringTag tag = UringTag::from(completion.user_data);
    if (tag.operation == UringOperation::send) {
      sender_.complete(tag.index, completion.result);
    } else {
      put_off_.push_back(completion);
    }
  }
}

void UringPort::wait(Instant deadline) {
  if (!started_) start();
  receiver_->recycle();
  sender_.flush();
  arm_receives();
  arm_event();
  const bool may_sleep = deadline > now_ + kShortestSleep && put_off_.empty();
  const Instant begin = may_sleep ? std::chrono::steady_clock::now() : Instant();
  enter(may_sleep, begin, deadline);
  now_ = std::chrono::steady_clock::now();
  busy_poll_.woke(now_);
  load_.waited(may_sleep ? begin : now_, now_);
  complete_all();
  if (closing_ != 0) finish_closing();
}

void UringPort::arm_receives() noexcept {
  for (const std::uint32_t index : to_arm_) {
    UringSocket* socket = sockets_[index].get();
    if (socket == nullptr || socket->receiving || socket->closing) continue;
    receiver_->arm(index, socket->socket.fd(),
                   UringTag{UringOperation::receive, index}.user_data());
    socket->receiving = true;
  }
  to_arm_.clear();
}

void UringPort::arm_event() noexcept {
  if (event_armed_) return;
  io_uring_sqe* sqe = ring_->next();
  io_uring_prep_read(sqe, wake_target_->state.event_fd(), &event_value_, sizeof(event_value_), 0);
  sqe->user_data = UringTag{UringOperation::event}.user_data();
  event_armed_ = true;
}

// Sends of this turn complete while they are handed over; the wait is for one event more. When the
// engine ran out of slots, the first of them that comes back is such an event.
void UringPort::enter(bool may_sleep, Instant begin, Instant deadline) noexcept {
  const bool slots_ran_out = sender_.take_refused();
  WakeState& state = wake_target_->state;
  const bool busy = !may_sleep || (!slots_ran_out && poll(begin, deadline));
  if (busy || !state.begin_sleep()) {
    state.end_sleep();
    if (ring_->has_work()) ring_->enter(0, deadline);
    return;
  }
  const std::uint32_t immediate = sender_.immediate();
  ring_->enter(slots_ran_out && immediate != 0 ? immediate : immediate + 1, deadline);
  state.end_sleep();
}

// True: there is something to do, or the deadline has come.
bool UringPort::poll(Instant begin, Instant deadline) noexcept {
  if (!busy_poll_.enabled()) return false;
  const Duration budget = busy_poll_.budget(begin, stats_.datagrams_received);
  if (budget == Duration::zero()) return false;
  if (ring_->has_work()) ring_->enter(0, deadline);
  const std::uint32_t immediate = sender_.immediate();
  return busy_poll_.spin(begin, budget, deadline, [&] {
    for (int i = 0; i < kLooksPerClock; ++i) {
      if (ring_->pending() > immediate || ring_->has_work() || wake_target_->state.notified()) {
        return true;
      }
      pause_briefly();
    }
    return false;
  });
}

void UringPort::complete_all() noexcept {
  for (const Completion& completion : put_off_) complete(completion);
  put_off_.clear();
  for (;;) {
    for (const Completion& completion : ring_->drain()) complete(completion);
    if (!ring_->overflowed()) break;
    ++stats_.completion_overflows;
    ring_->enter(0, now_);  // the kernel moves what it held back into the ring
  }
  woken_targets_.clear();
  stats_.system_calls += ring_->take_system_calls();
}

void UringPort::complete(const Completion& completion) noexcept {
  const UringTag tag = UringTag::from(completion.user_data);
  switch (tag.operation) {
    case UringOperation::ignore:
    case UringOperation::woken:
      return;
    case UringOperation::receive:
      return complete_receive(tag.index, completion);
    case UringOperation::send:
      return sender_.complete(tag.index, completion.result);
    case UringOperation::event:
      event_armed_ = false;
      return;
    case UringOperation::wake:  // successes are silent
      return woken_targets_[tag.index]->state.write_event();
  }
}

void UringPort::complete_receive(std::uint32_t index, const Completion& completion) noexcept {
  UringSocket& socket = *sockets_[index];
  if ((completion.flags & IORING_CQE_F_BUFFER) != 0 && completion.result >= 0) {
    receiver_->take(completion, static_cast<SocketId>(index), socket.socket.local_address().port(),
                    stats_);
  } else if (completion.result == -ENOBUFS) {
    ++stats_.receive_buffer_empty;
    receiver_->grow();
  }
  if ((completion.flags & IORING_CQE_F_MORE) != 0) return;
  socket.receiving = false;
  if (socket.closing) return;
  ++stats_.receive_rearmed;
  to_arm_.push_back(index);
}

bool UringPort::send_wake(const std::shared_ptr<UringWakeTarget>& target) noexcept {
  const int fd = target->ring_fd.load(std::memory_order_acquire);
  if (fd < 0 || woken_targets_.size() == kMaxWakesPerTurn) return false;
  io_uring_sqe* sqe = ring_->next();
  io_uring_prep_msg_ring(sqe, fd, 0, UringTag{UringOperation::woken}.user_data(), 0);
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
  sqe->user_data =
      UringTag{UringOperation::wake, static_cast<std::uint32_t>(woken_targets_.size())}.user_data();
  woken_targets_.push_back(target);
  return true;
}

void UringPort::finish_closing() noexcept {
  for (auto& socket : sockets_) {
    if (socket == nullptr || !socket->closing) continue;
    if (socket->receiving || socket->sends_in_flight != 0) continue;
    ring_->set_file(socket->index, -1);
    socket.reset();
    --closing_;
  }
}

}  // namespace quicore::io
