// SPDX-License-Identifier: Apache-2.0
//
// Errors as a person at a terminal reads them.
#pragma once

#include <string>

#include "io/address.h"
#include "io/error.h"
#include "io/time.h"

namespace quicore::tools {

// The reason alone where it says everything; with its code where a peer or the protocol gave it.
[[nodiscard]] std::string sentence_of(const Error& error);

// Why there is no connection to `server`, and what to do about it. `timeout` is --connect-timeout.
[[nodiscard]] std::string why_not_connected(const Error& error, const Address& server,
                                            Duration timeout);

// The file `path` that `option` names cannot be written, for the reason that errno gave.
[[nodiscard]] Error cannot_write(const std::string& option, const std::string& path, int number);

}  // namespace quicore::tools
