// SPDX-License-Identifier: Apache-2.0
#include "tests/support/hostile_client.h"

#include <array>
#include <chrono>
#include <span>

#include "io/check.h"

namespace quicore::test {

void HostileClient::send(std::string_view bytes) {
  using namespace std::chrono_literals;
  std::int64_t id = -1;
  QUICORE_CHECK(ngtcp2_conn_open_bidi_stream(connection_.quic(), &id, nullptr) == 0);
  std::string_view rest = bytes;
  bool ended = false;
  while (!ended && connection_.state() == engine::ConnectionState::active) {
    std::array<std::uint8_t, 1200> packet;
    ngtcp2_path_storage path;
    ngtcp2_path_storage_zero(&path);
    ngtcp2_pkt_info info{};
    ngtcp2_vec piece{const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(rest.data())),
                     rest.size()};
    ngtcp2_ssize taken = -1;
    const ngtcp2_ssize size = ngtcp2_conn_writev_stream(
        connection_.quic(), &path.path, &info, packet.data(), packet.size(), &taken,
        NGTCP2_WRITE_STREAM_FLAG_FIN, id, &piece, 1, to_nanoseconds(world_.now()));
    if (size < 0 && size != NGTCP2_ERR_STREAM_DATA_BLOCKED) return;  // the server had enough
    if (taken >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(taken));
      ended = rest.empty();
    }
    if (size > 0) {
      world_.inject(client_.address(), server_.address(),
                    std::as_bytes(std::span(packet)).first(static_cast<std::size_t>(size)));
    }
    if (size <= 0) world_.run_for(10ms);
  }
}

namespace {

void append_varint(std::string& out, std::uint64_t value) {  // RFC 9000 16, four bytes
  QUICORE_CHECK(value < (1u << 30));
  for (int shift = 24; shift >= 0; shift -= 8) {
    const auto octet = static_cast<unsigned>((value >> shift) & 0xff);
    out += static_cast<char>(shift == 24 ? octet | 0x80 : octet);
  }
}

// RFC 7541 5.1: an integer with a prefix of that many bits, below the given upper bits.
void append_prefixed(std::string& out, unsigned upper_bits, unsigned prefix, std::size_t value) {
  const std::size_t limit = (std::size_t{1} << prefix) - 1;
  if (value < limit) {
    out += static_cast<char>(upper_bits | value);
    return;
  }
  out += static_cast<char>(upper_bits | limit);
  for (value -= limit; value >= 128; value /= 128) out += static_cast<char>(value % 128 + 128);
  out += static_cast<char>(value);
}

}  // namespace

std::string http3_frame(std::uint64_t type, std::string_view payload) {
  std::string frame;
  append_varint(frame, type);
  append_varint(frame, payload.size());
  return frame.append(payload);
}

std::string http3_headers_frame(const Headers& fields) {
  std::string section(2, '\0');  // needs nothing of the dynamic table
  for (const Field field : fields) {
    append_prefixed(section, 0x20, 3, field.name.size());
    section.append(field.name);
    append_prefixed(section, 0x00, 7, field.value.size());
    section.append(field.value);
  }
  constexpr std::uint64_t kHeaders = 0x01;
  return http3_frame(kHeaders, section);
}

}  // namespace quicore::test
