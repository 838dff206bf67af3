// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 of files and of bytes that arrive in pieces, as lowercase hexadecimal.
// Threading: an object belongs to one thread at a time. Cost: one pass, no allocation per update.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "io/error.h"

namespace quicore::tools {

class Sha256Hasher {
 public:
  Sha256Hasher();
  ~Sha256Hasher();
  Sha256Hasher(const Sha256Hasher&) = delete;
  Sha256Hasher& operator=(const Sha256Hasher&) = delete;

  void update(std::span<const std::byte> bytes);

  // The hash of everything since the last call, or since the creation. Starts anew.
  [[nodiscard]] std::string finish();

 private:
  struct State;  // the hash library's
  std::unique_ptr<State> state_;
};

// Errors: system, with the path, when the file cannot be opened or read.
Result<std::string> sha256_of_file(const std::filesystem::path& path);

}  // namespace quicore::tools
