// SPDX-License-Identifier: Apache-2.0
//
// Goes through received trains from one connection's datagrams to the next one's, ahead of who reads
// them, to tell whose they are. A train whose first and last datagram have one connection ID counts as
// one connection's: what is told is good for prefetching, not for routing.
//
// Threading, lifetime: the trains' and their bytes'. Cost: a comparison for each datagram of a train
// that several connections share, and one for any other train.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include "engine/short_header.h"
#include "io/datagram.h"

namespace quicore::engine {

class TrainCursor {
 public:
  TrainCursor() = default;
  explicit TrainCursor(std::span<const io::ReceivedTrain> trains) noexcept : trains_(trains) {
    next_train();
  }

  // The first datagram of the connection at hand; empty behind the last train.
  std::span<const std::byte> front() const noexcept {
    return rest_.first(std::min(segment_, rest_.size()));
  }

  // The same, and goes on to the next one.
  std::span<const std::byte> take() noexcept {
    const std::span<const std::byte> first = front();
    rest_ = rest_.subspan(size_of_front());
    if (rest_.empty()) next_train();
    return first;
  }

 private:
  void next_train() noexcept {
    while (rest_.empty() && !trains_.empty()) {
      rest_ = trains_.front().bytes;
      segment_ = trains_.front().segment_size == 0 ? rest_.size() : trains_.front().segment_size;
      trains_ = trains_.subspan(1);
    }
  }

  std::size_t size_of_front() const noexcept {
    if (rest_.size() <= segment_) return rest_.size();
    const auto id = id_of_short_header(front());
    if (id.empty()) return segment_;
    const std::size_t last = (rest_.size() - 1) / segment_ * segment_;
    if (std::ranges::equal(id, id_of_short_header(rest_.subspan(last)))) return rest_.size();
    return size_of_run(rest_, segment_);
  }

  std::span<const io::ReceivedTrain> trains_;  // behind the one at hand
  std::span<const std::byte> rest_;            // of that
  std::size_t segment_ = 0;
};

}  // namespace quicore::engine
