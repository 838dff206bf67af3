// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the ports share: a kernel that can be told to refuse, ports by name, and a way
// to send and collect trains over loopback.
#pragma once

#include <gtest/gtest.h>
#include <liburing.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/kernel_calls.h"
#include "io/mmsg_port.h"
#include "io/port.h"
#include "io/uring_port.h"

namespace quicore::io::test {

// Passes everything on to the kernel but what a test has put something else in place of.
class FaultyKernel : public KernelCalls {
 public:
  // Error numbers by socket option: these options are refused.
  std::map<std::pair<int, int>, int> refused_options;
  // Answers to the next sends that carry more than one datagram or, with `any_send`, to any; 0 lets
  // it pass, an error number or (negative) a count of bytes is what the kernel is made to answer.
  std::vector<int> send_answers;
  bool any_send = false;
  int ring_setup_error = 0;  // a positive error number
  unsigned refused_ring_flags = 0;
  std::function<void(std::span<Completion>)> on_completions;
  bool cancel_next_receive = false;  // by the kernel's own accord, as far as the port can tell
  int enters = 0;
  int socket_error = 0;

  int open_socket(int family) override;
  int set_option(int fd, int level, int name, const void* value, std::size_t size) override;
  int send_messages(int fd, mmsghdr* messages, unsigned count) override;
  int ring_setup(unsigned entries, io_uring* ring, io_uring_params* params) override;
  int ring_enter(io_uring* ring, unsigned fd, unsigned to_submit, unsigned wait_for, unsigned flags,
                 const timespec* timeout) override;
  void ring_completions(std::span<Completion> batch) override;

 private:
  bool is_targeted(const msghdr& message) const;
  int take_answer();

  std::map<std::uint64_t, int> ring_answers_;  // by user_data
};

// A port of the kernel, and one that looks for traffic before it sleeps.
enum class Kind { uring, mmsg, polling_uring, polling_mmsg };

struct SmallPort {  // what a test may make smaller than usual
  std::uint32_t receive_slots = kReceiveSlots;
  std::uint32_t receive_payload = kReceivePayloadSize;
  std::uint32_t send_slots = kSendSlots;
  std::uint32_t completion_entries = kCompletionEntries;
  LogSink log;
};

std::unique_ptr<Port> make_port(Kind kind, KernelCalls& kernel, const SmallPort& small = {});

SocketOptions on_loopback(Family family = Family::ipv4);

// A train as it was received, with bytes of its own.
struct Received {
  std::string bytes;
  std::uint32_t segment_size;
  SocketId socket;
  Ecn ecn;
  Address remote;
  Address local;
};

struct SendOptions {
  std::uint32_t segment_size = 0;
  Ecn ecn = Ecn::not_ect;
  Address local;
};

void send(Port& port, SocketId socket, const Address& to, std::string_view bytes,
          const SendOptions& options = {});

// Bytes that tell where they belong.
std::string pattern(std::size_t size, unsigned seed = 0);

// Waits until the trains received sum up to `bytes`, or for half a minute; with `others`, those
// ports take their turns in between.
std::vector<Received> receive(Port& port, std::size_t bytes, std::vector<Port*> others = {});

// Turns that must bring nothing.
std::vector<Received> receive_for(Port& port, Duration time);

std::string joined(const std::vector<Received>& trains);

}  // namespace quicore::io::test
