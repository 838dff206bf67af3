// SPDX-License-Identifier: Apache-2.0
//
// One record of our own in a session's qlog, beside those of ngtcp2: what HTTP/3 and the engine do.
//
//   if (Qlog* log = connection.qlog().get()) {
//     QlogEvent(*log, now, "quicore:stream_refused").number("stream_id", 4).write();
//   }
//
// Names are of qlog's HTTP/3 and QUIC schemas (draft-ietf-quic-qlog-h3-events, -quic-events) where
// those have one, else in the private namespace `quicore:`. Values of fields that hold secrets
// (`sensitive` ones, cookies, credentials) are left out.
//
// Threading: the connection's shard. Cost: one string per record, and only where a qlog is written.
#pragma once

#include <nghttp3/nghttp3.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/headers.h"
#include "io/time.h"

namespace quicore::engine {

class Qlog;

class QlogEvent {
 public:
  // `name` and the keys are written as they are; values are escaped.
  QlogEvent(Qlog& log, Instant now, std::string_view name);

  QlogEvent& text(std::string_view key, std::string_view value);
  QlogEvent& number(std::string_view key, std::uint64_t value);
  // {"frame_type":type} and what is added until end().
  QlogEvent& frame(std::string_view type);
  QlogEvent& fields(const Headers& headers);
  QlogEvent& fields(std::span<const nghttp3_nv> lines);
  QlogEvent& end();
  void write();

 private:
  void key(std::string_view name);
  void quoted(std::string_view value);
  void field(std::string_view name, std::string_view value, bool sensitive);

  Qlog& log_;
  std::string record_;
};

}  // namespace quicore::engine
