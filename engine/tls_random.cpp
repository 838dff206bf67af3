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
#endif

}  // namespace

void install_tls_seed_callback() noexcept {
#ifdef WC_RNG_SEED_CB
  wc_SetSeed_Cb(seed);
#endif
}

bool TlsSeedScope::supported() noexcept {
#ifdef WC_RNG_SEED_CB
  return true;
#else
  return false;
#endif
}

TlsSeedScope::TlsSeedScope(io::Random* source) noexcept
    : previous_(std::exchange(seed_source, source)) {}

TlsSeedScope::~TlsSeedScope() { seed_source = previous_; }

}  // namespace quicore::engine
