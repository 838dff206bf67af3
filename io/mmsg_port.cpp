// SPDX-License-Identifier: Apache-2.0
#include "io/mmsg_port.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "io/check.h"
#include "io/cpu.h"

namespace quicore::io {

namespace {

constexpr std::uint64_t kWakeEvent = UINT64_MAX;  // any other event names a socket
constexpr std::size_t kEventsPerTurn = 64;        // sockets beyond are reported next turn

class EventWaker final : public Waker {
 public:
  explicit EventWaker(std::shared_ptr<WakeState> state) noexcept : state_(std::move(state)) {}
  void wake() noexcept override {
    if (state_->notify()) state_->write_event();
  }

 private:
  std::shared_ptr<WakeState> state_;
};

}  // namespace

Result<std::unique_ptr<MmsgPort>> MmsgPort::make(MmsgPortConfig config, KernelCalls& kernel) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) {
    const int error = errno;
    return std::unexpected(Error::system(error, std::string("epoll_create1: ") +
                                                    std::strerror(error) +
                                                    "; raise the limit of open files (ulimit -n)"));
  }
  return std::unique_ptr<MmsgPort>(new MmsgPort(std::move(config), kernel, epoll));
}

MmsgPort::MmsgPort(MmsgPortConfig config, KernelCalls& kernel, int epoll)
    : kernel_(kernel),
      log_(std::move(config.log)),
      now_(std::chrono::steady_clock::now()),
      epoll_(epoll),
      wake_(std::make_shared<WakeState>()),
      sender_(kernel, config.send_slots, stats_),
      receiver_(kernel, config.receive_slots, config.receive_payload),
      busy_poll_(config.busy_poll) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeEvent;
  QUICORE_CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_->event_fd(), &event) == 0);
}

MmsgPort::~MmsgPort() {
  sender_.flush();
  ::close(epoll_);
}

Result<SocketId> MmsgPort::open(const SocketOptions& options) {
  auto opened = UdpSocket::open(options, kernel_, log_);
  if (!opened) return std::unexpected(std::move(opened.error()));
  const auto free = std::find(sockets_.begin(), sockets_.end(), nullptr);
  const auto index = static_cast<std::uint32_t>(free - sockets_.begin());
  if (index == kMaxSockets) return too_many_sockets();
  if (free == sockets_.end()) sockets_.emplace_back();
  sockets_[index] = std::make_unique<MmsgSocket>(std::move(*opened));
  sockets_[index]->index = index;
  watch(*sockets_[index], EPOLL_CTL_ADD);
  return static_cast<SocketId>(index);
}

void MmsgPort::close(SocketId id) {
  MmsgSocket& closed = socket(id);
  QUICORE_CHECK(!closed.closing);
  closed.closing = true;
  ++closing_;
}

MmsgSocket& MmsgPort::socket(SocketId id) const noexcept {
  const auto index = static_cast<std::size_t>(id);
  QUICORE_CHECK(index < sockets_.size() && sockets_[index] != nullptr);
  return *sockets_[index];
}

Address MmsgPort::local_address(SocketId id) const { return socket(id).socket.local_address(); }

Result<> MmsgPort::allow_sharing(SocketId id) { return socket(id).socket.allow_sharing(); }

Result<int> MmsgPort::socket_option(SocketId id, int level, int name) const {
  return socket(id).socket.option(level, name);
}

bool MmsgPort::segmentation(SocketId id) const noexcept { return socket(id).socket.segmentation(); }

std::shared_ptr<Waker> MmsgPort::waker() { return std::make_shared<EventWaker>(wake_); }

void MmsgPort::wait(Instant deadline) {
  if (!std::exchange(started_, true)) reduce_timer_slack();
  receiver_.recycle();
  sender_.flush();
  watch_blocked();
  if (closing_ != 0) finish_closing();
  sleep(sender_.take_impatience() ? now_ : deadline);
}

void MmsgPort::watch(MmsgSocket& socket, int operation) noexcept {
  socket.watched_for_write = socket.blocked;
  epoll_event event{};
  event.events = EPOLLIN | (socket.blocked ? EPOLLOUT : 0U);
  event.data.u64 = socket.index;
  QUICORE_CHECK(epoll_ctl(epoll_, operation, socket.socket.fd(), &event) == 0);
  ++stats_.system_calls;
}

void MmsgPort::watch_blocked() noexcept {
  for (const auto& socket : sockets_) {
    if (socket != nullptr && socket->blocked != socket->watched_for_write) {
      watch(*socket, EPOLL_CTL_MOD);
    }
  }
}

void MmsgPort::sleep(Instant deadline) noexcept {
  std::array<epoll_event, kEventsPerTurn> events;
  const bool may_sleep = deadline > now_ + kShortestSleep;
  const Instant begin = may_sleep ? std::chrono::steady_clock::now() : Instant();
  int count = 0;
  if (!may_sleep || !poll(events, begin, deadline, count)) {
    count = wait_for_events(events, deadline, may_sleep && wake_->begin_sleep());
  }
  wake_->end_sleep();
  now_ = std::chrono::steady_clock::now();
  busy_poll_.woke(now_);
  load_.waited(may_sleep ? begin : now_, now_);
  for (int i = 0; i < count; ++i) handle(events[i].events, events[i].data.u64);
}

// True: there is something to do, such as `count` events, or the deadline has come.
bool MmsgPort::poll(std::span<epoll_event> events, Instant begin, Instant deadline,
                    int& count) noexcept {
  if (!busy_poll_.enabled()) return false;
  const Duration budget = busy_poll_.budget(begin, stats_.datagrams_received);
  if (budget == Duration::zero()) return false;
  return busy_poll_.spin(begin, budget, deadline, [&] {
    count = wait_for_events(events, deadline, false);
    return count != 0 || wake_->notified();
  });
}

int MmsgPort::wait_for_events(std::span<epoll_event> events, Instant deadline,
                              bool may_wait) noexcept {
  int count = 0;
  do {                   // a signal does not end a wait
    timespec timeout{};  // zero: do not wait
    if (may_wait && deadline != kNever) {
      constexpr auto kSecond = std::chrono::nanoseconds(std::chrono::seconds(1)).count();
      const auto left =
          std::max(deadline - std::chrono::steady_clock::now(), Duration::zero()).count();
      timeout = {left / kSecond, left % kSecond};
    }
    const bool for_ever = may_wait && deadline == kNever;
    count = kernel_.wait_for_events(epoll_, events, for_ever ? nullptr : &timeout);
    ++stats_.system_calls;
  } while (count < 0 && errno == EINTR);
  return count;
}

void MmsgPort::handle(std::uint32_t events, std::uint64_t data) noexcept {
  if (data == kWakeEvent) {
    wake_->read_event();
    ++stats_.system_calls;
    return;
  }
  MmsgSocket& socket = *sockets_[data];
  if ((events & EPOLLOUT) != 0) socket.blocked = false;
  // EPOLLERR too is taken back by a receive: it clears the error.
  if ((events & (EPOLLIN | EPOLLERR)) != 0) {
    receiver_.receive(socket.socket, static_cast<SocketId>(data), stats_);
  }
}

void MmsgPort::finish_closing() noexcept {
  for (auto& socket : sockets_) {
    if (socket == nullptr || !socket->closing || socket->queued != 0) continue;
    socket.reset();  // leaves the epoll set with its descriptor
    --closing_;
  }
}

}  // namespace quicore::io
