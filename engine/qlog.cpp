// SPDX-License-Identifier: Apache-2.0
#include "engine/qlog.h"

#include <utility>

#include "engine/limits.h"

namespace quicore::engine {

void Qlog::write(std::string_view record) {
  if (record.empty() || finished_) return;
  if (records_.size() + record.size() > limits::kQlogBuffer) {
    ++dropped_;
    return;
  }
  records_ += record;
  tell();
}

void Qlog::finish() {
  if (std::exchange(finished_, true)) return;
  tell();
}

void Qlog::tell() {
  if (auto news = std::exchange(news_, nullptr)) news();
}

}  // namespace quicore::engine
