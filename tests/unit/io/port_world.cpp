// SPDX-License-Identifier: Apache-2.0
#include "port_world.h"

#include <netinet/in.h>
#include <netinet/udp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "io/uring_tag.h"

namespace quicore::io::test {

using namespace std::chrono_literals;

namespace {

bool asks_for_segmentation(const msghdr& message) {
  msghdr copy = message;
  for (cmsghdr* at = CMSG_FIRSTHDR(&copy); at != nullptr; at = CMSG_NXTHDR(&copy, at)) {
    if (at->cmsg_level == IPPROTO_UDP && at->cmsg_type == UDP_SEGMENT) return true;
  }
  return false;
}

Received owned(const ReceivedTrain& train) {
  return {{reinterpret_cast<const char*>(train.bytes.data()), train.bytes.size()},
          train.segment_size,
          train.socket,
          train.ecn,
          train.remote,
          train.local};
}

}  // namespace

int FaultyKernel::open_socket(int family) {
  if (socket_error == 0) return KernelCalls::open_socket(family);
  errno = socket_error;
  return -1;
}

int FaultyKernel::set_option(int fd, int level, int name, const void* value, std::size_t size) {
  if (const auto found = refused_options.find({level, name}); found != refused_options.end()) {
    errno = found->second;
    return -1;
  }
  return KernelCalls::set_option(fd, level, name, value, size);
}

bool FaultyKernel::is_targeted(const msghdr& message) const {
  return !send_answers.empty() && (any_send || asks_for_segmentation(message));
}

int FaultyKernel::take_answer() {
  const int answer = send_answers.front();
  send_answers.erase(send_answers.begin());
  return answer;
}

int FaultyKernel::send_messages(int fd, mmsghdr* messages, unsigned count) {
  unsigned passed = 0;
  while (passed < count && !is_targeted(messages[passed].msg_hdr)) ++passed;
  if (passed != 0) return KernelCalls::send_messages(fd, messages, passed);
  const int answer = take_answer();
  if (answer == 0) return KernelCalls::send_messages(fd, messages, 1);
  if (answer > 0) {
    errno = answer;
    return -1;
  }
  // A short send: the kernel sends the first part only.
  iovec& bytes = *messages[0].msg_hdr.msg_iov;
  const std::size_t whole = bytes.iov_len;
  bytes.iov_len = static_cast<std::size_t>(-answer);
  const int result = KernelCalls::send_messages(fd, messages, 1);
  bytes.iov_len = whole;
  return result;
}

int FaultyKernel::ring_setup(unsigned entries, io_uring* ring, io_uring_params* params) {
  if (ring_setup_error != 0) return -ring_setup_error;
  if ((params->flags & refused_ring_flags) != 0) return -EINVAL;
  return KernelCalls::ring_setup(entries, ring, params);
}

// Sends that shall fail become operations that do nothing; their completions get the answer.
int FaultyKernel::ring_enter(io_uring* ring, unsigned fd, unsigned to_submit, unsigned wait_for,
                             unsigned flags, const timespec* timeout) {
  ++enters;
  if (std::exchange(cancel_next_receive, false)) {
    io_uring_sync_cancel_reg cancel{};
    cancel.addr = UringTag{UringOperation::receive, 0}.user_data();
    cancel.timeout = {-1, -1};
    EXPECT_EQ(io_uring_register_sync_cancel(ring, &cancel), 0);
  }
  const io_uring_sq& queue = ring->sq;
  for (unsigned i = queue.sqe_tail - to_submit; i != queue.sqe_tail; ++i) {
    io_uring_sqe& entry = queue.sqes[i & queue.ring_mask];
    if (entry.opcode != IORING_OP_SENDMSG) continue;
    const auto* message = reinterpret_cast<const msghdr*>(entry.addr);
    if (!is_targeted(*message)) continue;
    const int answer = take_answer();
    if (answer == 0) continue;
    if (answer < 0) {
      message->msg_iov->iov_len = static_cast<std::size_t>(-answer);
      continue;
    }
    const std::uint64_t user_data = entry.user_data;
    ring_answers_[user_data] = -answer;
    std::memset(&entry, 0, sizeof(entry));
    entry.opcode = IORING_OP_NOP;
    entry.user_data = user_data;
  }
  return KernelCalls::ring_enter(ring, fd, to_submit, wait_for, flags, timeout);
}

void FaultyKernel::ring_completions(std::span<Completion> batch) {
  for (Completion& completion : batch) {
    if (const auto found = ring_answers_.find(completion.user_data); found != ring_answers_.end()) {
      completion.result = found->second;
      ring_answers_.erase(found);
    }
  }
  if (on_completions) on_completions(batch);
}

std::unique_ptr<Port> make_port(Kind kind, KernelCalls& kernel, const SmallPort& small) {
  const bool polls = kind == Kind::polling_uring || kind == Kind::polling_mmsg;
  const Duration busy_poll = polls ? kDefaultBusyPoll : Duration::zero();
  if (kind == Kind::uring || kind == Kind::polling_uring) {
    UringPortConfig config;
    config.busy_poll = busy_poll;
    config.receive_slots = small.receive_slots;
    config.receive_payload = small.receive_payload;
    config.send_slots = small.send_slots;
    config.ring.completion_entries = small.completion_entries;
    config.ring.submission_entries = std::min(kSubmissionEntries, small.completion_entries / 2);
    config.log = small.log;
    auto port = UringPort::make(std::move(config), kernel);
    if (!port) ADD_FAILURE() << to_string(port.error());
    return std::move(*port);
  }
  MmsgPortConfig config;
  config.busy_poll = busy_poll;
  config.receive_slots = small.receive_slots;
  config.receive_payload = small.receive_payload;
  config.send_slots = small.send_slots;
  config.log = small.log;
  auto port = MmsgPort::make(std::move(config), kernel);
  if (!port) ADD_FAILURE() << to_string(port.error());
  return std::move(*port);
}

SocketOptions on_loopback(Family family) {
  SocketOptions options;
  options.bind_address = Address::loopback(family, 0);
  return options;
}

void send(Port& port, SocketId socket, const Address& to, std::string_view bytes,
          const SendOptions& options) {
  SendSlot* slot = port.lease();
  ASSERT_NE(slot, nullptr);
  std::memcpy(slot->bytes, bytes.data(), bytes.size());
  slot->size = static_cast<std::uint32_t>(bytes.size());
  slot->segment_size = options.segment_size != 0 ? options.segment_size : slot->size;
  slot->socket = socket;
  slot->ecn = options.ecn;
  slot->remote = to;
  slot->local = options.local;
  port.send(slot);
}

std::string pattern(std::size_t size, unsigned seed) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 131 + i / 251 + seed);
  return bytes;
}

std::vector<Received> receive(Port& port, std::size_t bytes, std::vector<Port*> others) {
  std::vector<Received> trains;
  std::size_t sum = 0;
  const Instant end = std::chrono::steady_clock::now() + 30s;
  while (sum < bytes && std::chrono::steady_clock::now() < end) {
    for (Port* other : others) other->wait(other->now());
    port.wait(others.empty() ? end : port.now() + 1ms);
    for (const ReceivedTrain& train : port.received()) {
      trains.push_back(owned(train));
      sum += train.bytes.size();
    }
  }
  return trains;
}

std::vector<Received> receive_for(Port& port, Duration time) {
  std::vector<Received> trains;
  const Instant end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
    port.wait(end);
    for (const ReceivedTrain& train : port.received()) trains.push_back(owned(train));
  }
  return trains;
}

std::string joined(const std::vector<Received>& trains) {
  std::string all;
  for (const Received& train : trains) all += train.bytes;
  return all;
}

}  // namespace quicore::io::test
