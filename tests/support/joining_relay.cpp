// SPDX-License-Identifier: Apache-2.0
#include "tests/support/joining_relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "io/check.h"

namespace quicore::test {

namespace {

constexpr std::size_t kMostJoined = 32;         // of UDP_MAX_SEGMENTS, 64
constexpr std::size_t kLargestTrain = 60'000;   // below the 64 KiB of an IP packet
constexpr std::size_t kConnectionIdLength = 8;  // of the IDs that quicore issues
constexpr int kLook = 5;                        // ms between looks at the flags
constexpr int kGather = 1;  // ms for more to come, so that there is something to join

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// Of a short header; long headers have no other use here than to differ.
std::string connection_of(const std::string& datagram) {
  return datagram.substr(1, std::min(kConnectionIdLength, datagram.size() - 1));
}

}  // namespace

JoiningRelay::JoiningRelay(std::uint16_t server_port) : server_port_(server_port) {
  client_side_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof(address);
  auto* name = reinterpret_cast<sockaddr*>(&address);
  QUICORE_CHECK(::bind(client_side_, name, size) == 0);
  QUICORE_CHECK(::getsockname(client_side_, name, &size) == 0);
  port_ = ntohs(address.sin_port);
  server_sides_.push_back(open_towards_server());
  thread_ = std::thread([this] { run(); });
}

JoiningRelay::~JoiningRelay() {
  stopping_ = true;
  thread_.join();
  ::close(client_side_);
  for (const int side : server_sides_) ::close(side);
}

int JoiningRelay::open_towards_server() const {
  const int side = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const sockaddr_in address = loopback(server_port_);
  QUICORE_CHECK(::connect(side, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  return side;
}

void JoiningRelay::run() {
  while (!stopping_) {
    if (rebind_wanted_.exchange(false)) {
      server_sides_.push_back(open_towards_server());
      rebound_ = true;
    }
    std::vector<pollfd> sides = {{client_side_, POLLIN, 0}};
    for (const int side : server_sides_) sides.push_back({side, POLLIN, 0});
    if (::poll(sides.data(), sides.size(), kLook) <= 0) continue;
    for (std::size_t i = 1; i < sides.size(); ++i) {
      if ((sides[i].revents & POLLIN) != 0) to_client(sides[i].fd);
    }
    if ((sides[0].revents & POLLIN) != 0) to_server();
  }
}

void JoiningRelay::to_client(int from) {
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t size = ::recv(from, buffer.data(), buffer.size(), 0);
    if (size < 0) return;
    ::sendto(client_side_, buffer.data(), static_cast<std::size_t>(size), 0,
             reinterpret_cast<const sockaddr*>(client_address_.data()),
             static_cast<socklen_t>(client_address_.size()));
  }
}

void JoiningRelay::to_server() {
  ::poll(nullptr, 0, kGather);
  std::vector<std::string> datagrams;
  std::array<char, 65536> buffer;
  for (;;) {
    sockaddr_storage from{};
    socklen_t length = sizeof(from);
    const ssize_t size = ::recvfrom(client_side_, buffer.data(), buffer.size(), 0,
                                    reinterpret_cast<sockaddr*>(&from), &length);
    if (size < 0) break;
    if (size == 0) continue;
    const auto* bytes = reinterpret_cast<const char*>(&from);
    client_address_.assign(bytes, bytes + length);
    datagrams.emplace_back(buffer.data(), static_cast<std::size_t>(size));
  }
  // Trains of one connection are taken apart: one datagram of each in turn. Within a connection the
  // order stays.
  std::vector<std::string> order;
  std::vector<std::pair<std::size_t, std::string>> turns;
  for (std::string& datagram : datagrams) {
    const std::string id = connection_of(datagram);
    const auto turn = static_cast<std::size_t>(std::count(order.begin(), order.end(), id));
    order.push_back(id);
    turns.emplace_back(turn, std::move(datagram));
  }
  std::stable_sort(turns.begin(), turns.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  // A train has datagrams of one size; only its last may be smaller.
  std::vector<std::string> train;
  std::size_t bytes = 0;
  for (auto& [turn, datagram] : turns) {
    const bool fits =
        train.empty() ||
        (datagram.size() <= train.front().size() && train.back().size() == train.front().size() &&
         train.size() < kMostJoined && bytes + datagram.size() <= kLargestTrain);
    if (!fits) {
      send_joined(train);
      train.clear();
      bytes = 0;
    }
    bytes += datagram.size();
    train.push_back(std::move(datagram));
  }
  if (!train.empty()) send_joined(train);
}

void JoiningRelay::send_joined(const std::vector<std::string>& datagrams) {
  std::set<std::string> connections;
  std::vector<iovec> parts;
  for (const std::string& datagram : datagrams) {
    connections.insert(connection_of(datagram));
    parts.push_back({const_cast<char*>(datagram.data()), datagram.size()});
  }
  const auto segment = static_cast<std::uint16_t>(datagrams.front().size());
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(segment))> control{};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  if (datagrams.size() > 1) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_UDP;
    header->cmsg_type = UDP_SEGMENT;
    header->cmsg_len = CMSG_LEN(sizeof(segment));
    std::memcpy(CMSG_DATA(header), &segment, sizeof(segment));
  }
  // What the kernel does not take is lost, as on a wire.
  if (::sendmsg(server_sides_.back(), &message, 0) > 0 && connections.size() > 1) ++mixed_trains_;
}

}  // namespace quicore::test
