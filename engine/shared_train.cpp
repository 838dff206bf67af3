// SPDX-License-Identifier: Apache-2.0
#include "engine/shared_train.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/connection.h"
#include "engine/endpoint.h"
#include "engine/limits.h"
#include "engine/shard.h"

namespace quicore::engine {

namespace {

std::uint32_t datagrams(const io::SendSlot& slot) noexcept {
  return (slot.size + slot.segment_size - 1) / slot.segment_size;
}

bool ends_short(const io::SendSlot& slot) noexcept { return slot.size % slot.segment_size != 0; }

}  // namespace

SharedTrain::~SharedTrain() {
  for (io::SendSlot* slot : {open_, spare_, own_}) {
    if (slot != nullptr) shard_.port().give_back(slot);
  }
}

io::SendSlot* SharedTrain::begin(const Connection& connection, const Connection* next,
                                 TrainShape& shape) {
  shape = {};
  if (may_join(connection) && has_spare()) {
    part_ = {};
    part_.bytes = open_->bytes + open_->size;
    shape.capacity = std::min(limits::kLargestSharedPart, io::kMaxTrainSize - open_->size);
    shape.packets = io::kMaxTrainSegments - datagrams(*open_);
    shape.segment_size = open_->segment_size;
    shape.shared = true;
    return &part_;
  }
  flush();
  if (!has_spare()) return nullptr;
  own_ = std::exchange(spare_, nullptr);
  shape.shared = next != nullptr && connection.shares_trains() && next->shares_trains() &&
                 connection.train_target() == next->train_target();
  return own_;
}

void SharedTrain::end(const Connection& connection, bool written) {
  if (own_ == nullptr) {
    if (written) join(connection);
    return;
  }
  if (written) return send_or_keep_open(connection);
  spare_ = std::exchange(own_, nullptr);
}

void SharedTrain::flush() {
  if (open_ != nullptr) shard_.send_slot(*target_.endpoint, *std::exchange(open_, nullptr));
}

void SharedTrain::finish() {
  flush();
  if (spare_ != nullptr) shard_.port().give_back(std::exchange(spare_, nullptr));
}

bool SharedTrain::may_join(const Connection& connection) const noexcept {
  return open_ != nullptr && connection.shares_trains() &&
         io::kMaxTrainSize - open_->size >= limits::kLargestSharedPart &&
         datagrams(*open_) < io::kMaxTrainSegments && connection.train_target() == target_;
}

bool SharedTrain::has_spare() {
  if (spare_ == nullptr) spare_ = shard_.port().lease();
  return spare_ != nullptr;
}

// Whether what was written behind `open_` can be part of it.
bool SharedTrain::fits() const noexcept {
  const bool same_size = part_.segment_size == open_->segment_size;
  const bool last = part_.size == part_.segment_size && part_.size < open_->segment_size;
  return (same_size || last) && part_.ecn == open_->ecn && part_.socket == open_->socket &&
         part_.remote == open_->remote && part_.local == open_->local;
}

void SharedTrain::join(const Connection& connection) {
  if (fits()) {
    open_->size += part_.size;
    if (ends_short(*open_)) flush();
    return;
  }
  own_ = std::exchange(spare_, nullptr);
  std::memcpy(own_->bytes, part_.bytes, part_.size);
  part_.bytes = own_->bytes;
  part_.index = own_->index;
  *own_ = part_;
  flush();
  send_or_keep_open(connection);
}

// Bulk, and what ends with a packet that is shorter, has no others behind it; nor has what goes
// elsewhere, to validate a path.
void SharedTrain::send_or_keep_open(const Connection& connection) {
  io::SendSlot* slot = std::exchange(own_, nullptr);
  if (!ends_short(*slot) && connection.shares_trains()) {
    const TrainTarget target = connection.train_target();
    if (slot->socket == target.socket && slot->remote == target.remote) {
      open_ = slot;
      target_ = target;
      return;
    }
  }
  shard_.send_slot(connection.endpoint(), *slot);
}

}  // namespace quicore::engine
