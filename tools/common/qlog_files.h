// SPDX-License-Identifier: Apache-2.0
//
// qlog files, one per session: --qlog DIRECTORY, or the environment variable QLOGDIR that other
// implementations know too. A file is named ODCID_client.sqlog or ODCID_server.sqlog by the original
// destination connection ID, so that the two ends of a connection sort together.
//
// Threading: sessions of several shards may be followed; each is written on its own shard, by plain
// writes: a disk that is slow slows the shard, which is what a diagnosis may cost.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>

#include "api/session.h"

namespace quicore::tools {

class QlogFiles {
 public:
  // `option` is what --qlog said; the environment is asked when it is empty. Without either nothing
  // is written. Errors: system, when no file can be made there.
  static Result<QlogFiles> open(const std::string& option);

  bool wanted() const noexcept { return !directory_.empty(); }
  // Writes the session's qlog to its end; its configuration needs qlog = wanted().
  void follow(const Session& session) const;
  // Waits until every file is complete, once the sessions have ended.
  Task<> complete() const;

 private:
  std::filesystem::path directory_;
  std::shared_ptr<std::atomic<int>> open_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace quicore::tools
