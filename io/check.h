// SPDX-License-Identifier: Apache-2.0
//
// Invariants. CHECK always holds the program to its word; DCHECK does in debug, test and sanitizer
// builds (QUICORE_DCHECK=1). Both print the condition and the place and abort: a broken invariant
// in a shard is a bug of ours, never an answer to bad input.
#pragma once

namespace quicore {

[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace quicore

#define QUICORE_CHECK(condition)                     \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::quicore::check_failed(#condition, __FILE__, __LINE__))

#if defined(QUICORE_DCHECK) && QUICORE_DCHECK
#define QUICORE_DCHECK_THAT(condition) QUICORE_CHECK(condition)
#else
#define QUICORE_DCHECK_THAT(condition) static_cast<void>(sizeof(static_cast<bool>(condition)))
#endif
