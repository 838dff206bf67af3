// SPDX-License-Identifier: Apache-2.0
//
// What a session needs of TLS 1.3: certificate and key, whom to trust, what to negotiate.
//
// A plain value: nothing is read or checked before a TlsContext is made of it. Then every problem
// is an Error that names the field and says what to do. Files are read once, at that moment. The
// same struct serves both sides; a field says so where it means something to one side only.
//
// Ready-made:
//   server:   {.certificate = {Pem::file("cert.pem")}, .key = {Pem::file("key.pem")}}
//   client:   {}                                      trusts the system's CAs
//   client of a development server:   {.ca = {Pem::file("development.pem")}}
//
// Secrets (`key`, `passphrase`, `ticket_keys`) are copied into the context; wipe your own copy.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/time.h"

namespace quicore {

namespace engine {
class ReplayFilter;
}

class KeyEngine;  // api/key_engine.h

enum class Side : std::uint8_t { client, server };

// PEM text, given directly or as the path of a file. One Pem may hold several blocks, such as a
// leaf certificate followed by its intermediates.
struct Pem {
  std::string text{};  // "-----BEGIN ..." when `path` is empty
  // Read when a context is made; at most 4 MiB.
  std::string path{};

  // The text of a file.
  static Pem file(std::string path) { return {{}, std::move(path)}; }
  // Text that is here already.
  static Pem bytes(std::string text) { return {std::move(text), {}}; }
  friend bool operator==(const Pem&, const Pem&) = default;
};

// What happens when the peer's certificate is not acceptable.
enum class Verify : std::uint8_t {
  strict,  // the handshake fails: Errc::certificate, with the code of the reason
  report,  // the handshake goes on and the session tells the reason (`validation_error`)
  none,    // nobody looks. Encrypted, but to whom is unknown: for tests only
};

// Of one ticket key: 16 bytes of name and 32 of key.
inline constexpr std::size_t kTicketKeySize = 48;

// A secret both sides have in place of certificates (RFC 8446 4.2.11, RFC 9257).
struct Psk {
  std::string identity{};           // sent in the clear; at most 128 bytes, none of them NUL
  std::vector<std::uint8_t> key{};  // up to 64 bytes; empty: there is none
};

// Server: asked for the key of the identity that a client shows; one without a key means that the
// identity is unknown. Client: asked with an empty identity for both; one without a key means that
// none is offered. It runs in the middle of the handshake, perhaps several times for one: it has to
// look up and return, without a call into the library. A server of several shards calls it on each
// of them, at once. One that throws counts as no key.
using PskFunction = std::function<Psk(std::string_view identity)>;

// Bits of TlsSettings::secure_options, with OpenSSL's values (SSL_OP_...).
namespace secure_option {
// As session_tickets = false.
inline constexpr std::uint64_t kNoTicket = 0x4000;
inline constexpr std::uint64_t kCipherServerPreference = 0x400000;  // servers always do
// QUIC never speaks these versions: they are off already.
inline constexpr std::uint64_t kNoOlderVersions = 0x02000000 | 0x04000000 | 0x10000000 | 0x08000000;
inline constexpr std::uint64_t kNoTls13 = 0x20000000;  // refused: QUIC needs TLS 1.3 (RFC 9001 4.2)
}  // namespace secure_option

// How a key signs in TLS 1.3 (RFC 8446 4.2.3); the numbers are those on the wire.
enum class SignatureAlgorithm : std::uint16_t {
  ecdsa_secp256r1_sha256 = 0x0403,
  ecdsa_secp384r1_sha384 = 0x0503,
  ecdsa_secp521r1_sha512 = 0x0603,
  rsa_pss_rsae_sha256 = 0x0804,
  rsa_pss_rsae_sha384 = 0x0805,
  rsa_pss_rsae_sha512 = 0x0806,
  ed25519 = 0x0807,
};

// Random ticket keys that several contexts draw alike; made by share_ticket_seed.
struct TicketSeed {
  // What the keys are drawn from.
  std::array<std::uint8_t, kTicketKeySize> secret{};
  // When the first period began.
  Instant drawn{};
  friend bool operator==(const TicketSeed&, const TicketSeed&) = default;
};

// See above. A value of some hundred bytes, and the keys; compared member by member.
struct TlsSettings {
  // --- who we are ------------------------------------------------------------------------------

  // The leaf first, then its intermediates, in one Pem or in several. Servers must have one;
  // clients only when the server asks. An expired one is used all the same and noted in
  // TlsContext::warnings(), because the peer may not look, and a server that refuses to start is
  // worse than one that logs.
  std::vector<Pem> certificate{};

  // The private key of the leaf: PKCS#8, SEC1 or PKCS#1; ECDSA (P-256, P-384, P-521), RSA or
  // Ed25519. P-256 signs about ten times as fast as RSA-2048. Exactly one. When it is empty, the
  // key may stand in `certificate`, in the same PEM.
  std::vector<Pem> key{};

  // Opens an encrypted key ("BEGIN ENCRYPTED PRIVATE KEY") and `pfx`.
  std::string passphrase{};

  // PKCS#12 in place of `certificate` and `key`: leaf, intermediates and key in one file, or its
  // (binary) bytes as `text`. Exactly one, protected by PBES2 with AES and a SHA-2 MAC, as
  // OpenSSL 3 and later make it; with 3DES or RC2 it cannot be opened.
  std::vector<Pem> pfx{};

  // In place of `key`: who signs with the key of `certificate`, which lives elsewhere
  // (api/key_engine.h). A handshake waits for the signature as long as its timeout allows. Both
  // sides.
  std::shared_ptr<const KeyEngine> private_key_engine{};
  // Which key, for an engine that has several: handed to it with every request.
  std::string private_key_identifier{};
  // An engine of OpenSSL, by name. Refused with not_supported (decision 0010): a client's key may
  // live elsewhere by `private_key_engine` like a server's.
  std::string client_certificate_engine{};

  // In place of certificates. A server with it needs no certificate; one that has both serves
  // either kind of client. Only the suites with SHA-256 go with it. Not used with 0-RTT.
  std::shared_ptr<const PskFunction> psk{};

  // --- whom we trust ---------------------------------------------------------------------------

  // Certificate authorities; a self-signed certificate may stand here itself. Empty: the system's
  // on the client, nobody on the server.
  std::vector<Pem> ca{};

  // Certificate revocation lists, of the CAs that sign the peer's certificate. When there is one,
  // every issuer of a peer's leaf must have one: a peer of which nothing is known is refused, too.
  std::vector<Pem> crl{};

  // Client: of the server's certificate. Server: of those it asks clients for (SC13).
  Verify verify = Verify::strict;

  // Client: the certificate must be made out to the host name of the session (RFC 6125; an IP
  // address must be in its subjectAltName as one). False checks the chain alone.
  bool verify_hostname = true;

  // Server: ask the client for a certificate. With Verify::strict a client without one is refused.
  bool request_peer_certificate = false;

  // OCSP stapling (RFC 6066 8, RFC 8446 4.4.2.1). Client: ask the server for the status of its
  // certificate; Session::ocsp_response() gives what came, and `revoked` counts as a problem of the
  // certificate. Server: a handshake with a client that asks waits for
  // OcspRequest::respond_with (api/handshake_pause.h).
  bool ocsp = false;

  // Server: each handshake waits for ClientHello::done (api/handshake_pause.h).
  bool client_hello = false;

  // --- what we negotiate -----------------------------------------------------------------------

  // Colon-separated, most wanted first; empty means the default. A name that is unknown is an error
  // that lists the known ones.
  //
  // Suites: TLS_AES_128_GCM_SHA256 (fastest: 15 GB/s a core with ipsec-mb), TLS_AES_256_GCM_SHA384,
  // TLS_CHACHA20_POLY1305_SHA256. That order is the default. AES-CCM is not offered.
  std::string ciphers{};

  // Key exchange: X25519, P-256, P-384, P-521, X25519MLKEM768, SecP256r1MLKEM768, ffdhe2048,
  // ffdhe3072. Default: "X25519:P-256:X25519MLKEM768". A client sends its key share for the first.
  // The post-quantum hybrids make a ClientHello of 1.2 kB, thus two datagrams, and about double the
  // CPU time of the key exchange: put X25519MLKEM768 first where traffic recorded today must stay
  // secret for decades.
  std::string groups{};

  // Custom Diffie-Hellman parameters: TLS 1.3 has none (RFC 8446 4.2.7), so anything is refused
  // with not_supported. Name ffdhe2048 or ffdhe3072 in `groups`.
  std::vector<Pem> dhparam{};

  // See secure_option above; other bits are refused with not_supported.
  std::uint64_t secure_options = 0;

  // Signature algorithms accepted, such as "ECDSA+SHA256:RSA-PSS+SHA256:ED25519". Default: those of
  // the TLS library.
  std::string signature_algorithms{};

  // Application protocols, each 1 to 255 bytes without commas (RFC 7301). QUIC demands that one is
  // agreed on (RFC 9001 8.1): the first of the client's list that the server has. A session may
  // override the list.
  std::vector<std::string> alpn{"h3"};

  // --- resumption ------------------------------------------------------------------------------

  // Server: send tickets. Client: keep them.
  bool session_tickets = true;

  // Server: keys that seal tickets, 48 bytes each (16 of name, 32 of AES-256-GCM key): the first
  // seals, all of them open. Give a fleet the same ones, so that a ticket is good on every machine;
  // rotate by TlsContext::set_ticket_keys with a new one in front. Empty: random ones, which change
  // every `ticket_key_rotation` and open for one more period.
  std::vector<std::uint8_t> ticket_keys{};

  // Used only while `ticket_keys` is empty. Old keys are destroyed: what was recorded before cannot
  // be opened with what is in memory now.
  std::chrono::seconds ticket_key_rotation{std::chrono::hours{12}};

  // Server: a ticket is good only where this is the same, whatever the keys. For several services
  // that share `ticket_keys` but must not resume each other's sessions.
  std::string session_id_context{};

  // How long a ticket is good for; at most seven days (RFC 8446 4.6.1).
  std::chrono::seconds session_timeout{std::chrono::hours{24}};

  // Server: accept 0-RTT data; client: send it when a ticket allows. Off because 0-RTT data can be
  // replayed by anybody who saw it (RFC 8446 8). A server takes each ticket once, but a fleet with
  // the same ticket keys would take it once on each machine: turn it on only when every request
  // that may arrive early is idempotent.
  bool early_data = false;

  // --- diagnosis -------------------------------------------------------------------------------

  // Hand out the secrets of each session in NSS key-log format, for Wireshark. Whoever reads the
  // log reads the traffic.
  bool keylog = false;

  // Tell each handshake message sent and received (Session::on_tls_trace): its type and size. No
  // secrets.
  bool trace = false;

  // --- set by the library ----------------------------------------------------------------------

  // Where random ticket keys are drawn from. `share_ticket_seed` sets it, so that the contexts of
  // several shards made from one settings value open each other's tickets.
  std::optional<TicketSeed> ticket_seed{};
  // Which tickets have been shown, for servers with early data: of this context alone unless
  // `share_ticket_seed` made it.
  std::shared_ptr<engine::ReplayFilter> replay_filter{};

  friend bool operator==(const TlsSettings&, const TlsSettings&) = default;
};

// For a server with several shards: sets `replay_filter`, and `ticket_seed` unless `ticket_keys` is
// set. `random` is 48 fresh random bytes, `now` the time from which the periods of
// `ticket_key_rotation` count. Call it once before the settings are copied to the shards; again, it
// does nothing.
void share_ticket_seed(TlsSettings& settings, std::span<const std::uint8_t, kTicketKeySize> random,
                       Instant now);

}  // namespace quicore
