// SPDX-License-Identifier: Apache-2.0
//
// Capsules (RFC 9297 3): typed messages inside the content of a request, for protocols over extended
// CONNECT. The DATAGRAM capsule carries what Stream::send_datagram would, reliably, where the path
// takes no QUIC datagrams.
//
//   co_await stream.writer().write(encode_capsule(kDatagramCapsule, payload));
//
//   CapsuleReader capsules;
//   co_await stream.reader().for_each([&](Bytes bytes) {
//     auto ok = capsules.feed(bytes, [](std::uint64_t type, Bytes value) { ... });
//   });
//
// Threading: value types. Cost: a capsule that lies in one chunk is handed out in place; one that
// does not is collected, at most `limit` bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "api/buffer.h"
#include "engine/limits.h"
#include "io/error.h"

namespace quicore {

inline constexpr std::uint64_t kDatagramCapsule = 0x00;  // RFC 9297 3.5

// Type, length and value, ready to be written. `type` and the size are below 2^62.
Buf encode_capsule(std::uint64_t type, Bytes value);

// Takes the bytes of one stream apart.
class CapsuleReader {
 public:
  // The value lives during the call. Types that are not known must be ignored (RFC 9297 3.2).
  using Function = std::function<void(std::uint64_t type, Bytes value)>;

  // `limit`: bytes of the largest value that is collected.
  explicit CapsuleReader(std::size_t limit = engine::limits::kMaxCapsuleSize) noexcept
      : limit_(limit) {}

  // Calls `function` for every capsule that is complete with these bytes. Fails with no_memory when
  // one is larger than the limit; the stream should be reset then, nothing more can be read.
  Result<> feed(Bytes bytes, const Function& function);
  // Whether the stream may end here; else the last capsule was cut short and the message is
  // malformed.
  bool at_boundary() const noexcept { return pending_.empty(); }

 private:
  std::size_t limit_;
  std::vector<std::byte> pending_;  // the beginning of a capsule
};

}  // namespace quicore
