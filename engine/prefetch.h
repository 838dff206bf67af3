// SPDX-License-Identifier: Apache-2.0
//
// Fetches memory into the second-level cache before it is needed, without waiting for it
// (docs/decisions/0029). A null pointer, or one to nothing, does no harm.
//
// Cost: an instruction for each 64 bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quicore::engine {

inline void prefetch(const void* object, std::size_t size) noexcept {
  constexpr std::size_t kLine = 64;
  constexpr int kRead = 0;
  constexpr int kSecondLevel = 2;
  const char* begin = static_cast<const char*>(object);
  const char* end = begin + size;
  begin -= reinterpret_cast<std::uintptr_t>(begin) % kLine;
  for (const char* line = begin; line < end; line += kLine) {
    __builtin_prefetch(line, kRead, kSecondLevel);
  }
}

}  // namespace quicore::engine
