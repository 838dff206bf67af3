// SPDX-License-Identifier: Apache-2.0
//
// Packet protection (RFC 9001 section 5, RFC 9369 section 3.3): sealing and opening every packet of
// every encryption level, header protection, and the installation of keys.
//
// ngtcp2 leaves these to callbacks. All of them are ours, so every AEAD and header-protection
// context a connection ever holds was made here and no callback has to ask whose it is:
//
//   ngtcp2_callbacks callbacks{};
//   install_packet_protection(callbacks);   // client_initial, recv_client_initial, recv_retry,
//                                           // version_negotiation, encrypt, decrypt, hp_mask,
//                                           // update_key, delete_crypto_{aead,cipher}_ctx
//
// Traffic secrets arrive from the TLS stack: tls_session hands each one to
// `install_traffic_secret`. What ngtcp2's crypto helper does outside of a connection (Retry
// packets, tokens, stateless reset tokens, stateless CONNECTION_CLOSE) uses contexts of its own and
// is free to be used beside this.
//
// Backends: `ipsec_mb` (Intel's multi-buffer library, called packet by packet: x86-64 with AES-NI,
// and the fastest there is where the CPU has VAES and AVX-512), our own AES-GCMs `vaes` (CPUs with
// VAES but without AVX-512, docs/decisions/0022-aes-gcm-with-vaes.md) and `aesni` (those without
// VAES, docs/decisions/0031-aes-gcm-with-aes-ni.md), and `wolfcrypt` (everywhere). All are checked
// against RFC 9001 appendix A and against each other. A key keeps the backend it was made with.
//
// Cost: AES-128-GCM, 1452 bytes: about 100 ns a seal with ipsec_mb and AVX-512, 240 ns with
// wolfcrypt; without AVX-512 260 ns with vaes, 390 with ipsec_mb; without VAES 330 ns with aesni,
// 390 with ipsec_mb. One indirect call and no allocation per packet. One allocation (up to 1.1 KiB)
// per AEAD key, one (under 300 bytes) per header-protection key; both are wiped before they are
// freed. The limits on the use of a key (RFC 9001 6.6) are ngtcp2's to keep; it is told them here.
//
// Threading: select_aead_backend before the first connection of the process; the rest belongs to
// the connection's thread.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "io/error.h"

namespace quicore::engine {

enum class AeadBackend : std::uint8_t { automatic, ipsec_mb, vaes, aesni, wolfcrypt };

// Chooses the backend of keys made from now on, process-wide. `automatic`, the default, is vaes
// where the CPU has it and no AVX-512 (or this build no ipsec_mb), aesni on Intel's CPUs with AVX2
// but no VAES, otherwise ipsec_mb where it was built in and the CPU has AES-NI and PCLMULQDQ,
// otherwise wolfcrypt. Errors: not_supported when one is asked for that cannot be had; the reason
// says why.
Result<> select_aead_backend(AeadBackend backend);

// The backend in use: never `automatic`.
AeadBackend aead_backend() noexcept;
std::string_view to_string(AeadBackend backend) noexcept;

// The TLS 1.3 cipher suites that can protect packets. AES-CCM is not offered, so it is never
// negotiated.
enum class CipherSuite : std::uint8_t {
  aes_128_gcm_sha256,        // TLS_AES_128_GCM_SHA256, 0x1301
  aes_256_gcm_sha384,        // TLS_AES_256_GCM_SHA384, 0x1302
  chacha20_poly1305_sha256,  // TLS_CHACHA20_POLY1305_SHA256, 0x1303
};
inline constexpr std::size_t kCipherSuiteCount = 3;

// Sets the ten callbacks named above; leaves the others alone.
void install_packet_protection(ngtcp2_callbacks& callbacks) noexcept;

enum class KeyDirection : std::uint8_t { receive, send };

// Derives key, IV and header-protection key from a traffic secret of the 0-RTT, Handshake or 1-RTT
// level and gives them to the connection. Also moves the transport parameters at the moments that
// ngtcp2's helper does: a server reads the client's with the Handshake keys (compatible version
// negotiation, RFC 9368, is decided by them), a client reads the server's with the 1-RTT receive
// key. The connection has a TlsSession attached. Returns false when the handshake has to end; the
// TLS or ngtcp2 error is then set on the connection.
[[nodiscard]] bool install_traffic_secret(ngtcp2_conn* connection, ngtcp2_encryption_level level,
                                          KeyDirection direction, CipherSuite suite,
                                          std::span<const std::uint8_t> secret) noexcept;

}  // namespace quicore::engine
