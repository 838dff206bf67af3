// SPDX-License-Identifier: Apache-2.0
//
// The qlog of one connection, between ngtcp2, which writes records while it works, and the session,
// which reads them when it has time. qlog 0.3, JSON-SEQ (RFC 7464): public viewers read it.
//
// Threading: the shard's thread. Lifetime: shared by the connection and its reader; the last records
// (CONNECTION_CLOSE among them) come after the session has ended, so it outlives both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "io/time.h"

namespace quicore::engine {

class Qlog {
 public:
  // Client: the destination connection ID it began with; server: the one it was first sent. What
  // qlog files are named by.
  void set_original_dcid(std::string hex) { original_dcid_ = std::move(hex); }
  const std::string& original_dcid() const noexcept { return original_dcid_; }

  // What times are relative to.
  void set_begun(Instant begun) noexcept { begun_ = begun; }
  Instant begun() const noexcept { return begun_; }

  // One whole record. Dropped and counted when nobody reads and limits::kQlogBuffer is full.
  void write(std::string_view record);
  void finish();
  // Begins again: the connection did, with another version.
  void clear() noexcept { records_.clear(); }

  bool empty() const noexcept { return records_.empty(); }
  bool finished() const noexcept { return finished_; }
  std::uint64_t dropped() const noexcept { return dropped_; }
  std::string take() { return std::exchange(records_, {}); }
  // Called once, at the next record or the end. It must only note the news: ngtcp2 is at work.
  void on_news(std::move_only_function<void()> news) { news_ = std::move(news); }

 private:
  void tell();

  std::string original_dcid_;
  Instant begun_;
  std::string records_;
  std::uint64_t dropped_ = 0;
  bool finished_ = false;
  std::move_only_function<void()> news_;
};

}  // namespace quicore::engine
