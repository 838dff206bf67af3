// SPDX-License-Identifier: Apache-2.0
#include "io/sim/checkers.h"

#include <utility>

namespace quicore::sim {
namespace {

constexpr std::uint32_t kVersion2 = 0x6b3343cf;  // RFC 9369

enum class PacketType : std::uint8_t { initial, zero_rtt, handshake, retry };

// Reads an unprotected long header; every read past the end fails the whole.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  bool empty() const noexcept { return bytes_.empty(); }
  bool failed() const noexcept { return failed_; }
  std::uint64_t number(std::size_t size) noexcept {
    if (!has(size)) return 0;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i)
      value = value << 8 | std::to_integer<unsigned>(bytes_[i]);
    bytes_ = bytes_.subspan(size);
    return value;
  }
  // RFC 9000 16.
  std::uint64_t variable_length() noexcept {
    if (!has(1)) return 0;
    const std::size_t size = std::size_t{1} << (std::to_integer<unsigned>(bytes_[0]) >> 6);
    const std::uint64_t mask = (std::uint64_t{1} << (size * 8 - 2)) - 1;
    return number(size) & mask;
  }
  void skip(std::uint64_t size) noexcept {
    if (has(size)) bytes_ = bytes_.subspan(size);
  }

 private:
  bool has(std::uint64_t size) noexcept {
    failed_ = failed_ || bytes_.size() < size;
    return !failed_;
  }
  std::span<const std::byte> bytes_;
  bool failed_ = false;
};

PacketType type_of(std::uint64_t first_byte, std::uint32_t version) noexcept {
  const auto bits = static_cast<unsigned>(first_byte >> 4 & 3);
  // RFC 9369 3.2: version 2 counts the types from one further on.
  return static_cast<PacketType>(version == kVersion2 ? (bits + 3) % 4 : bits);
}

}  // namespace

bool may_validate_address(std::span<const std::byte> datagram) noexcept {
  Reader reader(datagram);
  while (!reader.empty()) {
    const std::uint64_t first_byte = reader.number(1);
    if ((first_byte & 0x80) == 0) return true;  // 1-RTT
    const auto version = static_cast<std::uint32_t>(reader.number(4));
    reader.skip(reader.number(1));  // destination connection ID
    reader.skip(reader.number(1));  // source connection ID
    const PacketType type = type_of(first_byte, version);
    if (reader.failed() || version == 0 || type == PacketType::retry) return false;
    if (type == PacketType::handshake) return true;
    if (type == PacketType::initial) {
      const std::uint64_t token = reader.variable_length();
      if (token > 0 && !reader.failed()) return true;
      reader.skip(token);
    }
    reader.skip(reader.variable_length());
    if (reader.failed()) return false;
  }
  return false;
}

AmplificationChecker::AmplificationChecker(std::string server, Validates validates)
    : server_(std::move(server)), validates_(std::move(validates)) {}

std::optional<std::string> AmplificationChecker::see(const Sight& sight) {
  if (sight.host != server_) return std::nullopt;
  const auto size = sight.datagram.payload.size();
  if (sight.what == What::received) {
    Peer& peer = peers_[sight.datagram.source];
    peer.received += size;
    peer.validated = peer.validated || validates_(sight.datagram.payload);
  }
  if (sight.what != What::sent) return std::nullopt;
  Peer& peer = peers_[sight.datagram.destination];
  peer.sent += size;
  if (peer.validated || peer.sent <= kFactor * peer.received) return std::nullopt;
  return "amplification: " + server_ + " sent " + std::to_string(peer.sent) + " bytes to " +
         sight.datagram.destination.to_string() + ", which sent " + std::to_string(peer.received) +
         " and is not validated (RFC 9000 8.1)";
}

}  // namespace quicore::sim
