// SPDX-License-Identifier: Apache-2.0
//
// SessionState: what stands behind a Session; the engine connection's handler. Nulls its pointer
// when the connection ends, and keeps the last values.
//
// Threading: its shard's thread. Lifetime: by handles, by its streams, and by the engine until
// on_closed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/handlers.h"
#include "api/internal/endpoint_state.h"
#include "api/internal/once.h"
#include "api/internal/shard_state.h"
#include "api/session.h"
#include "engine/certificate.h"
#include "engine/connection.h"
#include "engine/ring_queue.h"

namespace quicore::internal {

class HandshakeGate;

// By the name of the group.
std::optional<EphemeralKeyInfo> ephemeral_key_of(std::string_view group);

class SessionState final : public Counted,
                           public engine::ListHook<SessionTag>,
                           public engine::ConnectionHandler,
                           private Handlers<StreamEvent>::Owner {
 public:
  SessionState(EndpointState& endpoint, engine::Connection& connection) noexcept;

  ShardState& shard() noexcept { return endpoint_->shard(); }
  EndpointState& endpoint() noexcept { return *endpoint_; }
  engine::Connection* connection() noexcept { return connection_; }
  Handlers<StreamEvent>& on_stream_handlers() noexcept { return on_stream_; }
  Handlers<DatagramEvent>& on_datagram_handlers() noexcept { return on_datagram_; }
  Handlers<DatagramStatusEvent>& on_status_handlers() noexcept { return on_status_; }
  Handlers<Session>& on_ticket_handlers() noexcept { return on_ticket_; }
  Handlers<Session>& on_path_handlers() noexcept { return on_path_; }
  Handlers<KeylogEvent>& on_keylog_handlers() noexcept { return on_keylog_; }
  Handlers<TlsTraceEvent>& on_tls_trace_handlers() noexcept { return on_tls_trace_; }

  // --- session_handshake.cpp ---
  Completion<ClientHello> client_hello();
  Completion<OcspRequest> ocsp_request();
  Completion<OcspResponse> ocsp_response();
  Result<> client_hello_done(std::shared_ptr<engine::TlsContext> context);
  Result<> ocsp_done(Bytes response);
  Result<> signature_done(Result<std::vector<std::uint8_t>> signature);

  Completion<HandshakeInfo> handshake();
  Completion<> confirmed();
  Completion<Http3Settings> http3_settings();
  Completion<> closed();
  Completion<> close();
  void cancel(const Error& reason);
  bool closing() const noexcept { return closing_; }
  // Why it ended; `closed` while or if it ended well.
  Error end_reason() const;

  Result<Stream> open(StreamOptions&& options);
  Result<std::uint64_t> send_datagram(Buf data);
  Result<> migrate(const Address& local, bool rebinding_only);

  // A stream the peer opened may be shown: at once, or with its headers for HTTP/3.
  void announce(StreamEvent event) noexcept;

  // --- accept_stream() and open_when_possible() ---
  bool may_accept() const noexcept { return !waiting_streams_.empty() || connection_ == nullptr; }
  Result<StreamEvent> take_stream();
  WaiterList& acceptors() noexcept { return acceptors_; }
  WaiterList& openers() noexcept { return openers_; }

  // --- facts: of the connection, or as they last were ---
  const HandshakeInfo* handshake_info() const noexcept;
  bool is_server() const noexcept { return is_server_; }
  std::string protocol() const;
  Address remote_address() const noexcept;
  Address local_address() const noexcept;
  QuicVersion version() const noexcept;
  bool early_data() const noexcept;
  std::optional<Resume> resume() const;
  Certificate local_certificate() const;
  Certificate peer_certificate() const;
  SessionStats stats() const;
  const std::shared_ptr<engine::Qlog>& qlog() const noexcept { return qlog_; }

  // The shard dies: forget the engine.
  void shard_ends() noexcept;

 private:
  void on_handshake_completed() override;
  void on_handshake_confirmed() override;
  void on_stream(engine::Stream& stream) override;
  void on_datagram(Buf data, bool early) override;
  void on_datagram_status(std::uint64_t id, engine::DatagramStatus status) override;
  void on_streams_available() override { openers_.wake_all(); }
  void on_session_ticket() override;
  void on_path_changed() override;
  void on_http3_settings(const Http3Settings& of_peer) override;
  void on_keylog(std::string_view line) override;
  void on_tls_trace(std::string_view line) override;
  void on_handshake_paused() override;
  void on_closed(const std::optional<Error>& error) override;
  void handler_added() override;

  void ask_key_engine(const engine::TlsSession& tls);
  void settle_handshake_events();
  void end_handshake_events();
  void keep_last_values();
  void end(const std::optional<Error>& error);
  void flush_streams() noexcept;
  // Calls user code; one that throws ends the session.
  template <class F>
  void guarded(const char* what, F&& function) noexcept;

  // Hands out streams that waited for a handler.
  class Flush final : public Waiter {
   public:
    explicit Flush(SessionState& session) noexcept;
    void run() override { session_.flush_streams(); }

   private:
    SessionState& session_;
  };

  // What remains of the connection once it is gone.
  struct LastValues {
    Address remote, local;
    QuicVersion version{};
    bool early_data = false;
    std::optional<Resume> resume;
    Certificate certificate, peer_certificate;
    SessionStats stats;
  };

  Ref<EndpointState> endpoint_;
  engine::Connection* connection_;  // nullptr: ended
  Ref<SessionState> self_;          // the engine's reference
  bool is_server_;
  bool closing_ = false;
  std::optional<Error> error_;  // of the end
  Handlers<StreamEvent> on_stream_;
  Handlers<DatagramEvent> on_datagram_;
  Handlers<DatagramStatusEvent> on_status_;
  Handlers<Session> on_ticket_;
  Handlers<Session> on_path_;
  Handlers<KeylogEvent> on_keylog_;
  Handlers<TlsTraceEvent> on_tls_trace_;
  std::shared_ptr<engine::Qlog> qlog_;
  Once<HandshakeInfo> handshake_;
  Once<void> confirmed_;
  Once<Http3Settings> http3_settings_;
  Once<ClientHello> client_hello_;
  Once<OcspRequest> ocsp_request_;
  Once<OcspResponse> ocsp_response_;
  std::shared_ptr<HandshakeGate> gate_;  // made with the first pause
  Once<void> closed_;
  WaiterList acceptors_;
  WaiterList openers_;
  engine::RingQueue<StreamEvent> waiting_streams_;
  Flush flush_;
  std::unique_ptr<LastValues> last_;
};

}  // namespace quicore::internal
