// SPDX-License-Identifier: Apache-2.0
//
// Where the few lines go that io/ has to say to an operator: a fallback taken, and what to do about
// it. Called rarely, on whatever thread made the port; an empty sink drops them.
#pragma once

#include <functional>
#include <string_view>

namespace quicore::io {

using LogSink = std::function<void(std::string_view line)>;

}  // namespace quicore::io
