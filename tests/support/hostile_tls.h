// SPDX-License-Identifier: Apache-2.0
//
// One side of a TLS 1.3 handshake for QUIC, on wolfSSL without anything of the engine: no check of
// the certificate, any transport parameters, ALPN or none. For peers that break rules.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tls_settings.h"
#include "io/random.h"

struct WOLFSSL;
struct WOLFSSL_CTX;

namespace quicore::test {

// RFC 9001 2.1, table 1.
enum class Level : std::uint8_t { initial, early, handshake, application };
inline constexpr std::size_t kLevels = 4;

class HostileTls {
 public:
  struct Settings {
    Side side = Side::client;
    std::string alpn;              // empty: no such extension
    std::string transport_params;  // as they go out
    int codepoint = 0x39;          // of the extension: 0x39 or that of the drafts, 0xffa5
    std::string session;           // client: what session() of an earlier one gave
    std::string certificate, key;  // server: PEM
    io::Random* random = nullptr;  // must outlive it
    std::string server_name = "localhost";
  };

  std::function<void(Level, bool receive, std::string_view secret)> on_secret;
  std::function<void(Level, std::string_view bytes)> on_crypto;

  HostileTls() = default;
  ~HostileTls();
  HostileTls(const HostileTls&) = delete;
  HostileTls& operator=(const HostileTls&) = delete;

  void start(const Settings& settings);
  bool started() const noexcept { return native_ != nullptr; }
  // Bytes of CRYPTO frames, in order; empty: to begin.
  void advance(Level level, std::string_view bytes);
  bool completed() const noexcept { return completed_; }
  // Our own alert, when the handshake failed here.
  std::optional<std::uint8_t> alert() const noexcept { return alert_; }
  std::string_view peer_parameters() const;
  // Client: once a ticket arrived; empty before.
  std::string session() const;

 private:
  friend struct HostileTlsCallbacks;
  WOLFSSL_CTX* context_ = nullptr;
  WOLFSSL* native_ = nullptr;
  io::Random* random_ = nullptr;
  bool completed_ = false;
  std::optional<std::uint8_t> alert_;
};

}  // namespace quicore::test
