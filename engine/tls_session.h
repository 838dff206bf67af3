// SPDX-License-Identifier: Apache-2.0
//
// The TLS 1.3 side of one QUIC connection (RFC 9001 section 4): wolfSSL for the handshake, our own
// packet protection for the keys it yields.
//
// How a connection wires it:
//
//   ngtcp2_callbacks callbacks{};
//   install_packet_protection(callbacks);     // ten callbacks, engine/packet_protection.h
//   install_tls_callbacks(callbacks);         // recv_crypto_data
//   callbacks.rand = ...; callbacks.get_new_connection_id2 = ...;   // the connection's own, as are
//   callbacks.get_path_challenge_data2 = ...;                       // all that need random bytes
//   // Nothing is taken from ngtcp2_crypto_*_cb, and none of the helper's functions that work on
//   // a connection may be called: its TLS handle is our TlsSession. Those that work without one
//   // are fine: ngtcp2_crypto_write_retry, _generate_retry_token2, _verify_retry_token2,
//   // _generate_regular_token2, _generate_stateless_reset_token, _write_connection_close.
//
//   auto tls = TlsSession::create(context, {.server_name = "example.org", .now = now});
//   ngtcp2_conn_client_new(&connection, ..., &callbacks, ...);      // or _server_new
//   (*tls)->attach(connection);               // before the first packet is read or written
//
//   Client that resumes, between attach and the first write:
//     - Parameters::ticket holds what `session_ticket()` gave, with `early_data` true if wanted;
//     - if (*tls)->early_data_offered(): ngtcp2_conn_decode_and_set_0rtt_transport_params(...);
//       streams may then be opened at once. If the server declines, ngtcp2 calls its
//       `tls_early_data_rejected` callback (ours tells it) and the streams are gone.
//   In ngtcp2's `handshake_completed` callback: read alpn(), server_name() and the rest below.
//   In ngtcp2's `handshake_confirmed` callback (client), or after handshake_completed (server):
//     call release_handshake_memory() once back outside of ngtcp2, at the end of the turn.
//   When ngtcp2_conn_read_pkt fails with NGTCP2_ERR_CRYPTO: `ngtcp2_ccerr_set_tls_alert` with
//     ngtcp2_conn_get_tls_alert2, or handshake_error() for an Error with a sentence.
//   Destroy the ngtcp2_conn before the TlsSession.
//
// Compatible version negotiation (RFC 9368): the connection sets
// ngtcp2_settings.preferred_versions, available_versions and original_version (server) and the rest
// happens by itself: the server reads the client's version_information when the first Handshake key
// is installed, ngtcp2 then calls `version_negotiation`, which installs Initial keys of the chosen
// version, and all later keys are derived with that version's labels. The wire version of a
// client's first flight is the `client_chosen_version` given to ngtcp2_conn_client_new.
//
// Pauses (server): with TlsSettings::client_hello or ::ocsp the bytes of the ClientHello are held
// here, at most limits::kMaxClientHello, until the application has answered; wolfSSL has no way to
// stop on its own. After each call of advance (or ngtcp2_conn_read_pkt) look at pause(); when the
// application has answered, call client_hello_done or ocsp_done and then
// ngtcp2_conn_continue_handshake, which comes back to advance without bytes.
//
// Pauses for a signature (both sides), with TlsSettings::private_key_engine: wolfSSL calls for it in
// the middle of its CertificateVerify, is told that it would block, and asks again for the same when
// the handshake goes on (engine/tls_session_sign.cpp). Then pause() is `signature`; answer by
// signature_done and go on as above.
//
// What is refused here, before wolfSSL sees it: messages longer than limits::kMaxHandshakeMessage;
// messages that do not belong into the level, among them KeyUpdate (RFC 9001 6), EndOfEarlyData (8.3)
// and requests for a certificate after the handshake (4.4): connection error 0x10a,
// unexpected_message; a ClientHello with a session ID (8.4): PROTOCOL_VIOLATION; a server without
// transport parameters, or either side with those of the drafts: 0x16d, missing_extension (8.2);
// one parameter twice: TRANSPORT_PARAMETER_ERROR (RFC 9000 7.4). A peer without a common ALPN:
// 0x178, no_application_protocol (RFC 9001 8.1).
//
// Threading: the connection's shard. No user code runs inside; the key-log function is the engine's
// and must only record. Cost: see release_handshake_memory.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/certificate.h"
#include "engine/client_hello.h"
#include "engine/packet_protection.h"
#include "engine/tls_context.h"
#include "engine/tls_verification.h"
#include "io/error.h"
#include "io/time.h"

struct WOLFSSL;

namespace quicore::io {
class Random;
}

namespace quicore::engine {

// One line in NSS key-log format, without the newline.
using KeyLogFunction = void (*)(void* user, std::string_view line);

// What the handshake waits for; the first two on servers only.
enum class HandshakePause : std::uint8_t { none, client_hello, ocsp, signature };

// What a key that lives elsewhere is to sign.
struct SignatureInput {
  SignatureAlgorithm algorithm{};
  // The digest, whose hash is that of the algorithm; with Ed25519 the whole message.
  std::vector<std::uint8_t> bytes;
};

class TlsSession {
 public:
  struct Parameters {
    // Client: SNI, and the name the certificate is checked for. A literal IP address is not sent as
    // SNI (RFC 6066 3) but is checked.
    std::string_view server_name{};
    // Overrides TlsSettings::alpn when not empty.
    std::span<const std::string> alpn{};
    // Client: from session_ticket() of an earlier session. One that cannot be used (damaged, of
    // another server, from a session that checked less) is ignored: full handshake.
    std::span<const std::uint8_t> ticket{};
    bool early_data = false;          // client: send 0-RTT data if the ticket allows it
    KeyLogFunction keylog = nullptr;  // called only when TlsSettings::keylog
    void* keylog_user = nullptr;
    // Called with "received ClientHello, 310 bytes" only when TlsSettings::trace; same user.
    KeyLogFunction trace = nullptr;
    // Seeds the session's random generator; nullptr: the system does (engine/tls_random.h).
    io::Random* random = nullptr;
    Instant now{};  // server: ages the ticket keys and the replay filter
    // What the peer is told by engine/shared_trains_parameter.h; 0: nothing.
    std::uint32_t shared_trains = 0;
  };

  // Errors: invalid_argument (server_name, alpn), no_memory.
  static Result<std::unique_ptr<TlsSession>> create(std::shared_ptr<TlsContext> context,
                                                    const Parameters& parameters);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // Ties both together: sets the TLS handle of `connection` (this session, for tls_session_of) and
  // keeps the pointer for the callbacks.
  void attach(ngtcp2_conn* connection) noexcept;

  // Hands CRYPTO bytes to TLS and moves the handshake on; also with no bytes, to go on after a
  // pause or (client) to begin. 0, or an ngtcp2 error for a callback to return. The callbacks call
  // it; a connection does so only for bytes it has held back.
  int advance(ngtcp2_encryption_level level, std::span<const std::uint8_t> data) noexcept;

  // --- pauses ------------------------------------------------------------------------------------

  HandshakePause pause() const noexcept;
  // What the client says; only while pause() is not `none`.
  const ClientHelloMessage& client_hello() const noexcept;
  // Goes on, with `context` in place of the present one for everything unless it is null; or on to
  // the next pause. Errors: invalid_state when nothing waits for it; invalid_argument for a context
  // of a client; no_memory.
  Result<> client_hello_done(std::shared_ptr<TlsContext> context);
  // Goes on and sends `response` with the certificate; empty: none. Errors: invalid_state when
  // nothing waits for it.
  Result<> ocsp_done(std::vector<std::uint8_t> response);
  // Only while pause() is `signature`.
  const SignatureInput& signature_input() const noexcept { return signing_->input; }
  // Goes on with `signature`, or ends the handshake with the Error. Errors: invalid_state when
  // nothing waits for it.
  Result<> signature_done(Result<std::vector<std::uint8_t>> signature);

  // RFC 9001 8.2: hands ngtcp2's transport parameters to TLS, and the peer's to ngtcp2. Packet
  // protection calls both at the right moments. False when the handshake has to end.
  bool send_transport_params() noexcept;
  bool receive_transport_params() noexcept;

  // --- after the handshake (before, the answers are empty) --------------------------------------

  std::string_view alpn() const noexcept { return alpn_; }
  // Server: what was chosen, as soon as the ClientHello was read; before the handshake completes.
  std::string negotiated_alpn() const;
  // As given (client) or received (server).
  std::string_view server_name() const noexcept { return server_name_; }
  std::string_view cipher_name() const noexcept;  // "TLS_AES_128_GCM_SHA256"
  std::string_view cipher_version() const noexcept { return "TLSv1.3"; }
  std::string_view group_name() const noexcept { return group_; }  // "X25519", "P-256", ...
  bool resumed() const noexcept { return resumed_; }
  bool early_data_offered() const noexcept { return early_data_offered_; }  // client, at once
  bool early_data_accepted() const noexcept { return early_data_accepted_; }
  // What the peer said by engine/shared_trains_parameter.h; 0: nothing.
  std::uint32_t peer_shared_trains() const noexcept { return peer_shared_trains_; }

  // Those of the certificate that this side shows: of the context, or of its one for the server name.
  const TlsSettings& shown_settings() const noexcept { return shown_->settings(); }
  // What this side showed; empty when it has none.
  const Certificate& local_certificate() const noexcept { return shown_->certificate(); }
  const Certificate& local_issuer() const noexcept { return shown_->issuer(); }
  // The leaf, then what the peer sent with it. Empty when the session was resumed.
  std::span<const Certificate> peer_certificates() const noexcept { return peer_certificates_; }

  // Client: the OCSP response that came with the server's certificate, in DER; empty when none did.
  std::span<const std::uint8_t> ocsp_response() const noexcept { return ocsp_response_; }

  // With Verify::report or after a failure; `none` when all is well or nobody looked. A resumed
  // session answers as the one that got the ticket.
  CertificateProblem certificate_problem() const noexcept { return problem_; }

  // Client: NewSessionTicket messages so far, and the latest as bytes for Parameters::ticket; empty
  // when there is none. The bytes hold secrets.
  std::uint32_t tickets_received() const noexcept { return tickets_received_; }
  std::vector<std::uint8_t> session_ticket() const;

  // Why the handshake failed: kind `certificate` or `tls`, `code` the TLS alert, and a sentence.
  // `alert` is ngtcp2_conn_get_tls_alert2 of the connection (ours), or the low byte of a
  // CRYPTO_ERROR received from the peer with `from_peer`.
  Error handshake_error(std::uint8_t alert, bool from_peer = false) const;

  // Frees what only the handshake needed: on a server everything of wolfSSL's. Call once the
  // handshake is confirmed and not inside of a callback; the answers above stay.
  void release_handshake_memory() noexcept;

  WOLFSSL* native() const noexcept { return native_; }  // nullptr once released
  TlsContext& context() const noexcept { return *context_; }

 private:
  friend struct TlsSessionCallbacks;  // wolfSSL's callbacks, tls_session_callbacks.cpp
  friend struct TlsSignCallbacks;     // likewise, tls_session_sign.cpp

  explicit TlsSession(std::shared_ptr<TlsContext> context);

  Result<> configure(const Parameters& parameters);
  Result<> configure_server_name(std::string_view name);
  void import_ticket(std::span<const std::uint8_t> ticket, bool early_data);
  void hold_client_hello(const Parameters& parameters);
  int hold(std::span<const std::uint8_t> data) noexcept;
  void pause_for_ocsp();
  int release() noexcept;
  int sign(SignatureAlgorithm algorithm, std::span<const std::uint8_t> input,
           std::span<std::uint8_t> out, unsigned& size);
  void trace_messages(std::span<const std::uint8_t> sent) noexcept;
  void trace(std::string_view what, std::uint8_t type, std::size_t size) noexcept;
  bool check_messages(ngtcp2_encryption_level level, std::span<const std::uint8_t> data) noexcept;
  bool check_message(ngtcp2_encryption_level level, std::uint8_t type, std::size_t size) noexcept;
  bool check_body(std::span<const std::uint8_t> piece) noexcept;
  bool check_end_of_message() noexcept;
  int run_handshake() noexcept;
  int complete_handshake() noexcept;
  int run_post_handshake() noexcept;
  int failed(int result) noexcept;
  int fail(std::uint8_t alert) noexcept;
  void remember_results();

  std::shared_ptr<TlsContext> context_;
  TlsContext* shown_;  // whose certificate is used: context_ or one of its server names
  WOLFSSL* native_ = nullptr;
  ngtcp2_conn* connection_ = nullptr;
  KeyLogFunction keylog_ = nullptr;
  KeyLogFunction trace_ = nullptr;
  void* keylog_user_ = nullptr;
  struct Held {
    std::vector<std::uint8_t> bytes;
    ClientHelloMessage hello;
    HandshakePause pause = HandshakePause::none;
    Parameters parameters;  // to begin again with another context
    std::vector<std::string> alpn;
  };
  std::unique_ptr<Held> held_;  // server: the ClientHello, until the handshake may go on
  std::vector<std::uint8_t> ocsp_response_;  // server: to be sent; client: received
  struct Signing {
    SignatureInput input;
    std::optional<Result<std::vector<std::uint8_t>>> answer;
  };
  std::unique_ptr<Signing> signing_;

  std::string server_name_;
  std::string alpn_;
  std::string group_;
  std::optional<CipherSuite> suite_;
  std::vector<Certificate> peer_certificates_;
  CertificateProblem problem_ = CertificateProblem::none;
  int error_ = 0;  // wolfSSL's, of the failure

  // Where the stream of handshake messages of one level stands.
  struct MessageScanner {
    ngtcp2_encryption_level level{};
    std::array<std::uint8_t, 4> header{};
    std::uint8_t header_size = 0;
    std::uint32_t body_size = 0;
    std::uint32_t body_left = 0;
  } scanner_;
  std::vector<std::uint8_t> encrypted_extensions_;  // client: while they arrive
  std::uint32_t traced_body_left_ = 0;              // of a message sent in parts

  Instant created_{};
  std::array<std::uint8_t, TicketKeys::kTagSize> ticket_shown_{};  // server: of the ticket taken

  std::uint32_t tickets_received_ = 0;
  std::uint32_t shared_trains_ = 0;
  std::uint32_t peer_shared_trains_ = 0;
  bool completed_ = false;
  bool early_data_offered_ = false;
  bool early_data_accepted_ = false;
  bool resumed_ = false;
};

// Sets recv_crypto_data.
void install_tls_callbacks(ngtcp2_callbacks& callbacks) noexcept;

// The session of a connection that `attach` was called for.
TlsSession* tls_session_of(const ngtcp2_conn* connection) noexcept;

}  // namespace quicore::engine
