// SPDX-License-Identifier: Apache-2.0
//
// Session: one QUIC connection, client or server; both are used the same way.
//
//   auto session = endpoint.connect(address, {.hostname = "example.org"}).value();
//   co_await session.handshake();
//   auto stream = session.open({.body = "Hello World"});
//
// Handles are shard-local and cheap to copy. The library keeps a session while it is on the wire,
// so dropping the last handle ends nothing; close() or cancel() does. After the end every call
// answers with the last known values or fails with Errc::closed.
//
// Threading: the endpoint's shard. Handlers are set in the endpoint's on_session on a server, and
// right after connect() on a client: nothing is delivered in between.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/completion.h"
#include "api/config.h"
#include "api/handlers.h"
#include "api/handshake_pause.h"
#include "api/qlog.h"
#include "api/stats.h"
#include "api/stream.h"
#include "api/task.h"
#include "api/wait.h"
#include "io/address.h"

namespace quicore {

class Certificate;
class Endpoint;
class Shard;
class Session;

namespace internal {
class SessionState;
void ref_retain(SessionState* session) noexcept;
void ref_release(SessionState* session) noexcept;
}  // namespace internal

struct HandshakeInfo {
  // The protocol that both sides agreed on (S3).
  std::string alpn;
  // As asked for by the client (S26); empty when it named none.
  std::string server_name;
  std::string cipher;          // "TLS_AES_128_GCM_SHA256"
  std::string cipher_version;  // "TLSv1.3"
  std::string group;           // key exchange, "X25519"
  // By a ticket, so without certificates.
  bool resumed = false;
  bool early_data = false;  // server: 0-RTT data was received; client: it was accepted
  // What was wrong with the peer's certificate, where TlsSettings::verify only reports.
  std::optional<Error> validation_error;
};

// The key exchange of the handshake.
struct EphemeralKeyInfo {
  std::string type;        // "ECDH", "DH" or, for the post-quantum hybrids, "ECDH+ML-KEM"
  std::string name;        // "X25519"
  std::uint64_t size = 0;  // bits; of a hybrid those of its curve
};

// What became of a datagram, as far as acknowledgements tell.
enum class DatagramStatus : std::uint8_t { acknowledged, lost };

// co_await gives the next stream the peer opened, or why there will be none.
class [[nodiscard]] AcceptStream final : public internal::CoroutineWaiter {
 public:
  AcceptStream(internal::Ref<internal::SessionState> session, WaitOptions options) noexcept;
  bool await_ready() const noexcept;
  void await_suspend(std::coroutine_handle<> coroutine);
  Result<StreamEvent> await_resume();
  void give(StreamEvent event);  // called by the library

 private:
  internal::Ref<internal::SessionState> session_;
  WaitOptions options_;
  StreamEvent event_;
};

struct DatagramEvent;
struct KeylogEvent;
struct TlsTraceEvent;
// About one that send_datagram() gave a number.
struct DatagramStatusEvent {
  std::uint64_t id = 0;  // as send_datagram() gave it
  // Lost ones are not sent again; a late acknowledgement may still follow a loss.
  DatagramStatus status{};
};

// A QUIC connection, the same on both sides (EV20). A handle: copies are the same session.
class Session {
 public:
  Session() = default;  // empty
  explicit Session(internal::Ref<internal::SessionState> state) noexcept
      : state_(std::move(state)) {}
  // Whether it is a handle of one: false when made by default.
  explicit operator bool() const noexcept { return static_cast<bool>(state_); }
  // Handles of the same session.
  friend bool operator==(const Session&, const Session&) = default;

  // --- events ---
  // A stream the peer opened; for HTTP/3 once its headers arrived. Streams wait for accept_stream()
  // while nobody handles them here.
  Handlers<StreamEvent>& on_stream() const noexcept;
  // Datagrams of the peer (S1).
  Handlers<DatagramEvent>& on_datagram() const noexcept;
  // Told for datagrams that were sent by send_datagram().
  Handlers<DatagramStatusEvent>& on_datagram_status() const noexcept;
  // A line of TLS secrets in NSS key-log format, without the newline, for Wireshark. Only with
  // SessionConfig::secure.keylog; set it in on_session or right after connect(): lines do not wait.
  Handlers<KeylogEvent>& on_keylog() const noexcept;
  // Each handshake message sent and received, "received ClientHello, 310 bytes". Only with
  // SessionConfig::secure.trace; set it as early as on_keylog.
  Handlers<TlsTraceEvent>& on_tls_trace() const noexcept;
  // A ticket or address token arrived: session_ticket() has news.
  Handlers<Session>& on_session_ticket() const noexcept;
  // A new path was validated (RFC 9000 8.2): the peer migrated, or migrate() is done.
  // remote_address() and local_address() have the news.
  Handlers<Session>& on_path_changed() const noexcept;
  // The pull form of on_stream.
  AcceptStream accept_stream(WaitOptions options = {}) const noexcept {
    return AcceptStream(state_, std::move(options));
  }

  // --- life ---
  // What was negotiated (S19), or why it could not be: tls, certificate, timed_out.
  Completion<HandshakeInfo> handshake() const;
  // The handshake of a server waits, see api/handshake_pause.h. They fail with not_supported when
  // the handshake completed without.
  Completion<ClientHello> client_hello() const;
  // Server: see api/handshake_pause.h (S21, OC1). Fails with not_supported when nothing asks.
  Completion<OcspRequest> ocsp_request() const;
  // Client with SessionConfig::secure.ocsp: given when the handshake completed.
  Completion<OcspResponse> ocsp_response() const;
  // The handshake is done on both sides (HANDSHAKE_DONE, RFC 9001 4.1.2).
  Completion<> confirmed() const;
  // HTTP/3: what the peer's SETTINGS say (RFC 9114 7.2.4). Elsewhere: not_supported.
  Completion<Http3Settings> http3_settings() const;
  // Graceful: open streams end naturally, open() fails, streams of the peer are refused. The same
  // completion as closed().
  Completion<> close() const;
  // Fails when the connection was lost or closed with an error, or cancel() had a reason.
  Completion<> closed() const;
  bool closing() const noexcept;  // after close()
  // At once: CONNECTION_CLOSE, streams are interrupted. An error of kind `application` or
  // `transport` gives the peer its code and reason; without a reason the peer sees NO_ERROR.
  void cancel(const Error& reason = {}) const;

  // --- streams ---
  // Fails with stream_limit, closing, closed, or invalid_state before the handshake without 0-RTT.
  Result<Stream> open(StreamOptions options = {}) const;
  // Waits for the handshake and for the peer to allow another stream. `options` is given by name,
  // and taken from there when the stream opens (AwaitSafe, api/wait.h, says why).
  Task<Result<Stream>> open_when_possible(StreamOptions& options, WaitOptions wait = {}) const;
  // The same, with options as they are by default.
  Task<Result<Stream>> open_when_possible(WaitOptions wait = {}) const;
  // How many open() would give now.
  std::uint64_t streams_left(bool unidirectional = false) const noexcept;

  // --- datagrams (RFC 9221): unreliable, unordered, each in one packet ---
  // False when it cannot be queued: not negotiated, too large, queue full, closed.
  bool datagram(Bytes data) const;
  // The same, from characters.
  bool datagram(std::string_view text) const { return datagram(as_bytes(text)); }
  // No copy; the id is what on_datagram_status reports.
  Result<std::uint64_t> send_datagram(Buf data) const;
  std::size_t max_datagram_size() const noexcept;  // 0: none may be sent (yet)

  // --- facts ---
  // On which side of it this is.
  bool is_server() const noexcept;
  // Known when the first stream arrives, also in 0-RTT.
  std::string_view alpn() const noexcept;
  // The SNI (S26); empty until the handshake is complete.
  std::string_view server_name() const noexcept;
  // Of the path in use (S25); follows a peer that migrates.
  Address remote_address() const noexcept;
  // Of the path in use.
  Address local_address() const noexcept;
  // The version negotiated so far.
  QuicVersion version() const noexcept;
  // Whether 0-RTT data was sent and accepted (S17).
  bool early_data() const noexcept;
  // Empty until the handshake completed.
  std::optional<EphemeralKeyInfo> ephemeral_key_info() const;
  // With Verify::report. certificate_code (api/tls.h) gives its static code, "CERT_HAS_EXPIRED".
  std::optional<Error> validation_error() const;
  // The latest; goes to Endpoint::connect as it is. Clients only.
  std::optional<Resume> session_ticket() const;
  // Include engine/certificate.h. Empty when there is none.
  Certificate certificate() const;
  // The leaf that the peer showed (S23); empty when it showed none, or the session was resumed.
  Certificate peer_certificate() const;
  // A snapshot (S28); the last values after the end.
  SessionStats stats() const;
  QlogReader qlog() const;      // empty without SessionConfig::qlog
  Result<> update_key() const;  // RFC 9001 6
  // Client: goes on from another local address, after a validation of the new path (RFC 9000 9.2).
  // `local` may leave the port to the kernel (0); empty: another port of the present IP address.
  // Fails with invalid_state before confirmed() and when the server forbids it, blocked when the
  // server has given no connection ID to spare (one round trip after confirmed() it usually has),
  // system when the address cannot be bound. local_address() changes once the path is validated.
  Result<> migrate(const Address& local = {}) const;
  // The same without a word to the server, as behind a NAT that changed its mapping (RFC 9000 9.3):
  // to see that it copes.
  Result<> rebind(const Address& local = {}) const;
  // Which it belongs to.
  Endpoint endpoint() const;
  // Where its handlers run and its members may be called.
  Shard& shard() const noexcept;

 private:
  friend class Endpoint;
  internal::Ref<internal::SessionState> state_;
};

// A client began a session. Handlers may take a Session in its place.
struct SessionEvent {
  // As the specification calls it (EV5).
  static constexpr std::string_view name = "session";
  // The new one, on the server (EV6).
  Session session;

  operator Session() const { return session; }  // NOLINT(google-explicit-constructor)
};

// One secret of a session, with TlsSettings::keylog (S20).
struct KeylogEvent {
  // In NSS key-log format, without the newline. Whoever has it reads the traffic.
  std::string line;
  // Whose keys.
  Session session;
};

// One handshake message, with TlsSettings::trace (SC20).
struct TlsTraceEvent {
  // "received ClientHello, 310 bytes".
  std::string line;
  // Whose handshake.
  Session session;
};

// A datagram of the peer, once, as it came (EV1 to EV4).
struct DatagramEvent {
  // As the specification calls it (EV3).
  static constexpr std::string_view name = "datagram";
  // The bytes (EV1). Keeping a part keeps the whole.
  Buf datagram;
  bool early = false;  // arrived as 0-RTT data: may be a replay
  // Where it came in (EV4).
  Session session;
};

}  // namespace quicore
