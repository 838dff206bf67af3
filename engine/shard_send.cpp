// SPDX-License-Identifier: Apache-2.0
//
// Shard: phase 5, SEND.
#include <algorithm>

#include "engine/shard.h"

namespace quicore::engine {

struct Shard::SendBudget {
  std::uint32_t trains = limits::kTrainsPerStep;
  std::size_t bytes = limits::kBytesPerStep;

  bool used_up() const noexcept { return trains == 0 || bytes == 0; }
  void use(std::size_t size) noexcept {
    --trains;
    bytes -= std::min(bytes, size);
  }
};

void Shard::send() {
  SendBudget budget;
  IntrusiveList<Connection, TransmitTag> batch;
  while (!transmit_.empty() && !budget.used_up()) {
    batch.splice_back(transmit_);
    while (Connection* connection = batch.pop_front()) {
      const bool done = send_trains_of(*connection, batch.front(), budget);
      if (!done) transmit_.push_back(*connection);
      if (budget.used_up()) break;
    }
    if (out_of_slots_) break;
  }
  transmit_.splice_back(batch);
  send_acknowledgements(budget);
  train_.finish();
  out_of_slots_ = false;
}

// A few of those that wait, and all that have waited long.
void Shard::send_acknowledgements(SendBudget& budget) {
  std::uint32_t left = limits::kAcknowledgementsPerStep;
  while (Connection* connection = acknowledging_.front()) {
    const Duration waited = now_ - connection->acknowledgement_held_since();
    if (left == 0 && waited < limits::kLongestHeldAcknowledgement) return;
    if (budget.used_up()) return;
    if (left > 0) --left;
    acknowledging_.pop_front();
    const bool done = send_trains_of(*connection, acknowledging_.front(), budget);
    if (!done) transmit_.push_back(*connection);
  }
}

// True when the connection has nothing more to send for now.
bool Shard::send_trains_of(Connection& connection, const Connection* next, SendBudget& budget) {
  bool done = false;
  for (std::uint32_t i = 0; i < limits::kTrainsPerConnectionPerRound && !budget.used_up(); ++i) {
    TrainShape shape;
    io::SendSlot* slot = train_.begin(connection, next, shape);
    if (slot == nullptr) {
      out_of_slots_ = true;
      budget.trains = 0;
      break;
    }
    const bool written = connection.write_train(*slot, shape, now_);
    if (written) budget.use(slot->size);
    train_.end(connection, written);
    if (!written || connection.nothing_left()) {
      done = true;
      break;
    }
  }
  connection.finish_transmit();
  return done;
}

void Shard::send_slot(Endpoint& endpoint, io::SendSlot& slot) {
  if (const std::uint32_t label = endpoint.flow_label()) slot.remote.set_flow_label(label);
  EndpointStats& stats = endpoint.counters();
  stats.bytes_sent += slot.size;
  stats.packets_sent += (slot.size + slot.segment_size - 1) / slot.segment_size;
  if (lost_on_purpose(endpoint.config().tx_packet_loss)) {
    port_.give_back(&slot);
    return;
  }
  port_.send(&slot);
}

bool Shard::lost_on_purpose(double probability) noexcept {
  return probability > 0.0 && random_.unit() < probability;
}

}  // namespace quicore::engine
