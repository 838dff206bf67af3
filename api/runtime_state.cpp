// SPDX-License-Identifier: Apache-2.0
#include "api/internal/runtime_state.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "io/check.h"
#include "io/port_factory.h"
#include "io/random.h"

namespace quicore {

namespace internal {

namespace {

std::vector<std::uint32_t> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<std::uint32_t> cpus;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return {0};
  for (std::uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

io::PortChoice to_io(PortChoice choice) noexcept {
  switch (choice) {
    case PortChoice::automatic:
      break;
    case PortChoice::uring:
      return io::PortChoice::uring;
    case PortChoice::mmsg:
      return io::PortChoice::mmsg;
  }
  return io::PortChoice::automatic;
}

void log_to_stderr(LogLevel level, std::string_view line) {
  if (level < LogLevel::warning) return;
  std::fprintf(stderr, "quicore: %.*s\n", static_cast<int>(line.size()), line.data());
}

}  // namespace

bool MailboxForwarder::forward(std::uint32_t shard, const io::ReceivedTrain& train,
                               std::span<const std::byte> datagram) {
  io::DatagramMailbox* box = to(shard);
  if (box == nullptr) return false;
  io::ReceivedTrain one = train;
  // The mailbox copies; nobody writes through this.
  one.bytes = {const_cast<std::byte*>(datagram.data()), datagram.size()};
  one.segment_size = static_cast<std::uint32_t>(datagram.size());
  return box->push(one);
}

// --- set-up -------------------------------------------------------------------------------------

Result<std::unique_ptr<RuntimeState>> RuntimeState::create(RuntimeConfig config) {
  if (auto ok = config.validate(); !ok) return std::unexpected(std::move(ok.error()));
  std::unique_ptr<RuntimeState> runtime(new RuntimeState(std::move(config)));
  if (!runtime->config_.log) runtime->config_.log = log_to_stderr;
  runtime->cpus_ = runtime->config_.cpus.empty() ? allowed_cpus() : runtime->config_.cpus;
  const std::uint32_t count = runtime->config_.shards != 0
                                  ? runtime->config_.shards
                                  : static_cast<std::uint32_t>(runtime->cpus_.size());
  if (auto ok = runtime->open_ports(count); !ok) return std::unexpected(std::move(ok.error()));
  runtime->start_threads();
  runtime->make_state(0);
  runtime->states_made_->arrive_and_wait();
  runtime->connect_mailboxes();
  runtime->connected_.count_down();
  return runtime;
}

Result<> RuntimeState::open_ports(std::uint32_t count) {
  const io::LogSink sink = [this](std::string_view line) { log(LogLevel::warning, line); };
  for (std::uint32_t i = 0; i < count; ++i) {
    // What is true of the first port is true of all: one line is enough.
    auto port = io::open_port({.choice = to_io(config_.port),
                               .busy_poll = config_.busy_poll,
                               .log = i == 0 ? sink : io::LogSink()});
    if (!port) return std::unexpected(std::move(port.error()));
    shards_.push_back(std::make_unique<OneShard>());
    shards_.back()->port = std::move(*port);
  }
  return {};
}

void RuntimeState::make_state(std::uint32_t index) {
  ShardSurroundings surroundings;
  surroundings.log = [this](int level, std::string_view line) {
    log(static_cast<LogLevel>(level), line);
  };
  surroundings.blocking = &blocking_;
  surroundings.signals = &signals_;
  shards_[index]->state =
      std::make_unique<ShardState>(engine::ShardSettings{index, size()}, *shards_[index]->port,
                                   io::Random::system(), std::move(surroundings));
}

void RuntimeState::connect_mailboxes() {
  if (size() == 1) return;
  for (std::uint32_t from = 0; from < size(); ++from) {
    MailboxForwarder& forwarder = shards_[from]->forwarder;
    for (std::uint32_t to = 0; to < size(); ++to) {
      forwarder.add(from == to ? nullptr : shards_[to]->port->waker());
      if (from != to) shards_[to]->state->receive_from(*forwarder.to(to));
    }
    shards_[from]->state->engine().set_forwarder(&forwarder);
  }
}

void RuntimeState::start_threads() {
  states_made_.emplace(size());
  shut_down_.emplace(size());
  for (std::uint32_t i = 1; i < size(); ++i) {
    shards_[i]->thread = std::thread([this, i] { run_shard(i); });
  }
}

void RuntimeState::pin(std::uint32_t index) noexcept {
  if (!config_.pin || (size() == 1 && config_.cpus.empty())) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpus_[index % cpus_.size()], &set);
  if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0) {
    log(LogLevel::warning, "shard " + std::to_string(index) +
                               " cannot be pinned to its CPU; it runs where the kernel puts it");
  }
}

// --- running ------------------------------------------------------------------------------------

void RuntimeState::run_shard(std::uint32_t index) {
  pthread_setname_np(pthread_self(), ("quicore-" + std::to_string(index)).c_str());
  pin(index);
  make_state(index);
  states_made_->count_down();
  connected_.wait();
  ShardState& state = shard(index);
  while (!ending_.load(std::memory_order_acquire)) state.turn();
  state.shut_down();
  shut_down_->arrive_and_wait();
  shards_[index]->state.reset();
}

Task<> RuntimeState::run_main(Task<int> main) {
  try {
    answer_ = co_await main;
  } catch (...) {
    exception_ = std::current_exception();
  }
  main_ended_ = true;
}

int RuntimeState::run(Task<int> main) {
  QUICORE_CHECK(!ended_);  // a Runtime runs once
  cpu_set_t before;
  sched_getaffinity(0, sizeof(before), &before);
  pin(0);
  ShardState& state = shard(0);
  // In the DELIVER phase, as everything of the user's.
  state.post([&] { state.spawn(run_main(std::move(main)), {}); });
  while (!main_ended_ && !stopping_.load(std::memory_order_acquire)) state.turn();
  end();
  sched_setaffinity(0, sizeof(before), &before);
  if (exception_) std::rethrow_exception(exception_);
  return main_ended_ ? answer_ : EXIT_SUCCESS;
}

void RuntimeState::stop() noexcept {
  stopping_.store(true, std::memory_order_release);
  wake_all();
}

void RuntimeState::wake_all() noexcept {
  for (const auto& one : shards_) one->port->waker()->wake();
}

void RuntimeState::end() noexcept {
  if (std::exchange(ended_, true)) return;
  if (shards_.empty() || !shards_.front()->state) return;  // create() failed
  blocking_.stop();
  signals_.stop();
  ending_.store(true, std::memory_order_release);
  wake_all();
  shard(0).shut_down();
  shut_down_->arrive_and_wait();
  for (const auto& one : shards_) {
    if (one->thread.joinable()) one->thread.join();
  }
  shards_.front()->state.reset();
}

RuntimeState::~RuntimeState() { end(); }

void RuntimeState::log(LogLevel level, std::string_view line) const { config_.log(level, line); }

}  // namespace internal

// --- the configuration --------------------------------------------------------------------------

Result<> RuntimeConfig::validate() const {
  // A shard's index must fit into connection IDs; no machine has more CPUs than that.
  constexpr std::uint32_t kMaxShards = 1024;
  std::string problems;
  const auto problem = [&problems](const std::string& text) {
    if (!problems.empty()) problems += "; ";
    problems += text;
  };
  if (shards > kMaxShards) {
    problem("shards: at most " + std::to_string(kMaxShards) + ", not " + std::to_string(shards));
  }
  if (!cpus.empty() && shards > cpus.size()) {
    problem("cpus: " + std::to_string(cpus.size()) + " named for " + std::to_string(shards) +
            " shards; name one for each");
  }
  const auto allowed = internal::allowed_cpus();
  std::string usable;
  for (const std::uint32_t cpu : allowed) {
    usable += (usable.empty() ? "" : ",") + std::to_string(cpu);
  }
  for (const std::uint32_t cpu : cpus) {
    if (std::ranges::find(allowed, cpu) == allowed.end()) {
      problem("cpus: this process may not use CPU " + std::to_string(cpu) + "; choose from " +
              usable);
    }
  }
  if (busy_poll < Duration::zero()) {
    problem("busy_poll: must not be negative; 0 never polls");
  }
  if (!problems.empty()) return failure(Errc::invalid_argument, std::move(problems));
  return {};
}

std::optional<PortChoice> parse_port_choice(std::string_view text) noexcept {
  if (text == "automatic") return PortChoice::automatic;
  if (text == "io_uring") return PortChoice::uring;
  if (text == "mmsg") return PortChoice::mmsg;
  return std::nullopt;
}

}  // namespace quicore
