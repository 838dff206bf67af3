// SPDX-License-Identifier: Apache-2.0
#include "api/qlog.h"

#include <utility>

#include "api/completion.h"
#include "engine/qlog.h"

namespace quicore {

Task<std::optional<std::string>> QlogReader::next() const {
  const std::shared_ptr<engine::Qlog> log = log_;
  if (log == nullptr) co_return std::nullopt;
  if (log->empty() && !log->finished()) {
    Promise<> news;
    const Completion<> came = news.completion();
    // The log has the only promise: one that is replaced is dropped, and its reader told so.
    log->on_news([news = std::move(news)] { news.set(); });
    const auto& told = co_await came;
    if (!told) co_return std::nullopt;  // another reader took the place
  }
  if (log->empty()) co_return std::nullopt;
  co_return log->take();
}

std::string QlogReader::original_dcid() const {
  return log_ != nullptr ? log_->original_dcid() : std::string();
}

std::uint64_t QlogReader::dropped() const noexcept { return log_ != nullptr ? log_->dropped() : 0; }

}  // namespace quicore
