// SPDX-License-Identifier: Apache-2.0
//
// What sealing and opening one packet costs on one core of this machine, by the engine's own packet
// protection backend: AES-128-GCM, 20 bytes of associated data (a short header), a nonce of its own
// for each packet, packets of one message (up to 64 KiB) one after the other, so that keys are warm
// and the data is in the second-level cache, as in a transfer. Sealed in place and opened into
// another buffer, as the engine does.
//
// Threading: works on the calling thread for about the given time; pin it to measure one core.
#pragma once

#include <string>

#include "engine/packet_protection.h"
#include "io/error.h"
#include "io/time.h"

namespace quicore::perf {

struct AeadCost {
  std::string name;  // "AES-128-GCM, ipsec-mb"
  double seal_ns = 0;
  double open_ns = 0;
};

// Errors: not_supported when this build or CPU has no such backend.
Result<AeadCost> measure_aead(engine::AeadBackend backend, unsigned payload, unsigned packets,
                              Duration duration);

}  // namespace quicore::perf
