// SPDX-License-Identifier: Apache-2.0
#include "api/internal/shard_state.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "api/internal/endpoint_state.h"
#include "api/internal/session_state.h"
#include "api/internal/signal_watch.h"
#include "api/internal/stream_state.h"
#include "api/runtime.h"
#include "io/check.h"

namespace quicore::internal {

namespace {

thread_local ShardState* current_shard = nullptr;

std::string describe(const std::exception_ptr& exception) noexcept {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "something that is no std::exception";
  }
}

// Ending takes turns in which handlers see the end and every connection writes its CONNECTION_CLOSE
// (a step of it sends limits::kTrainsPerStep), and one whose wait submits the last of them. Where the
// socket takes no more, it is given up after so many turns, about a second: the peers' idle
// timeouts will do.
constexpr int kMostTurnsToShutDown = 100'000;

}  // namespace

// --- construction -------------------------------------------------------------------------------

ShardState::ShardState(engine::ShardSettings settings, io::Port& port, io::Random random,
                       ShardSurroundings surroundings)
    : surroundings_(std::move(surroundings)),
      random_(std::move(random)),
      engine_(settings, port, random_),
      inbox_(port.waker()),
      shard_(*this) {
  engine_.set_application(this);
}

ShardState::~ShardState() {
  const Scope scope(*this);
  inbox_.close();
  tasks_.destroy_all();
  while (StreamState* stream = streams_.pop_front()) stream->shard_ends();
  while (SessionState* session = sessions_.pop_front()) session->shard_ends();
  while (!endpoints_.empty()) endpoints_.back()->shard_ends();
  while (Waiter* waiter = waiters_.pop_front()) waiter->abandon();
}

void ShardState::shut_down() {
  {
    const Scope scope(*this);
    if (surroundings_.signals != nullptr) surroundings_.signals->forget(*this);
    tasks_.destroy_all();
    for (EndpointState* endpoint : std::vector(endpoints_)) endpoint->destroy({});
  }
  int turns = 0;
  do turn(engine_.now());
  while (engine_.has_something_to_send() && ++turns < kMostTurnsToShutDown);
  turn(engine_.now());
}

void ShardState::add_session(SessionState& session) noexcept { sessions_.push_back(session); }
void ShardState::add_stream(StreamState& stream) noexcept { streams_.push_back(stream); }

// --- the current shard --------------------------------------------------------------------------

ShardState* ShardState::current() noexcept { return current_shard; }

ReadyQueue& ReadyQueue::current() noexcept {
  QUICORE_CHECK(current_shard != nullptr);
  return *current_shard;
}

ShardState::Scope::Scope(ShardState& state) noexcept
    : previous_(std::exchange(current_shard, &state)), heap_(state.heap_) {}

ShardState::Scope::~Scope() { current_shard = previous_; }

// --- the turn -----------------------------------------------------------------------------------

void ShardState::turn(Instant limit) {
  const Scope scope(*this);
  engine_.turn(limit);
}

void ShardState::turn_after_wait() {
  const Scope scope(*this);
  engine_.turn_after_wait();
}

bool ShardState::run_ready(Instant now) {
  bool ran = receive_forwarded();
  ran = inbox_.run_all() > 0 || ran;
  while (engine::DeadlineEntry* entry = timers_.pop_expired(now)) {
    static_cast<WaitGuard*>(entry)->end(Wake::timed_out);
  }
  return run_waiters() || ran;
}

Instant ShardState::next_deadline() const noexcept {
  return ReadyQueue::empty() ? timers_.next() : engine_.now();
}

// What becomes ready meanwhile waits for the next round, after the events it caused.
bool ShardState::run_waiters() {
  engine::IntrusiveList<Waiter, WaiterTag> batch;
  batch.splice_back(waiters_);
  const bool any = !batch.empty();
  while (Waiter* waiter = batch.pop_front()) waiter->run();
  return any;
}

bool ShardState::receive_forwarded() {
  bool any = false;
  io::ReceivedTrain train;
  for (io::DatagramMailbox* mailbox : mailboxes_) {
    while (mailbox->pop(train)) {
      any = true;
      // The sender's socket has another number here: the same UDP port is meant.
      const auto same_port = [&](const EndpointState* endpoint) {
        return endpoint->local_port() == train.local.port();
      };
      const auto endpoint = std::find_if(endpoints_.begin(), endpoints_.end(), same_port);
      if (endpoint == endpoints_.end()) continue;
      train.socket = (*endpoint)->socket();
      engine_.receive_forwarded(train, train.bytes);
    }
  }
  return any;
}

void ShardState::post(io::Inbox::Function function) {
  inbox_.post([this, function = std::move(function)]() mutable {
    try {
      function();
    } catch (...) {
      report_exception("a posted function", std::current_exception());
    }
  });
}

void ShardState::spawn(Task<> task, Ref<Counted> keep) {
  const Scope scope(*this);
  tasks_.start(std::move(task), std::move(keep));
}

// --- the log ------------------------------------------------------------------------------------

void ShardState::log(int level, std::string_view line) const {
  if (surroundings_.log) surroundings_.log(level, line);
}

void ShardState::report_exception(const char* where,
                                  const std::exception_ptr& exception) const noexcept {
  try {
    log(static_cast<int>(LogLevel::error),
        std::string("an exception left ") + where + ": " + describe(exception));
  } catch (...) {
    // The log threw. There is nobody left to tell.
  }
}

void report_exception(const char* where, const std::exception_ptr& exception) noexcept {
  if (const ShardState* shard = ShardState::current()) {
    shard->report_exception(where, exception);
  }
}

}  // namespace quicore::internal
