// SPDX-License-Identifier: Apache-2.0
//
// StreamState: what is received, and who gets it.
#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>
#include <vector>

#include "api/internal/shard_state.h"
#include "api/internal/stream_state.h"
#include "io/block_pool.h"

namespace quicore::internal {

namespace {

constexpr const char* kTaken =
    "the stream's data goes to another consumer already: take only one of reader(), consume() and "
    "discard()";
constexpr const char* kSendOnly =
    "this unidirectional stream was opened here: only the peer reads from it";

}  // namespace

bool StreamState::take_consumer(Consumption consumption) noexcept {
  if (consumption_ != Consumption::none) return false;
  consumption_ = consumption;
  if (expects_continue_ && consumption != Consumption::discard) send_continue();
  return true;
}

// RFC 9110 10.1.1: the client holds its body back until somebody wants it. When the response has
// begun, that is answer enough.
void StreamState::send_continue() noexcept {
  expects_continue_ = false;
  if (engine_ == nullptr || receiving_ended_ || has_data()) return;
  static_cast<void>(
      engine_->send_headers(engine::FieldSection::informational, {{":status", "100"}}, false));
}

// --- datagrams ----------------------------------------------------------------------------------

Handlers<StreamDatagramEvent>& StreamState::on_datagram_handlers() {
  if (on_datagram_ == nullptr) on_datagram_ = std::make_unique<Handlers<StreamDatagramEvent>>();
  return *on_datagram_;
}

void StreamState::on_stream_datagram(Buf data, bool early) {
  if (on_datagram_ == nullptr || !announced_) return;
  const StreamPin keep(*this);
  try {
    on_datagram_->emit({std::move(data), early, handle()});
  } catch (...) {
    shard().report_exception("a datagram handler", std::current_exception());
    static_cast<void>(
        cancel(Error::make(Errc::cancelled, "the stream's datagram handler threw an exception")));
  }
}

// --- pulling ------------------------------------------------------------------------------------

bool StreamState::has_data() const noexcept {
  return !rest_.data.empty() || (engine_ != nullptr ? engine_->has_data() : !received_.empty());
}

bool StreamState::at_end() const noexcept { return fin_ && !has_data(); }

bool StreamState::may_read() const noexcept {
  return has_data() || receiving_ended_ || engine_ == nullptr || !can_receive();
}

std::optional<engine::ReceivedPiece> StreamState::take_piece() {
  if (!rest_.data.empty()) return std::exchange(rest_, {});
  if (engine_ != nullptr) return engine_->read();
  if (received_.empty()) return std::nullopt;
  return received_.take_front();
}

Result<std::optional<Chunk>> StreamState::read() {
  if (auto piece = take_piece()) {
    const std::uint64_t offset = std::exchange(read_offset_, read_offset_ + piece->data.size());
    return Chunk(std::move(piece->data), offset, piece->early, this);
  }
  if (!can_receive()) return failure(Errc::invalid_state, kSendOnly);
  if (fin_) return std::nullopt;
  if (receive_error_) return std::unexpected(*receive_error_);
  return failure(Errc::blocked, "nothing has arrived yet");
}

Result<std::size_t> StreamState::read_into(std::span<std::byte> into) {
  std::size_t count = 0;
  while (count < into.size()) {
    auto piece = take_piece();
    if (!piece) break;
    const std::size_t part = std::min(piece->data.size(), into.size() - count);
    std::memcpy(into.data() + count, piece->data.data(), part);
    count += part;
    if (part < piece->data.size()) {
      piece->data.remove_prefix(part);
      rest_ = std::move(*piece);
    }
  }
  read_offset_ += count;
  give_credit(count);
  if (count > 0 || into.empty()) return count;
  const auto end = read();
  if (!end) return std::unexpected(end.error());
  return std::size_t{0};
}

void StreamState::give_credit(std::size_t count) noexcept {
  if (engine_ != nullptr) engine_->give_credit(count);
}

void StreamState::stop_sending(std::uint64_t code) noexcept {
  if (engine_ != nullptr) engine_->stop_sending(code);
}

// --- pushing ------------------------------------------------------------------------------------

Result<> StreamState::consume(Stream::Consumer consumer) {
  if (!can_receive()) return failure(Errc::invalid_state, kSendOnly);
  if (!take_consumer(Consumption::function)) return failure(Errc::invalid_state, kTaken);
  function_ = std::move(consumer);
  if (has_data() || fin_) shard().push(feed_);  // not from here: the caller is not ready for it
  return {};
}

Result<> StreamState::consume(std::shared_ptr<StreamConsumer> consumer) {
  if (!can_receive()) return failure(Errc::invalid_state, kSendOnly);
  if (!take_consumer(Consumption::in_place)) return failure(Errc::invalid_state, kTaken);
  in_place_ = std::move(consumer);
  if (engine_ != nullptr) {
    engine_->set_sink(this);
  } else {
    while (auto piece = take_piece()) in_place_->on_bytes(piece->data.bytes(), false);
    if (fin_) in_place_->on_bytes({}, true);
    in_place_.reset();
  }
  return {};
}

void StreamState::on_bytes(Bytes bytes, bool fin) noexcept {
  if (in_place_) in_place_->on_bytes(bytes, fin);
}

Result<> StreamState::discard() {
  if (!can_receive()) return failure(Errc::invalid_state, kSendOnly);
  if (!take_consumer(Consumption::discard)) return failure(Errc::invalid_state, kTaken);
  if (engine_ != nullptr) engine_->discard();
  received_.clear();
  return {};
}

// Everything that is there, in one call.
void StreamState::feed_function() {
  if (!function_) return;
  const StreamPin keep(*this);
  std::vector<engine::ReceivedPiece, io::BlockAllocator<engine::ReceivedPiece>> pieces;
  std::vector<Bytes, io::BlockAllocator<Bytes>> views;
  std::size_t count = 0;
  while (auto piece = take_piece()) {
    count += piece->data.size();
    views.push_back(piece->data.bytes());
    pieces.push_back(std::move(*piece));
  }
  const bool done = at_end();
  if (views.empty() && !done) return;
  read_offset_ += count;
  Result<> taken;
  try {
    taken = function_(views, done);
  } catch (...) {
    shard().report_exception("a stream consumer", std::current_exception());
    taken = failure(Errc::cancelled, "the stream's consumer threw an exception");
  }
  give_credit(count);
  if (!taken) static_cast<void>(cancel(std::move(taken.error())));
  if (done || !taken) function_ = nullptr;
}

// --- the end ------------------------------------------------------------------------------------

void StreamState::on_stream_readable() {
  if (engine_->fin_received() && !engine_->reset_received()) {
    fin_ = true;
    end_receiving(std::nullopt);
  }
  if (consumption_ == Consumption::function) {
    feed_function();
  } else if (may_read()) {  // else a handler that ran before has read it all
    readers_.wake_all();
  }
}

void StreamState::end_receiving(std::optional<Error> error) {
  if (receiving_ended_) return;
  receiving_ended_ = true;
  receive_error_ = std::move(error);
  readers_.wake_all();
  if (trailers_.made()) {
    trailers_.set(shard(), receive_error_ ? Result<Headers>(std::unexpected(*receive_error_))
                                          : Result<Headers>(Headers()));
  }
  if (receive_error_ && headers_.made()) headers_.set(shard(), std::unexpected(*receive_error_));
}

}  // namespace quicore::internal
