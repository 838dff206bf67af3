// SPDX-License-Identifier: Apache-2.0
//
// StreamState: what stands behind Stream, Reader and Writer; the engine stream's handler.
//
//   handles  the user's: with the last one gone an open stream is aborted
//   pins     ours: the engine's stream, a body under way, chunks that were given out
//
// The object lives while there is either. Its pointer to the engine's stream is nulled when that
// closes; data not read yet moves here then.
//
// Receiving ends by FIN, by RESET_STREAM, or with the session; sending by FIN, by reset, by
// STOP_SENDING, or with the session. The first of them counts.
//
// Threading: its shard's thread. Cost: one pooled block per stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "api/internal/once.h"
#include "api/internal/session_state.h"
#include "api/stream.h"
#include "engine/rare.h"
#include "engine/ring_queue.h"
#include "engine/stream.h"

namespace quicore::internal {

// Who gets what is received.
enum class Consumption : std::uint8_t { none, reader, function, in_place, discard };

class StreamState final : public engine::StreamHandler,
                          public engine::ListHook<StreamTag>,
                          private engine::ReceiveSink,
                          public io::InBlocks {
 public:
  StreamState(SessionState& session, engine::Stream& stream);
  StreamState(const StreamState&) = delete;
  StreamState& operator=(const StreamState&) = delete;

  // --- lifetime ---
  void retain_handle() noexcept { ++handles_; }
  void release_handle() noexcept;
  void pin() noexcept { ++pins_; }
  void unpin() noexcept;
  // The shard dies: forget the engine.
  void shard_ends() noexcept;

  // --- facts ---
  ShardState& shard() noexcept { return session_->shard(); }
  SessionState& session() noexcept { return *session_; }
  std::uint64_t id() const noexcept { return id_; }
  bool unidirectional() const noexcept { return (id_ & 2) != 0; }
  bool server_initiated() const noexcept { return (id_ & 1) != 0; }
  bool peer_initiated() const noexcept { return peer_initiated_; }
  bool can_send() const noexcept { return !unidirectional() || !peer_initiated_; }
  bool can_receive() const noexcept { return !unidirectional() || peer_initiated_; }
  bool is_http3() const noexcept { return http3_; }
  bool locked() const noexcept { return consumption_ != Consumption::none; }
  StreamStats stats() const;

  Completion<> closed();
  Completion<bool> blocked();
  Completion<Headers> headers();
  Completion<Headers> trailers();
  Completion<Headers> info();
  Completion<> cancel(Error reason);

  // --- receiving (stream_receive.cpp) ---
  // False when a consumer was taken before.
  bool take_consumer(Consumption consumption) noexcept;
  Result<> consume(Stream::Consumer consumer);
  Result<> consume(std::shared_ptr<StreamConsumer> consumer);
  Result<> discard();
  bool may_read() const noexcept;  // data, the end or an error is there
  // The next chunk; nullopt at the end; Errc::blocked when none is there.
  Result<std::optional<Chunk>> read();
  Result<std::size_t> read_into(std::span<std::byte> into);
  void give_credit(std::size_t count) noexcept;
  void stop_sending(std::uint64_t code) noexcept;
  WaiterList& readers() noexcept { return readers_; }

  // --- sending (stream_send.cpp, stream_message.cpp) ---
  // What a Body, open() or respond() sends. Where all of it is at hand it is sent from where it is.
  struct Parts {
    LaterHeaders* headers;  // nullptr: none are sent
    Body& body;
    LaterHeaders& trailers;
    bool ends_without_body;  // no body: FIN; else the writer goes on
  };
  // The same, taken along by a coroutine.
  struct Message {
    explicit Message(const Parts& parts);
    std::optional<LaterHeaders> headers;
    Body body;
    LaterHeaders trailers;
    bool ends_without_body;
  };
  Result<> send(const Parts& parts);
  Result<> respond(ResponseOptions&& options);
  Result<> send_headers(engine::FieldSection section, const Headers& fields, bool fin);
  Result<> check_writer() const;  // whether a Writer may be used
  Result<> write(Buf buf);
  Result<std::size_t> try_write(std::span<const Buf> bufs);
  Result<> finish();
  void reset(std::uint64_t code) noexcept;
  std::uint64_t room() const noexcept;
  bool has_room() const noexcept { return room() > 0; }
  bool all_acknowledged() const noexcept;
  std::uint64_t queued() const noexcept;
  bool sending_ended() const noexcept {
    return engine_ == nullptr || static_cast<bool>(send_error_);
  }
  Error send_error() const;
  bool sent_everything() const noexcept { return finished_ && engine_ == nullptr && !send_error_; }
  std::uint64_t stop_code() const noexcept { return abort_code(); }
  void set_budget(std::size_t bytes) noexcept { budget_ = {.bytes = bytes == 0 ? 1 : bytes}; }
  void set_priority(std::uint8_t urgency, bool incremental) noexcept;
  Result<std::uint64_t> send_datagram(Buf data);
  std::size_t max_datagram_size() const noexcept;
  Handlers<StreamDatagramEvent>& on_datagram_handlers();
  // For the awaitables: asks the engine for the event that wakes the list.
  WaiterList& wait_for_room() noexcept;
  WaiterList& wait_for_acknowledgement() noexcept;

  // A body under way keeps the stream.
  void message_begins() noexcept;
  void message_ends() noexcept;
  void message_failed(const Error& error) noexcept;
  bool message_under_way() const noexcept { return message_under_way_; }

  // The user learns of the stream.
  StreamEvent event();
  Stream handle();

 private:
  ~StreamState() override = default;

  void on_stream_headers(engine::FieldSection section, Headers fields) override;
  void on_stream_readable() override;
  void on_stream_blocked() override;
  void on_stream_datagram(Buf data, bool early) override;
  void on_stream_writable() override { writers_.wake_all(); }
  void on_stream_flushed() override { flushers_.wake_all(); }
  void on_stream_stopped(std::uint64_t code) override;
  void on_stream_reset(std::uint64_t code) override;
  void on_stream_closed(const std::optional<Error>& error) override;
  void on_bytes(Bytes bytes, bool fin) noexcept override;

  void announce_once();
  void abort_if_abandoned() noexcept;
  void end_receiving(std::optional<Error> error);
  void end_sending(const Error& error);
  static Error closed_error();
  void settle_headers();
  Error close_reason(const Error& reported) const;
  bool at_end() const noexcept;
  bool has_data() const noexcept;
  std::optional<engine::ReceivedPiece> take_piece();
  void feed_function();
  void send_continue() noexcept;
  std::uint64_t abort_code() const noexcept;
  std::uint64_t no_error_code() const noexcept;
  Result<> send_now(const Parts& parts);

  // Feeds a consumer function what was there before it.
  class Feed final : public Waiter {
   public:
    explicit Feed(StreamState& stream) noexcept;
    void run() override { stream_.feed_function(); }

   private:
    StreamState& stream_;
  };

  std::uint32_t handles_ = 0;
  std::uint32_t pins_ = 1;  // the engine's
  Ref<SessionState> session_;
  engine::Stream* engine_;  // nullptr: closed
  std::uint64_t id_;
  bool peer_initiated_;
  bool http3_;
  bool announced_ = false;  // the user knows of it
  bool closed_reported_ = false;
  bool cancelled_ = false;
  bool expects_continue_ = false;  // server: the request waits for 100 (Continue)
  bool message_taken_ = false;     // open(), respond() or send() gave a body: no writer
  bool message_under_way_ = false;
  bool finished_ = false;  // FIN was queued
  bool receiving_ended_ = false;
  bool fin_ = false;  // ... by FIN
  Consumption consumption_ = Consumption::none;
  engine::SendBudget budget_{.bytes = engine::limits::kDefaultSendBudget, .grows = true};
  std::uint64_t read_offset_ = 0;
  engine::Rare<Error> receive_error_;
  engine::Rare<Error> send_error_;
  engine::Rare<Error> close_error_;
  engine::Rare<Error> message_error_;                  // why the body failed
  engine::RingQueue<engine::ReceivedPiece> received_;  // once the engine's stream is gone
  engine::ReceivedPiece rest_;                         // of a piece that read_into() took in part
  Stream::Consumer function_;
  std::shared_ptr<StreamConsumer> in_place_;
  WaiterList readers_, writers_, flushers_;
  Once<void> closed_;
  Once<bool> blocked_;
  Once<Headers> headers_, trailers_, info_;
  engine::RingQueue<Headers> infos_;                            // that nobody asked for yet
  std::unique_ptr<Handlers<StreamDatagramEvent>> on_datagram_;  // made with the first use
  Feed feed_;
  StreamStats last_stats_;
};

// Keeps a stream without being a handle of the user's.
class StreamPin {
 public:
  explicit StreamPin(StreamState& stream) noexcept : stream_(&stream) { stream.pin(); }
  StreamPin(StreamPin&& other) noexcept : stream_(std::exchange(other.stream_, nullptr)) {}
  StreamPin& operator=(StreamPin&&) = delete;
  ~StreamPin() {
    if (stream_ != nullptr) stream_->unpin();
  }
  StreamState* operator->() const noexcept { return stream_; }
  StreamState& operator*() const noexcept { return *stream_; }

 private:
  StreamState* stream_;
};

// Sends what is not at hand at once: later headers, generators, files (stream_message.cpp).
Task<> send_message(StreamPin stream, StreamState::Message message);

}  // namespace quicore::internal
