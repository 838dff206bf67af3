// SPDX-License-Identifier: Apache-2.0
//
// Seeds the random generators of wolfSSL from the shard's: each session has one, and would
// otherwise open, read and close /dev/urandom. In the simulator this also makes handshakes repeat
// byte by byte.
//
// Needs a wolfSSL built with WC_RNG_SEED_CB; without it scopes do nothing and seeds are the
// system's. Threading: a scope belongs to its thread and nests.
#pragma once

namespace quicore::io {
class Random;
}

namespace quicore::engine {

class TlsSeedScope {
 public:
  // Generators made on this thread while the scope lives take their seed from `source`; nullptr:
  // from the system.
  explicit TlsSeedScope(io::Random* source) noexcept;
  ~TlsSeedScope();
  TlsSeedScope(const TlsSeedScope&) = delete;
  TlsSeedScope& operator=(const TlsSeedScope&) = delete;

  // Whether the TLS library was built for it.
  static bool supported() noexcept;

 private:
  io::Random* previous_;
};

// Once per process, after wolfSSL_Init, which sets the library's own source (TlsContext::create).
void install_tls_seed_callback() noexcept;

}  // namespace quicore::engine
