// SPDX-License-Identifier: Apache-2.0
#include "engine/send_queue.h"

namespace quicore::engine {

void SendQueue::push(Buf buf) {
  QUICORE_DCHECK_THAT(!finished_);
  if (buf.empty()) return;
  end_ += buf.size();
  bufs_.push_back(std::move(buf));
}

std::size_t SendQueue::gather(std::span<Bytes> pieces, bool& to_end,
                              std::size_t enough) const noexcept {
  std::size_t count = 0;
  std::size_t gathered = 0;
  std::size_t index = sent_index_;
  std::uint64_t skip = sent_ - sent_index_offset_;
  while (count < pieces.size() && index < bufs_.size() && gathered < enough) {
    const Bytes piece = bufs_[index++].bytes().subspan(static_cast<std::size_t>(skip));
    pieces[count++] = piece;
    gathered += piece.size();
    skip = 0;
  }
  to_end = index >= bufs_.size();
  return count;
}

void SendQueue::advance_sent(std::uint64_t count) noexcept {
  QUICORE_DCHECK_THAT(count <= unsent());
  sent_ += count;
  while (sent_index_ < bufs_.size() && sent_ >= sent_index_offset_ + bufs_[sent_index_].size()) {
    sent_index_offset_ += bufs_[sent_index_].size();
    ++sent_index_;
  }
}

void SendQueue::acknowledge_to(std::uint64_t offset) noexcept {
  if (offset <= acknowledged_) return;
  QUICORE_DCHECK_THAT(offset <= sent_);
  acknowledged_ = offset;
  while (!bufs_.empty() && first_offset_ + bufs_.front().size() <= acknowledged_) {
    first_offset_ += bufs_.front().size();
    bufs_.pop_front();
    --sent_index_;
  }
}

void SendQueue::abandon() noexcept {
  bufs_.clear();
  first_offset_ = acknowledged_ = sent_ = sent_index_offset_ = end_;
  sent_index_ = 0;
  finished_ = fin_sent_ = true;
}

}  // namespace quicore::engine
