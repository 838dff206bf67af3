// SPDX-License-Identifier: Apache-2.0
#include "tests/interop/relay/relay.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "io/check.h"

namespace quicore::test {

namespace {

constexpr std::uint64_t kPacket = 1500;  // what a place in the queue holds
constexpr int kMostInARow = 3;  // datagrams that `drop` takes: a handshake must have a chance
constexpr int kSocketBuffer = 4 << 20;  // the bottleneck is to be the link, not a socket
constexpr Duration kCrossTick = std::chrono::milliseconds(1);

Instant real_time() { return std::chrono::steady_clock::now(); }

bool number(std::string_view text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

Duration seconds(double value) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value));
}

bool two_times(std::string_view text, Duration& first, Duration& second) {
  const std::size_t comma = text.find(',');
  double a = 0;
  double b = 0;
  if (comma == text.npos || !number(text.substr(0, comma), a) || !number(text.substr(comma + 1), b))
    return false;
  first = seconds(a);
  second = seconds(b);
  return true;
}

// IPv4's TOS or IPv6's traffic class is wanted with every datagram.
int open_socket(const Address& local) {
  const bool ipv6 = local.family() == Family::ipv6;
  const int fd = ::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  QUICORE_CHECK(fd >= 0);
  const int on = 1;
  ::setsockopt(fd, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, ipv6 ? IPV6_RECVTCLASS : IP_RECVTOS, &on,
               sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kSocketBuffer, sizeof kSocketBuffer);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSocketBuffer, sizeof kSocketBuffer);
  QUICORE_CHECK(::bind(fd, static_cast<const sockaddr*>(local.data()), local.size()) == 0);
  return fd;
}

// One datagram with its sender and ECN bits; empty when there is none.
sim::DatagramPtr receive(int fd) {
  std::array<std::byte, 65536> bytes;
  std::array<char, 128> control{};
  sockaddr_storage from{};
  iovec part{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_name = &from;
  message.msg_namelen = sizeof from;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(fd, &message, 0);
  if (size < 0) return nullptr;
  auto datagram = std::make_unique<sim::Datagram>();
  datagram->source = Address::from_sockaddr(&from, message.msg_namelen);
  datagram->payload.assign(bytes.begin(), bytes.begin() + size);
  for (cmsghdr* field = CMSG_FIRSTHDR(&message); field != nullptr;
       field = CMSG_NXTHDR(&message, field)) {
    const bool tos = field->cmsg_level == IPPROTO_IP && field->cmsg_type == IP_TOS;
    const bool tclass = field->cmsg_level == IPPROTO_IPV6 && field->cmsg_type == IPV6_TCLASS;
    if (tos || tclass) datagram->ecn = static_cast<io::Ecn>(*CMSG_DATA(field) & 3);
  }
  return datagram;
}

void send(int fd, const sim::Datagram& datagram, const Address& to) {
  const bool ipv6 = to.family() == Family::ipv6;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec part{const_cast<std::byte*>(datagram.payload.data()), datagram.payload.size()};
  msghdr message{};
  message.msg_name = const_cast<void*>(to.data());
  message.msg_namelen = to.size();
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* field = CMSG_FIRSTHDR(&message);
  field->cmsg_level = ipv6 ? IPPROTO_IPV6 : IPPROTO_IP;
  field->cmsg_type = ipv6 ? IPV6_TCLASS : IP_TOS;
  field->cmsg_len = CMSG_LEN(sizeof(int));
  const int ecn = static_cast<int>(datagram.ecn);
  std::memcpy(CMSG_DATA(field), &ecn, sizeof ecn);
  (void)::sendmsg(fd, &message, 0);  // a socket that nobody has any more: lost, as on a wire
}

}  // namespace

bool take(std::string_view option, RelayOptions& options) {
  const std::size_t sign = option.find('=');
  if (sign == option.npos) return false;
  const std::string_view name = option.substr(0, sign);
  std::string_view value = option.substr(sign + 1);
  double plain = 0;
  if (name == "hole") return two_times(value, options.hole_from, options.hole_to);
  if (name == "lost") {
    const std::size_t comma = std::min(value.find(','), value.size() - 1);
    double to = 0;
    if (!number(value.substr(0, comma), plain) || !number(value.substr(comma + 1), to))
      return false;
    options.lost_from = static_cast<std::uint64_t>(plain);
    options.lost_to = static_cast<std::uint64_t>(to);
    return true;
  }
  if (name == "rebind") {
    constexpr std::string_view kAddress = ",addr";
    options.rebind_address = value.ends_with(kAddress);
    if (options.rebind_address) value.remove_suffix(kAddress.size());
    return two_times(value, options.rebind_first, options.rebind_every);
  }
  if (!number(value, plain) || plain < 0) return false;
  if (name == "drop")
    options.drop = plain;
  else if (name == "corrupt")
    options.corrupt = plain;
  else if (name == "rate")
    options.rate = plain;
  else if (name == "cross")
    options.cross = plain;
  else if (name == "queue")
    options.queue = static_cast<std::uint64_t>(plain);
  else if (name == "delay")
    options.delay = seconds(plain / 1000);
  else if (name == "seed")
    options.seed = static_cast<std::uint64_t>(plain);
  else
    return false;
  return true;
}

Relay::Relay(const RelayOptions& options)
    : options_(options),
      begun_(real_time()),
      trace_(timeline_, false),
      listening_(open_socket(options.listen)) {
  sim::Random one(options.seed);
  sim::Path there = path(options_.seed * 2 + 1);
  if (options_.lost_to > 0) {
    there.insert(there.begin(), sim::Drop{[this](const sim::Datagram&, std::uint64_t index) {
                   return index + 1 >= options_.lost_from && index < options_.lost_to;
                 }});
  }
  there_ = std::make_unique<sim::Lane>(
      "to the server", there, one.fork(), timeline_, trace_,
      [this](sim::DatagramPtr datagram) { to_server(std::move(datagram)); });
  back_ = std::make_unique<sim::Lane>(
      "to the client", path(options_.seed * 2 + 2), one.fork(), timeline_, trace_,
      [this](sim::DatagramPtr datagram) { to_client(std::move(datagram)); });
  if (options_.rebind_first > Duration::zero()) {
    timeline_.after(options_.rebind_first, [this] { rebind(); });
  }
  if (options_.cross > 0) timeline_.after(kCrossTick, [this] { send_cross_traffic(); });
}

Relay::~Relay() {
  for (auto& [name, client] : clients_) ::close(client.socket);
  ::close(listening_);
}

sim::Path Relay::path(std::uint64_t seed) const {
  sim::Path path;
  if (options_.hole_from != sim::kForever) {
    path.push_back(sim::BlackHole{options_.hole_from, options_.hole_to});
  }
  if (options_.drop > 0) {
    auto random = std::make_shared<sim::Random>(seed);
    auto row = std::make_shared<int>(0);
    path.push_back(sim::Drop{[random, row, drop = options_.drop](const sim::Datagram&, auto) {
      *row = random->chance(drop) && *row < kMostInARow ? *row + 1 : 0;
      return *row > 0;
    }});
  }
  if (options_.corrupt > 0) path.push_back(sim::Corrupt{.probability = options_.corrupt});
  if (options_.rate > 0) {
    path.push_back(
        sim::Bandwidth{.bits_per_second = static_cast<std::uint64_t>(options_.rate * 1e6),
                       .queue_bytes = options_.queue * kPacket});
  }
  if (options_.delay > Duration::zero()) path.push_back(sim::Delay{.delay = options_.delay});
  return path;
}

int Relay::open_towards_server() const {
  Address local = Address::loopback(options_.server.family(), 0);
  if (options_.rebind_address && rebindings_ > 0) {
    auto other = Address::parse("127.0.0." + std::to_string(2 + rebindings_ % 250), 0);
    QUICORE_CHECK(other.has_value());
    local = *other;
  }
  return open_socket(local);
}

Relay::Client& Relay::client_at(const Address& address) {
  const std::string name = address.to_string();
  auto found = clients_.find(name);
  if (found == clients_.end()) {
    found = clients_.emplace(name, Client{open_towards_server()}).first;
    addresses_[name] = address;
  }
  return found->second;
}

// The old mapping is gone: what still comes to it is lost.
void Relay::rebind() {
  ++rebindings_;
  for (auto& [name, client] : clients_) {
    const int before = std::exchange(client.socket, open_towards_server());
    ::close(before);
  }
  timeline_.after(options_.rebind_every, [this] { rebind(); });
}

// Competes for the bottleneck, and then goes nowhere.
void Relay::send_cross_traffic() {
  const double bytes = options_.cross * 1e6 / 8 * std::chrono::duration<double>(kCrossTick).count();
  for (cross_due_ += bytes; cross_due_ >= kPacket; cross_due_ -= kPacket) {
    auto datagram = std::make_unique<sim::Datagram>();
    datagram->number = ++number_;
    datagram->destination = Address::any(Family::ipv4, 9);  // nobody
    datagram->payload.resize(kPacket - sim::kIpv4Overhead);
    back_->send(std::move(datagram));
  }
  timeline_.after(kCrossTick, [this] { send_cross_traffic(); });
}

void Relay::catch_up() { timeline_.advance(sim::kBeginning + (real_time() - begun_)); }

void Relay::from_clients() {
  while (auto datagram = receive(listening_)) {
    catch_up();
    (void)client_at(datagram->source);
    datagram->number = ++number_;
    datagram->destination = options_.server;
    there_->send(std::move(datagram));
  }
}

// catch_up() may rebind: the socket is another one then.
void Relay::from_server(const std::string& name) {
  while (auto datagram = receive(clients_.at(name).socket)) {
    catch_up();
    datagram->number = ++number_;
    datagram->destination = addresses_.at(name);
    if (count_there_ == 1) sent_upon_the_first_ += datagram->payload.size();
    back_->send(std::move(datagram));
  }
}

void Relay::to_server(sim::DatagramPtr datagram) {
  if (count_there_++ == 0) {
    first_ = timeline_.elapsed();
    size_of_the_first_ = datagram->payload.size();
  }
  bytes_there_ += datagram->payload.size();
  ++ecn_there_[static_cast<int>(datagram->ecn)];
  send(client_at(datagram->source).socket, *datagram, options_.server);
}

void Relay::to_client(sim::DatagramPtr datagram) {
  if (datagram->destination.is_any()) return;
  bytes_back_ += datagram->payload.size();
  last_ = timeline_.elapsed();
  ++ecn_back_[static_cast<int>(datagram->ecn)];
  send(listening_, *datagram, datagram->destination);
}

void Relay::turn() {
  std::vector<pollfd> sockets{{listening_, POLLIN, 0}};
  std::vector<std::string> whose{""};
  for (const auto& [name, client] : clients_) {
    sockets.push_back({client.socket, POLLIN, 0});
    whose.push_back(name);
  }
  const Duration wait = timeline_.next() == kNever
                            ? std::chrono::milliseconds(100)
                            : std::min<Duration>(std::chrono::milliseconds(100),
                                                 timeline_.next() - timeline_.now() -
                                                     (real_time() - begun_ - timeline_.elapsed()));
  timespec time{.tv_sec = 0, .tv_nsec = std::max<std::int64_t>(0, wait.count())};
  (void)::ppoll(sockets.data(), sockets.size(), &time, nullptr);
  if ((sockets[0].revents & POLLIN) != 0) from_clients();
  for (std::size_t i = 1; i < sockets.size(); ++i) {
    if ((sockets[i].revents & (POLLIN | POLLERR)) != 0) from_server(whose[i]);
  }
  catch_up();
}

std::string Relay::tally(std::string_view direction,
                         const std::map<int, std::uint64_t>& ecn) const {
  std::string line = "ecn " + std::string(direction);
  constexpr std::array<const char*, 4> kNames = {"not_ect", "ect1", "ect0", "ce"};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const auto found = ecn.find(static_cast<int>(i));
    line +=
        std::string(" ") + kNames[i] + "=" + std::to_string(found == ecn.end() ? 0 : found->second);
  }
  return line + "\n";
}

std::string Relay::span() const {
  const double seconds = std::chrono::duration<double>(last_ - first_).count();
  return "delivered there=" + std::to_string(bytes_there_) +
         " back=" + std::to_string(bytes_back_) + " seconds=" + std::to_string(seconds) +
         " first=" + std::to_string(size_of_the_first_) +
         " upon_the_first=" + std::to_string(sent_upon_the_first_) + "\n";
}

std::string Relay::statistics() const {
  return span() + there_->statistics() + back_->statistics() + tally("there", ecn_there_) +
         tally("back", ecn_back_) + "rebindings " + std::to_string(rebindings_) + "\n";
}

}  // namespace quicore::test
