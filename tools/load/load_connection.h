// SPDX-License-Identifier: Apache-2.0
//
// One connection under load and its slots: each slot has at most one request under way.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/session.h"
#include "api/stream.h"
#include "tools/common/sha256.h"
#include "tools/load/worker.h"

namespace quicore::tools {

class LoadConnection;

class RequestSlot {
 public:
  explicit RequestSlot(LoadConnection& connection) noexcept : connection_(connection) {}
  void next();  // closed loop: now; open loop: when one is due

 private:
  class Counter;

  void begin(Instant due);
  Result<Stream> open_stream();
  void watch_small(Stream& stream);
  void watch_bulk(Stream& stream);
  void finished();
  void failed(const Error& error);
  std::optional<std::string> check_answer();

  LoadConnection& connection_;
  Stream stream_;
  Instant due_;
  std::uint64_t number_ = 0;    // of the request: late news of an earlier one are ignored
  std::uint64_t received_ = 0;  // bytes of this answer
  bool busy_ = false;
  std::unique_ptr<Sha256Hasher> hash_;  // when bodies are checked by hash
};

class LoadConnection {
 public:
  explicit LoadConnection(Worker& worker) noexcept : worker_(worker) {}
  Result<> open();
  Completion<HandshakeInfo> handshake() const { return session_.handshake(); }
  void start();
  void stop();
  std::uint64_t lost_packets() const { return session_.stats().packets_lost; }

  Worker& worker() noexcept { return worker_; }
  Session& session() noexcept { return session_; }

 private:
  void start_datagrams();
  void send_datagram();
  void datagram_arrived(const DatagramEvent& event);

  Worker& worker_;
  Session session_;
  std::vector<std::unique_ptr<RequestSlot>> slots_;
  std::uint64_t next_datagram_ = 1;
};

// `count` bytes to upload, from one static buffer.
Body upload_body(std::uint64_t count);

}  // namespace quicore::tools
