// SPDX-License-Identifier: Apache-2.0
#include "io/steering.h"

#include <linux/filter.h>
#include <sys/socket.h>

#include <array>

#include "io/check.h"
#include "io/kernel_calls.h"

namespace quicore::io {

namespace {

constexpr std::size_t kShortHeaderOffset = 1;  // after the first byte
constexpr std::size_t kLongHeaderOffset = 6;   // first byte, version (4), length of the ID (1)
constexpr std::uint8_t kLongHeaderBit = 0x80;

std::uint32_t read_be32(const std::byte* at) noexcept {
  return std::to_integer<std::uint32_t>(at[0]) << 24 | std::to_integer<std::uint32_t>(at[1]) << 16 |
         std::to_integer<std::uint32_t>(at[2]) << 8 | std::to_integer<std::uint32_t>(at[3]);
}

void write_be32(std::byte* at, std::uint32_t value) noexcept {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<std::byte>(value >> (24 - 8 * i));
}

}  // namespace

std::uint32_t shard_of_connection_id(std::span<const std::byte> connection_id,
                                     std::uint32_t shard_count) noexcept {
  if (connection_id.size() < kSteeringBytes) return 0;
  return read_be32(connection_id.data()) % shard_count;
}

std::uint32_t steer(std::span<const std::byte> datagram, std::uint32_t shard_count) noexcept {
  if (datagram.empty()) return 0;
  const bool is_long = (std::to_integer<std::uint8_t>(datagram[0]) & kLongHeaderBit) != 0;
  const std::size_t offset = is_long ? kLongHeaderOffset : kShortHeaderOffset;
  if (datagram.size() < offset) return 0;
  return shard_of_connection_id(datagram.subspan(offset), shard_count);
}

void mark_connection_id(std::span<std::byte> connection_id, std::uint32_t shard,
                        std::uint32_t shard_count) noexcept {
  QUICORE_DCHECK_THAT(connection_id.size() >= kSteeringBytes && shard < shard_count);
  const std::uint32_t value = read_be32(connection_id.data());
  std::uint32_t marked = value - value % shard_count;
  if (marked > UINT32_MAX - shard) marked -= shard_count;  // the last, incomplete group
  write_be32(connection_id.data(), marked + shard);
}

bool attach_steering(int fd, std::uint32_t shard_count, KernelCalls& kernel) noexcept {
  // Loads beyond the end of a datagram end the program with 0: shard 0, as in steer().
  std::array<sock_filter, 7> program = {{
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kLongHeaderBit, 0, 2),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kLongHeaderOffset),
      BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kShortHeaderOffset),
      BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, shard_count),
      BPF_STMT(BPF_RET | BPF_A, 0),
  }};
  const sock_fprog filter = {program.size(), program.data()};
  return kernel.set_option(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &filter, sizeof(filter)) == 0;
}

}  // namespace quicore::io
