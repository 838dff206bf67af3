// SPDX-License-Identifier: Apache-2.0
#include "io/sim/pcap.h"

#include <string_view>
#include <vector>

namespace quicore::sim {
namespace {

constexpr std::uint32_t kNanosecondMagic = 0xa1b23c4d;
constexpr std::uint32_t kLinkTypeRaw = 101;  // starts with the IP header, version 4 or 6
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kHopLimit = 64;

class Packet {
 public:
  void put8(std::uint32_t value) { bytes_.push_back(static_cast<std::uint8_t>(value)); }
  void put16(std::uint32_t value) {
    put8(value >> 8);
    put8(value & 0xff);
  }
  void put32(std::uint32_t value) {
    put16(value >> 16);
    put16(value & 0xffff);
  }
  void put(std::string_view bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
};

// Checksums stay zero; Wireshark does not verify them unless asked to.
void put_ipv4(Packet& packet, const Datagram& datagram) {
  packet.put8(0x45);
  packet.put8(static_cast<std::uint32_t>(datagram.ecn));
  packet.put16(datagram.wire_size());
  packet.put32(0x00004000);  // identification 0, don't fragment
  packet.put8(kHopLimit);
  packet.put8(kUdp);
  packet.put16(0);
  packet.put(datagram.source.ip_bytes());
  packet.put(datagram.destination.ip_bytes());
}

void put_ipv6(Packet& packet, const Datagram& datagram) {
  packet.put32(0x60000000 | static_cast<std::uint32_t>(datagram.ecn) << 20);
  packet.put16(datagram.wire_size() - 40);
  packet.put8(kUdp);
  packet.put8(kHopLimit);
  packet.put(datagram.source.ip_bytes());
  packet.put(datagram.destination.ip_bytes());
}

}  // namespace

PcapWriter::PcapWriter(const char* path) : file_(std::fopen(path, "wb")) {
  if (file_ == nullptr) {
    std::fprintf(stderr, "cannot write QUICORE_SIM_PCAP=%s\n", path);
    return;
  }
  const std::uint32_t header[] = {kNanosecondMagic, 0x00040002, 0, 0, 0x40000, kLinkTypeRaw};
  std::fwrite(header, sizeof header, 1, file_);
}

PcapWriter::~PcapWriter() {
  if (file_ != nullptr) std::fclose(file_);
}

void PcapWriter::write(Instant at, const Datagram& datagram) {
  if (file_ == nullptr) return;
  Packet packet;
  if (datagram.destination.family() == Family::ipv6) {
    put_ipv6(packet, datagram);
  } else {
    put_ipv4(packet, datagram);
  }
  packet.put16(datagram.source.port());
  packet.put16(datagram.destination.port());
  packet.put16(static_cast<std::uint32_t>(datagram.payload.size()) + 8);
  packet.put16(0);

  const auto headers = static_cast<std::uint32_t>(packet.bytes().size());
  const std::uint32_t size = headers + static_cast<std::uint32_t>(datagram.payload.size());
  const std::uint64_t nanoseconds = to_nanoseconds(at);
  const std::uint32_t record[] = {static_cast<std::uint32_t>(nanoseconds / 1'000'000'000),
                                  static_cast<std::uint32_t>(nanoseconds % 1'000'000'000), size,
                                  size};
  std::fwrite(record, sizeof record, 1, file_);
  std::fwrite(packet.bytes().data(), headers, 1, file_);
  std::fwrite(datagram.payload.data(), datagram.payload.size(), 1, file_);
}

}  // namespace quicore::sim
