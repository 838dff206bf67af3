// SPDX-License-Identifier: Apache-2.0
#include "io/control_message.h"

#include <netinet/in.h>
#include <netinet/udp.h>

#include <cstring>
#include <utility>

#include "io/check.h"

namespace quicore::io {

namespace {

template <class T>
T load(const std::byte* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

Address address_of(const in_pktinfo& info, std::uint16_t port) noexcept {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr = info.ipi_addr;
  return Address::from_sockaddr(&address, sizeof(address));
}

Address address_of(const in6_pktinfo& info, std::uint16_t port) noexcept {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = info.ipi6_addr;
  // Only a link-local address needs its interface to mean anything.
  if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) address.sin6_scope_id = info.ipi6_ifindex;
  return Address::from_sockaddr(&address, sizeof(address));
}

Ecn ecn_of(unsigned traffic_class) noexcept { return static_cast<Ecn>(traffic_class & 3U); }

bool is_ipv4(const Address& address) noexcept {
  return address.unmapped().family() == Family::ipv4;
}

// Appends control messages to a buffer.
class ControlWriter {
 public:
  explicit ControlWriter(std::span<std::byte> buffer) noexcept : buffer_(buffer) {}

  template <class T>
  void add(int level, int type, const T& value) noexcept {
    QUICORE_DCHECK_THAT(used_ + CMSG_SPACE(sizeof(T)) <= buffer_.size());
    cmsghdr header{};
    header.cmsg_len = CMSG_LEN(sizeof(T));
    header.cmsg_level = level;
    header.cmsg_type = type;
    std::memcpy(buffer_.data() + used_, &header, sizeof(header));
    std::memcpy(buffer_.data() + used_ + CMSG_LEN(0), &value, sizeof(value));
    used_ += CMSG_SPACE(sizeof(T));
  }
  std::size_t used() const noexcept { return used_; }

 private:
  std::span<std::byte> buffer_;
  std::size_t used_ = 0;
};

void add_source(ControlWriter& writer, const Address& local) noexcept {
  if (local.family() == Family::ipv4) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, local.ip_bytes().data(), sizeof(info.ipi_spec_dst));
    writer.add(IPPROTO_IP, IP_PKTINFO, info);
  } else if (local.family() == Family::ipv6) {
    const auto address = load<sockaddr_in6>(static_cast<const std::byte*>(local.data()));
    in6_pktinfo info{};
    info.ipi6_addr = address.sin6_addr;
    info.ipi6_ifindex = address.sin6_scope_id;
    writer.add(IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

}  // namespace

void read_control(std::span<const std::byte> control, std::uint16_t local_port,
                  ReceivedTrain& train) noexcept {
  while (control.size() >= sizeof(cmsghdr)) {
    const auto header = load<cmsghdr>(control.data());
    if (header.cmsg_len < CMSG_LEN(0) || header.cmsg_len > control.size()) return;
    const std::byte* data = control.data() + CMSG_LEN(0);
    const std::size_t size = header.cmsg_len - CMSG_LEN(0);
    const auto is = [size, kind = std::pair(header.cmsg_level, header.cmsg_type)](
                        int level, int type, std::size_t at_least) {
      return kind == std::pair(level, type) && size >= at_least;
    };
    if (is(IPPROTO_UDP, UDP_GRO, sizeof(int))) {
      train.segment_size = static_cast<std::uint32_t>(load<int>(data));
    } else if (is(IPPROTO_IP, IP_TOS, 1)) {  // the kernel writes one byte here
      train.ecn = ecn_of(load<std::uint8_t>(data));
    } else if (is(IPPROTO_IPV6, IPV6_TCLASS, sizeof(int))) {
      train.ecn = ecn_of(static_cast<unsigned>(load<int>(data)));
    } else if (is(IPPROTO_IP, IP_PKTINFO, sizeof(in_pktinfo))) {
      // On an IPv6 socket IPV6_PKTINFO says the same in the socket's own form.
      if (train.local.empty()) train.local = address_of(load<in_pktinfo>(data), local_port);
    } else if (is(IPPROTO_IPV6, IPV6_PKTINFO, sizeof(in6_pktinfo))) {
      train.local = address_of(load<in6_pktinfo>(data), local_port);
    }
    const std::size_t space = CMSG_ALIGN(header.cmsg_len);
    control = control.subspan(space < control.size() ? space : control.size());
  }
}

SendMessage::SendMessage() noexcept {
  header_.msg_iov = &vector_;
  header_.msg_iovlen = 1;
}

void SendMessage::prepare(SendSlot& slot, std::span<std::byte> bytes,
                          std::uint32_t segment_size) noexcept {
  vector_.iov_base = bytes.data();
  vector_.iov_len = bytes.size();
  header_.msg_name = slot.remote.data();
  header_.msg_namelen = slot.remote.size();
  const bool ipv4 = is_ipv4(slot.remote);
  if (segment_size == segment_size_ && slot.ecn == ecn_ && ipv4 == ipv4_ && slot.local == local_) {
    return;
  }
  write_control(slot.local, ipv4, slot.ecn, segment_size);
}

void SendMessage::write_control(const Address& local, bool ipv4, Ecn ecn,
                                std::uint32_t segment_size) noexcept {
  local_ = local;
  segment_size_ = segment_size;
  ecn_ = ecn;
  ipv4_ = ipv4;
  ControlWriter writer(control_);
  if (segment_size != 0) {
    writer.add(IPPROTO_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(segment_size));
  }
  if (ecn != Ecn::not_ect) {
    const int value = static_cast<int>(ecn);
    if (ipv4) {
      writer.add(IPPROTO_IP, IP_TOS, value);
    } else {
      writer.add(IPPROTO_IPV6, IPV6_TCLASS, value);
    }
  }
  add_source(writer, local);
  header_.msg_control = writer.used() != 0 ? control_.data() : nullptr;
  header_.msg_controllen = writer.used();
}

}  // namespace quicore::io
