// SPDX-License-Identifier: Apache-2.0
//
// A session ticket on disk, readable by its owner only: it holds secrets.
//
// Format: three lines of hexadecimal: ticket, transport parameters, address token (may be empty).
#pragma once

#include <optional>
#include <string>

#include "api/config.h"
#include "io/error.h"

namespace quicore::tools {

// Nothing when there is no such file yet. Fails when it cannot be read or is no session file.
Result<std::optional<Resume>> load_session_file(const std::string& path);
Result<> save_session_file(const std::string& path, const Resume& resume);

}  // namespace quicore::tools
