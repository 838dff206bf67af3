// SPDX-License-Identifier: Apache-2.0
//
// QlogReader: the diagnostic log of a session, for SessionConfig::qlog (the specification's
// `session.qlog`). qlog 0.3 as JSON-SEQ (RFC 7464); qvis and other viewers read it.
//
//   QlogReader log = session.qlog();
//   while (auto records = co_await log.next()) file << *records;
//
// Threading: the session's shard. Lifetime: independent of the session; the last records come after
// it has ended. Cost: about 300 bytes of text per packet while it is on, nothing when it is off.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "api/task.h"

namespace quicore {

namespace engine {
class Qlog;
}

// The qlog of one session, for one reader at a time (S24). A handle.
class QlogReader {
 public:
  QlogReader() = default;  // empty
  explicit QlogReader(std::shared_ptr<engine::Qlog> log) noexcept : log_(std::move(log)) {}
  // False when the session writes no qlog.
  explicit operator bool() const noexcept { return log_ != nullptr; }

  // Whole records, all that came since the last call; waits for some. Nothing after the last.
  // One reader at a time: a second one that waits takes the place of the first, which ends.
  Task<std::optional<std::string>> next() const;
  // The connection's original destination connection ID in hexadecimal: what its two ends have in
  // common, and what qlog files are named by.
  std::string original_dcid() const;
  // Records nobody fetched in time; the buffer holds limits::kQlogBuffer bytes.
  std::uint64_t dropped() const noexcept;

 private:
  std::shared_ptr<engine::Qlog> log_;
};

}  // namespace quicore
