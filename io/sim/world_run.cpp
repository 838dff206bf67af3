// SPDX-License-Identifier: Apache-2.0
//
// World's clockwork: whose turn it is, when the clock moves, how a run ends, what is then printed.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <ostream>

#include "io/check.h"
#include "io/sim/world.h"

namespace quicore::sim {
namespace {

std::string seconds(Duration duration) {
  char text[48];
  std::snprintf(text, sizeof text, "+%.9f s", std::chrono::duration<double>(duration).count());
  return text;
}

}  // namespace

const char* to_string(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::reached:
      return "reached";
    case Outcome::quiet:
      return "quiet";
    case Outcome::timed_out:
      return "timed out";
    case Outcome::deadlocked:
      return "would have deadlocked: nothing is pending";
    case Outcome::livelocked:
      return "livelocked: endless turns in one instant";
    case Outcome::violated:
      return "violated";
  }
  return "?";
}

std::ostream& operator<<(std::ostream& out, Outcome outcome) { return out << to_string(outcome); }

Outcome World::run_until(const Condition& condition, Duration limit) {
  QUICORE_CHECK(condition != nullptr);
  return run(condition, now() + limit, kForever, true);
}

Outcome World::run_for(Duration duration) {
  return run(nullptr, now() + duration, kForever, false);
}

Outcome World::run_until_quiet(Duration silence, Duration limit) {
  return run(nullptr, now() + limit, silence, false);
}

Outcome World::run(const Condition& condition, Instant limit, Duration silence, bool may_deadlock) {
  QUICORE_CHECK(!running_);  // no run inside a turn
  running_ = true;
  turns_this_instant_ = 0;
  for (const auto& node : nodes_) node->turns_due = kTurnsAfterOutsideWork;
  last_outcome_ = run_loop(condition, limit, silence, may_deadlock);
  running_ = false;
  check_conservation();
  if (!violations_.empty()) last_outcome_ = Outcome::violated;
  return last_outcome_;
}

Outcome World::run_loop(const Condition& condition, Instant limit, Duration silence,
                        bool may_deadlock) {
  for (;;) {
    if (!violations_.empty()) return Outcome::violated;
    if (condition != nullptr && condition()) return Outcome::reached;
    if (Node* node = pick_ready_node()) {
      if (++turns_this_instant_ > kMaxTurnsPerInstant) return Outcome::livelocked;
      ++node->turns;
      if (node->turns_due > 0) --node->turns_due;
      node->turn(now());
      continue;
    }
    const Instant next = next_event();
    const bool nothing_soon = next == kNever || next - now() > silence;
    if (silence != kForever && nothing_soon && in_flight() == 0) return Outcome::quiet;
    if (next == kNever && may_deadlock) return Outcome::deadlocked;
    if (next > limit) {
      timeline_.advance(limit);
      return Outcome::timed_out;
    }
    // One instant's events at a time; the nodes then see all of them at once.
    if (next > now()) turns_this_instant_ = 0;
    timeline_.advance(next);
  }
}

// By chance or by rotation, so that no node starves another.
World::Node* World::pick_ready_node() {
  std::erase_if(nodes_, [](const auto& node) { return node->port == nullptr; });
  if (nodes_.empty()) return nullptr;
  const std::size_t start =
      options_.shuffle_turns && nodes_.size() > 1 ? random_.below(nodes_.size()) : last_node_ + 1;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const std::size_t index = (start + i) % nodes_.size();
    if (nodes_[index]->turns_due == 0 && !nodes_[index]->port->ready()) continue;
    last_node_ = index;
    return nodes_[index].get();
  }
  return nullptr;
}

Instant World::next_event() const noexcept {
  Instant next = timeline_.next();
  for (const auto& node : nodes_) next = std::min(next, node->port->deadline());
  return next;
}

void World::check_conservation() {
  std::uint64_t here = in_flight();
  for (const auto& host : hosts_) here += host->queued_datagrams();
  const std::uint64_t in = trace_.count(What::sent) + trace_.count(What::duplicated);
  const std::uint64_t out = trace_.count(What::dropped) + trace_.count(What::received);
  if (in == out + here) return;
  violated("conservation: " + std::to_string(in) + " datagrams sent or duplicated, but " +
           std::to_string(out) + " dropped or received and " + std::to_string(here) +
           " on their way");
}

std::string World::report() const {
  std::string text = "The simulated world " + std::string(to_string(last_outcome_)) + " at " +
                     seconds(elapsed()) +
                     "\nreplay: " + replay_command(options_.seed, options_.test) + "\n";
  for (const std::string& violation : violations_) text += "violation: " + violation + "\n";
  for (const auto& node : nodes_) {
    if (node->port == nullptr) continue;
    const Instant deadline = node->port->deadline();
    text += "node on " + node->port->host().name() + ": " + std::to_string(node->turns) +
            " turns, waits " +
            (deadline == kNever ? "forever" : "until " + seconds(deadline - kBeginning)) +
            (node->port->ready() ? ", has something to do\n" : "\n");
  }
  text += std::to_string(in_flight()) + " datagrams on their way\n";
  for (const auto& route : routes_)
    text += route->there_->statistics() + route->back_->statistics();
  return text + "last events:\n" + trace_.text();
}

}  // namespace quicore::sim
