// SPDX-License-Identifier: Apache-2.0
//
// TLS secrets written to a file in NSS key-log format, as Wireshark reads them: --keylog FILE, or
// the environment variable SSLKEYLOGFILE that browsers and curl know too. The file is appended to
// and readable by its owner only: whoever has it reads the traffic.
//
// Threading: any; lines of several shards do not mix, because each is one write(2) to the end.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "api/session.h"
#include "tools/common/append_file.h"

namespace quicore::tools {

class KeyLog {
 public:
  // `option` is what --keylog said; the environment is asked when it is empty. Without either the
  // result is empty. Errors: system, when the file cannot be opened.
  static Result<std::optional<KeyLog>> open(const std::string& option);

  // Writes the session's secrets from now on; its configuration needs secure.keylog. The log must
  // outlive the session.
  void follow(const Session& session) const;

 private:
  explicit KeyLog(AppendFile file) noexcept : file_(std::move(file)) {}
  AppendFile file_;
};

}  // namespace quicore::tools
