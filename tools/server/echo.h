// SPDX-License-Identifier: Apache-2.0
//
// What a stream receives as what it sends. Some clients (browsers) read nothing before they
// have sent everything: what they send is kept in memory until they take it back, up to
// kEchoBacklog bytes of all echoes of the shard; beyond, they may send only as fast as they read.
//
// Threading: the stream's shard.
#pragma once

#include <cstddef>

#include "api/body.h"
#include "api/stream.h"

namespace quicore::tools {

// Reason: an upload of 100 MB by a browser and another beside it; small beside a server's memory.
inline constexpr std::size_t kEchoBacklog = 256 << 20;

Body echo_of(const Stream& stream);

}  // namespace quicore::tools
