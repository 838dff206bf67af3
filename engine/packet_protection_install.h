// SPDX-License-Identifier: Apache-2.0
//
// Inside packet protection: the callbacks by which ngtcp2 asks for keys (client_initial,
// recv_client_initial, recv_retry, version_negotiation, update_key). Users call
// install_packet_protection, which includes them.
#pragma once

#include <ngtcp2/ngtcp2.h>

namespace quicore::engine {

void install_key_callbacks(ngtcp2_callbacks& callbacks) noexcept;

}  // namespace quicore::engine
