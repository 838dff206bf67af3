// SPDX-License-Identifier: Apache-2.0
#include "perf/micro/udp_path.h"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "io/error.h"

namespace quicore::perf {

namespace {

using io::UdpSocket;

// A batch of 32 trains as the kernel counts them: one sent from a huge page by reference counts as
// all of the page that is before its end.
constexpr int kReceiveBuffer = 24 << 20;

int own_namespace() { return ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC); }

bool run(const std::string& command) {
  return std::system((command + " 2>/dev/null").c_str()) == 0;
}

// A device joins what it receives, and has a queue of its own that can be polled, once GRO is on.
bool switch_gro_on(const char* device) {
  ethtool_value value{.cmd = ETHTOOL_SGRO, .data = 1};
  ifreq request{};
  std::strncpy(request.ifr_name, device, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&value);
  const int any = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool done = ioctl(any, SIOCETHTOOL, &request) == 0;
  ::close(any);
  return done;
}

struct Namespaces {
  int sender = -1;
  int receiver = -1;
  std::string refused;

  Namespaces() {
    // On a thread of its own, which ends in the last namespace that it made.
    std::thread([this] { make(); }).join();
  }
  void make() {
    if (unshare(CLONE_NEWNET) != 0) {
      refused = "network namespaces need root";
      return;
    }
    receiver = own_namespace();
    const std::string other =
        "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(receiver);
    if (unshare(CLONE_NEWNET) != 0) return;
    sender = own_namespace();
    const bool done =
        run("ip link add quicore-a type veth peer name quicore-b netns " + other) &&
        run("ip address add 10.99.0.1/24 dev quicore-a && ip link set quicore-a up") &&
        (run("ip link add quicore-c type dummy") || run("ip link add quicore-c type ifb")) &&
        run("ip address add 10.99.1.1/24 dev quicore-c && ip link set quicore-c up") &&
        switch_gro_on("quicore-a");
    setns(receiver, CLONE_NEWNET);
    if (!done || !run("ip address add 10.99.0.2/24 dev quicore-b && ip link set quicore-b up") ||
        !switch_gro_on("quicore-b")) {
      refused = "virtual devices need root and `ip`";
    }
  }
};

const Namespaces& namespaces() {
  static const Namespaces kNamespaces;
  return kNamespaces;
}

Address address(const char* ip, std::uint16_t port = 0) {
  return value_or_throw(Address::parse(ip, port));
}

// A socket belongs to the namespace that its maker was in.
UdpSocket socket_in(int network, const Address& bound) {
  std::optional<UdpSocket> made;
  std::thread([&] {
    if (network >= 0) setns(network, CLONE_NEWNET);
    io::SocketOptions options;
    options.bind_address = bound;
    options.receive_buffer = kReceiveBuffer;
    made = value_or_throw(UdpSocket::open(options, io::KernelCalls::system()));
  }).join();
  return std::move(*made);
}

}  // namespace

const char* name_of(Way way) {
  switch (way) {
    case Way::loopback:
      return "loopback";
    case Way::veth:
      return "veth";
    case Way::nowhere:
      return "nowhere";
  }
  return "";
}

UdpPath UdpPath::open(Way way) {
  UdpPath path;
  const Namespaces* networks = way == Way::loopback ? nullptr : &namespaces();
  if (networks != nullptr && !networks->refused.empty()) {
    path.refused = networks->refused;
    return path;
  }
  if (way == Way::nowhere) {
    path.sender = socket_in(networks->sender, address("10.99.1.1"));
    path.from = path.sender->local_address();
    path.to = address("10.99.1.2", 9);
    return path;
  }
  const bool veth = way == Way::veth;
  path.sender = socket_in(veth ? networks->sender : -1, address(veth ? "10.99.0.1" : "127.0.0.1"));
  path.receiver =
      socket_in(veth ? networks->receiver : -1, address(veth ? "10.99.0.2" : "127.0.0.1"));
  path.from = path.sender->local_address();
  path.to = path.receiver->local_address();
  if (value_or_throw(path.receiver->option(SOL_SOCKET, SO_RCVBUF)) < kReceiveBuffer) {
    path.refused = "the receive buffer is too small for a batch: raise net.core.rmem_max";
  }
  // The first datagram asks for the other's hardware address.
  const timeval timeout{.tv_sec = 1, .tv_usec = 0};
  setsockopt(path.receiver->fd(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  char byte = 0;
  ::sendto(path.sender->fd(), &byte, 1, 0, static_cast<const sockaddr*>(path.to.data()),
           path.to.size());
  if (::recv(path.receiver->fd(), &byte, 1, 0) != 1) path.refused = "nothing arrives on this way";
  return path;
}

void UdpPath::connect() {
  ::connect(sender->fd(), static_cast<const sockaddr*>(to.data()), to.size());
  if (receiver) ::connect(receiver->fd(), static_cast<const sockaddr*>(from.data()), from.size());
}

UdpPath::Received UdpPath::drain() const {
  Received received;
  if (!receiver) return received;
  constexpr unsigned kMessages = 64;
  for (;;) {
    std::array<mmsghdr, kMessages> messages{};
    const int count =
        recvmmsg(receiver->fd(), messages.data(), kMessages, MSG_DONTWAIT | MSG_TRUNC, nullptr);
    if (count <= 0) return received;
    received.messages += static_cast<unsigned>(count);
    for (int i = 0; i < count; ++i) received.bytes += messages[static_cast<unsigned>(i)].msg_len;
  }
}

unsigned UdpPath::receive_queue() const {
  return receiver
             ? static_cast<unsigned>(receiver->option(SOL_SOCKET, SO_INCOMING_NAPI_ID).value_or(0))
             : 0;
}

}  // namespace quicore::perf
