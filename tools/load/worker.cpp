// SPDX-License-Identifier: Apache-2.0
#include "tools/load/worker.h"

#include <algorithm>

#include "api/tls.h"
#include "tools/load/load_connection.h"

namespace quicore::tools {

namespace {

constexpr std::chrono::microseconds kShortestSleep{50};
// Handshakes under way before the next connection is opened: a server takes some hundred
// microseconds for each, and who waits longer than its patience tries again.
constexpr std::size_t kConnectingAtATime = 100;

}  // namespace

LoadPlan make_plan(const LoadOptions& options, Url url, const Address& server) {
  LoadPlan plan{options, std::move(url), server, {}, false, {}};
  plan.own_path = plan.url.path != "/";
  const bool upload = options.mode == LoadMode::upload;
  std::string path = plan.url.path;
  if (!plan.own_path) path = upload ? "/discard" : "/bytes/" + std::to_string(options.size);
  plan.headers = Headers{{":method", upload ? "POST" : "GET"},
                         {":scheme", "https"},
                         {":authority", plan.url.authority()},
                         {":path", path},
                         {"user-agent", "quicore-load"}};
  if (upload) plan.headers.add("content-length", std::to_string(options.size));
  plan.request.resize(options.request_size);
  for (std::size_t i = 0; i < 8; ++i) {
    plan.request[i] = static_cast<std::byte>(options.size >> (56 - 8 * i));
  }
  return plan;
}

Worker::Worker(Shard& shard, const LoadPlan& plan, MeasuringWindow& window,
               std::uint32_t connections, double rate)
    : shard_(shard), plan_(plan), window_(window), rate_(rate), wanted_(connections) {
  session_config_ = session_config_of(plan.options, plan.url.host);
}

Worker::~Worker() = default;

Task<Result<>> Worker::connect() {
  auto endpoint = Endpoint::create(shard_, endpoint_config_of(plan_.options, plan_.server));
  if (!endpoint) co_return std::unexpected(std::move(endpoint.error()));
  endpoint_ = std::move(*endpoint);
  auto context = make_tls_context(Side::client, session_config_.secure);
  if (!context) co_return std::unexpected(std::move(context.error()));
  session_config_.secure_context = std::move(*context);
  const LoadMode mode = plan_.options.mode;
  if (mode == LoadMode::handshake || mode == LoadMode::resume) co_return {};
  for (std::size_t opened = 0, connected = 0; connected < wanted_; ++connected) {
    for (; opened < std::min<std::size_t>(wanted_, connected + kConnectingAtATime); ++opened) {
      connections_.push_back(std::make_unique<LoadConnection>(*this));
      if (auto begun = connections_.back()->open(); !begun) co_return begun;
    }
    auto completion = connections_[connected]->handshake();
    const auto& done = co_await completion;
    if (!done) co_return std::unexpected(done.error());
    counters_.connected.fetch_add(1, std::memory_order_relaxed);
  }
  co_return {};
}

void Worker::start() {
  const LoadMode mode = plan_.options.mode;
  if (mode == LoadMode::handshake && open_loop()) {
    shard_.spawn(generate_due_times());
    return;
  }
  if (mode == LoadMode::handshake || mode == LoadMode::resume) {
    for (std::uint32_t i = 0; i < wanted_; ++i) {
      shard_.spawn(connect_again_and_again(mode == LoadMode::resume));
    }
    return;
  }
  if (mode == LoadMode::idle) return;
  for (auto& connection : connections_) connection->start();
  if (open_loop()) shard_.spawn(generate_due_times());
}

void Worker::stop() {
  stopping_ = true;
  idle_.clear();
  for (auto& connection : connections_) result_.lost_packets += connection->lost_packets();
  for (auto& connection : connections_) connection->stop();
  if (endpoint_) endpoint_.destroy();
}

WorkerResult Worker::take_result() { return std::move(result_); }

// --- open loop ---------------------------------------------------------------------------------------

// Requests, or handshakes, are due at fixed times, whether or not earlier ones were answered.
Task<> Worker::generate_due_times() {
  const double interval_ns = 1e9 / rate_;
  const Instant begin = shard_.now();
  for (std::uint64_t number = 1; !stopping_; ++number) {
    const Instant due =
        begin + Duration(static_cast<Duration::rep>(interval_ns * static_cast<double>(number)));
    if (due - shard_.now() > kShortestSleep) (void)co_await shard_.sleep_for(due - shard_.now());
    if (stopping_) break;
    if (plan_.options.mode == LoadMode::handshake) {
      begin_handshake(due);
    } else {
      begin_request(due);
    }
  }
}

void Worker::begin_request(Instant due) {
  if (idle_.empty()) {
    due_.push_back(due);
    return;
  }
  auto begin = std::move(idle_.front());
  idle_.pop_front();
  begin(due);
}

bool Worker::take_due(Instant& due) noexcept {
  if (due_.empty()) return false;
  due = due_.front();
  due_.pop_front();
  return true;
}

void Worker::slot_idle(std::move_only_function<void(Instant)> begin) {
  idle_.push_back(std::move(begin));
}

// --- handshakes --------------------------------------------------------------------------------------

// Open loop: no more than --connections are under way, so that this end stays bounded too.
void Worker::begin_handshake(Instant due) {
  if (connecting_ == wanted_) {
    count_error("as many handshakes as --connections are under way");
    return;
  }
  ++connecting_;
  shard_.spawn(connect_once(due));
}

// Done on both sides. One that is closed when only this end is done never ends for the server: what
// would tell it, the client's Finished, is not sent any more.
Task<Result<HandshakeInfo>> Worker::handshake_of(Session session) {
  auto done = co_await session.handshake().wait({});
  if (!done) co_return std::unexpected(std::move(done.error()));
  if (auto confirmed = co_await session.confirmed().wait({}); !confirmed) {
    co_return std::unexpected(std::move(confirmed.error()));
  }
  co_return std::move(*done);
}

Task<> Worker::connect_once(Instant due) {
  auto session = endpoint_.connect(plan_.server, session_config_, std::nullopt);
  if (!session) {
    count_error(to_string(session.error()));
  } else {
    const auto done = co_await handshake_of(*session);
    if (stopping_) co_return;
    if (done) {
      count_handshake(due);
    } else {
      count_error(to_string(done.error()));
    }
    session->cancel();
  }
  --connecting_;
}

Task<> Worker::connect_again_and_again(bool resume) {
  std::optional<Resume> ticket;
  while (!stopping_) {
    const Instant begun = shard_.now();
    auto session = endpoint_.connect(plan_.server, session_config_, resume ? ticket : std::nullopt);
    if (!session) {
      count_error(to_string(session.error()));
      co_return;
    }
    const auto done = co_await handshake_of(*session);
    if (stopping_) co_return;
    if (!done) {
      count_error(to_string(done.error()));
      (void)co_await shard_.sleep_for(std::chrono::milliseconds(10));
      continue;
    }
    const bool counts = !resume || done->resumed;
    if (counts) count_handshake(begun);
    if (resume && !ticket) {
      // The ticket follows the handshake; without one there is nothing to resume.
      for (int i = 0; i < 100 && !(ticket = session->session_ticket()); ++i) {
        (void)co_await shard_.sleep_for(std::chrono::milliseconds(5));
      }
      if (!ticket) count_error("the server sent no session ticket");
    } else if (resume && !done->resumed) {
      count_error("the server did not resume the session");
      ticket.reset();
    }
    session->cancel();
  }
}

// --- counting ----------------------------------------------------------------------------------------

void Worker::count_bytes(std::uint64_t count) noexcept {
  if (!window_.contains(shard_.now())) return;
  result_.bytes += count;
  counters_.bytes.store(result_.bytes, std::memory_order_relaxed);
}

void Worker::count_request(Instant due) noexcept {
  const Instant now = shard_.now();
  if (!window_.contains(now)) return;
  ++result_.requests;
  result_.latency.record(now - due);
  counters_.requests.store(result_.requests, std::memory_order_relaxed);
}

void Worker::count_handshake(Instant begun) noexcept {
  const Instant now = shard_.now();
  if (!window_.contains(now)) return;
  ++result_.handshakes;
  result_.latency.record(now - begun);
  counters_.handshakes.store(result_.handshakes, std::memory_order_relaxed);
}

void Worker::count_error(const std::string& sentence) {
  if (stopping_) return;
  ++result_.errors[sentence];
  counters_.errors.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace quicore::tools
