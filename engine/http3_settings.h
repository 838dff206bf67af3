// SPDX-License-Identifier: Apache-2.0
//
// The settings of HTTP/3 (RFC 9114 7.2.4): what a session of ours announces and does, and, from
// Session::http3_settings(), what the peer announced.
//
// A value type.
#pragma once

#include <cstdint>

#include "engine/limits.h"

namespace quicore {

struct Http3Settings {
  // Largest field section we accept, decoded: names + values + 32 bytes a field (RFC 9114 4.2.2).
  // One that is larger is refused with H3_EXCESSIVE_LOAD. 1024 to 16 MiB; the peer's may be more.
  std::uint64_t max_field_section_size = engine::limits::kMaxFieldSectionSize;
  // Bytes of the dynamic table the peer may fill for us (RFC 9204 3.2.3); 0: none. To 1 MiB.
  std::uint64_t qpack_table_capacity = engine::limits::kQpackTableCapacity;
  // Ours, of what the peer allows; 0: fields are sent without a table. To 1 MiB. Not announced.
  std::uint64_t qpack_encoder_table_capacity = engine::limits::kQpackTableCapacity;
  // Requests that may wait for the peer's table to arrive (RFC 9204 2.1.2). To 65,536.
  std::uint64_t qpack_blocked_streams = engine::limits::kQpackBlockedStreams;
  // Extended CONNECT, requests with `:protocol` (RFC 9220). A server announces it; whoever turns it
  // on must look at `:protocol` and refuse those it does not know with status 501.
  bool extended_connect = false;
  // HTTP datagrams, Stream::send_datagram (RFC 9297). Both sides must have it, and
  // TransportParams::max_datagram_frame_size above 0. The session's own datagrams are then theirs.
  bool datagrams = false;
  // A stream of a reserved type, which every peer must ignore (RFC 9114 6.2.3): keeps the field
  // honest. Left out where the peer allows no more than the three streams HTTP/3 needs. Not
  // announced.
  bool grease = true;
};

}  // namespace quicore
