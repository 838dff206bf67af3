// SPDX-License-Identifier: Apache-2.0
#include "engine/tls_random.h"

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/random.h>

#include <cstddef>
#include <span>
#include <utility>

#include "io/random.h"

namespace quicore::engine {

namespace {

thread_local io::Random* seed_source = nullptr;

#ifdef WC_RNG_SEED_CB

int seed(OS_Seed* system, byte* output, word32 size) {
  if (seed_source == nullptr) return wc_GenerateSeed(system, output, size);
  seed_source->fill(std::as_writable_bytes(std::span(output, size)));
  return 0;
}

// At load time, before any thread can make a generator.
const bool has_callback = wc_SetSeed_Cb(seed) == 0;

#else

constexpr bool has_callback = false;

#endif

}  // namespace

TlsSeedScope::TlsSeedScope(io::Random* source) noexcept
    : previous_(std::exchange(seed_source, source)) {}

TlsSeedScope::~TlsSeedScope() { seed_source = previous_; }

bool TlsSeedScope::supported() noexcept { return has_callback; }

}  // namespace quicore::engine
