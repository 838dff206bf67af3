// SPDX-License-Identifier: Apache-2.0
//
// ngtcp2's callbacks of a Connection. They record: no user code runs and nothing is written inside.
#pragma once

#include <ngtcp2/ngtcp2.h>

namespace quicore::engine {

// The same table for every connection; the connection is the user data.
const ngtcp2_callbacks& connection_callbacks() noexcept;

}  // namespace quicore::engine
