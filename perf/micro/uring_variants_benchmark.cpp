// SPDX-License-Identifier: Apache-2.0
//
// The ways io_uring has to send datagrams, beside the one that UringPort uses (`today`): is any of
// them cheaper? What was decided from it: docs/decisions/0019.
//
//   quicore_microbench --benchmark_filter=UringSend --benchmark_enable_random_interleaving=true
//       --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
//
// One iteration is a batch, from the first submission to the last completion, after which its slots
// could be used again: `trains`, of 44 datagrams of 1,472 bytes, as many as a step of a shard sends
// on a good path and as at most; or 32 datagrams of 100 bytes. One thread sends, and the kernel
// delivers in the same system call; what has arrived is taken out between the iterations and
// counted. `cpu_ns` is the processor time of the whole process meanwhile, a polling kernel thread
// included, `own_ns` that of the sending thread; `copied` is the share of zero-copy sends that the
// kernel copied after all. The ways are those of udp_path.h.
//
// What the kernel refuses has the refusal as its label and measures nothing.
#include <benchmark/benchmark.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include <chrono>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/cpu.h"
#include "io/limits.h"
#include "io/send_slots.h"
#include "perf/micro/pinned.h"
#include "perf/micro/udp_path.h"

namespace quicore::perf {
namespace {

constexpr std::uint32_t kSegment = 1472;
constexpr std::uint32_t kSegments = 44;
constexpr std::uint32_t kSmall = 100;
constexpr std::uint32_t kMostInBatch = 32;

enum class Operation {
  sendmsg,
  send_connected,  // neither address nor control messages
  sendmsg_zc,
  sendmsg_zc_fixed,  // from registered buffers
  send_bundle,       // connected, one buffer a datagram
};

enum class Poller { none, own_core, same_core };

struct Variant {
  const char* name;
  Operation operation = Operation::sendmsg;
  bool file_table = true;
  bool registered_ring = true;
  Poller poller = Poller::none;
};

struct Load {
  const char* name;
  std::uint32_t count;  // in a batch
  std::uint32_t size;   // of each
  bool trains() const { return size > kSegment; }
};

constexpr Variant kVariants[] = {
    {.name = "today"},
    {.name = "without_file_table", .file_table = false},
    {.name = "without_registered_ring", .registered_ring = false},
    {.name = "connected", .operation = Operation::send_connected},
    {.name = "zero_copy", .operation = Operation::sendmsg_zc},
    {.name = "zero_copy_registered", .operation = Operation::sendmsg_zc_fixed},
    {.name = "bundle", .operation = Operation::send_bundle},
    {.name = "poller_own_core", .poller = Poller::own_core},
    {.name = "poller_same_core", .poller = Poller::same_core},
};

constexpr Load kLoads[] = {
    {"trains:8", 8, kSegments* kSegment},
    {"trains:32", kMostInBatch, kSegments* kSegment},
    {"datagrams:32", kMostInBatch, kSmall},
};

double seconds_of(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

class Sending {
 public:
  Sending(const Variant& variant, const Load& load, Way way, const std::vector<int>& cpus)
      : variant_(variant), load_(load), path_(UdpPath::open(way)) {
    refused_ = path_.refused;
    if (!refused_.empty()) return;
    if (variant.operation == Operation::send_connected ||
        variant.operation == Operation::send_bundle) {
      path_.connect();
      const int segment = load.trains() ? kSegment : 0;
      setsockopt(path_.sender->fd(), IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
    }
    set_up_ring(cpus);
    if (refused_.empty()) prepare_slots();
  }
  ~Sending() {
    for (std::size_t i = 0; i < bundles_.size(); ++i) {
      io_uring_free_buf_ring(&ring_, bundles_[i], kBuffersInBundle, static_cast<int>(i));
    }
    if (has_ring_) io_uring_queue_exit(&ring_);
  }
  Sending(const Sending&) = delete;
  Sending& operator=(const Sending&) = delete;

  const std::string& refused() const { return refused_; }
  double copied() const { return static_cast<double>(copied_) / static_cast<double>(notified_); }
  bool has_notifications() const { return notified_ != 0; }

  // False when the kernel refused one of them: refused() says how.
  bool batch() {
    const bool bundle = variant_.operation == Operation::send_bundle;
    const std::uint32_t submissions = bundle && !load_.trains() ? 1 : load_.count;
    for (std::uint32_t i = 0; i < submissions; ++i) submit(i);
    io_uring_submit_and_get_events(&ring_);
    std::uint32_t expected = submissions;
    while (expected != 0) {
      io_uring_cqe* completion = nullptr;
      if (!wait_for(&completion)) return false;
      if ((completion->flags & IORING_CQE_F_NOTIF) != 0) {
        ++notified_;
        if ((static_cast<unsigned>(completion->res) & IORING_NOTIF_USAGE_ZC_COPIED) != 0) ++copied_;
      } else if (completion->res < 0) {
        refuse(std::string("refused: ") + std::strerror(-completion->res));
      } else {
        sent_ += static_cast<std::uint32_t>(completion->res);
      }
      if ((completion->flags & IORING_CQE_F_MORE) == 0) --expected;
      io_uring_cqe_seen(&ring_, completion);
    }
    return refused_.empty();
  }

  // Takes out what arrived; whether it is what was sent, in as many messages as it should be.
  bool right() {
    const UdpPath::Received received = path_.drain();
    const std::uint64_t sent = std::exchange(sent_, 0);
    if (sent != std::uint64_t{load_.count} * load_.size) return false;
    if (!path_.receiver) return true;
    if (received.bytes != sent) return false;
    messages_ = received.messages;
    return load_.trains() || variant_.operation == Operation::send_bundle ||
           received.messages == load_.count;
  }
  // That the last batch arrived in.
  std::uint64_t messages() const { return messages_; }

 private:
  static constexpr std::uint32_t kBuffersInBundle = 64;

  void refuse(const std::string& why) { refused_ = why; }

  void set_up_ring(const std::vector<int>& cpus) {
    io_uring_params params{};
    params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
                   IORING_SETUP_NO_SQARRAY;
    params.cq_entries = io::kCompletionEntries;
    if (variant_.poller == Poller::none) {
      params.flags |= IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
    } else {
      const bool own = variant_.poller == Poller::own_core;
      if (own && cpus.size() < 2) return refuse("two cores are needed");
      params.flags |= IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF;
      params.sq_thread_cpu = static_cast<unsigned>(cpus[own ? 1 : 0]);
      params.sq_thread_idle = 10;  // ms
    }
    const int error = io_uring_queue_init_params(io::kSubmissionEntries, &ring_, &params);
    if (error < 0) return refuse(std::string("no ring: ") + std::strerror(-error));
    has_ring_ = true;
    const int fd = path_.sender->fd();
    if (variant_.file_table && io_uring_register_files(&ring_, &fd, 1) != 0) {
      return refuse("no file table");
    }
    if (variant_.registered_ring && io_uring_register_ring_fd(&ring_) != 1) {
      return refuse("no registered ring");
    }
  }

  void prepare_slots() {
    slots_ = std::make_unique<io::SendSlots>(kMostInBatch);
    std::vector<iovec> vectors;
    for (std::uint32_t i = 0; i < load_.count; ++i) {
      io::SendSlot& slot = *slots_->lease();
      std::memset(slot.bytes, static_cast<int>(i), load_.size);
      slot.size = load_.size;
      slot.segment_size = kSegment;
      slot.ecn = io::Ecn::ect0;
      slot.remote = path_.to;
      slots_->message(i).prepare(slot, {slot.bytes, slot.size}, load_.trains() ? kSegment : 0);
      vectors.push_back({slot.bytes, io::kSendSlotSize});
    }
    if (variant_.operation == Operation::sendmsg_zc_fixed) {
      const int error =
          io_uring_register_buffers(&ring_, vectors.data(), static_cast<unsigned>(vectors.size()));
      if (error != 0) refuse(std::string("no registered buffers: ") + std::strerror(-error));
    }
    if (variant_.operation == Operation::send_bundle) {
      for (int i = 0; i < static_cast<int>(load_.trains() ? load_.count : 1); ++i) {
        int error = 0;
        io_uring_buf_ring* ring = io_uring_setup_buf_ring(&ring_, kBuffersInBundle, i, 0, &error);
        if (ring == nullptr) return refuse(std::string("no buffers: ") + std::strerror(-error));
        bundles_.push_back(ring);
      }
    }
  }

  // A train is one bundle; so are all the small datagrams. Each has a ring of buffers of its own,
  // because a bundle takes all that is in its ring.
  void add_bundle(std::uint32_t index) {
    const std::uint32_t count = load_.trains() ? kSegments : load_.count;
    const std::uint32_t size = load_.trains() ? kSegment : load_.size;
    for (std::uint32_t i = 0; i < count; ++i) {
      std::byte* bytes = load_.trains() ? slots_->slot(index).bytes + std::size_t{i} * kSegment
                                        : slots_->slot(i).bytes;
      io_uring_buf_ring_add(bundles_[index], bytes, size, static_cast<unsigned short>(i),
                            kBuffersInBundle - 1, static_cast<int>(i));
    }
    io_uring_buf_ring_advance(bundles_[index], static_cast<int>(count));
  }

  void submit(std::uint32_t index) {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    const int fd = variant_.file_table ? 0 : path_.sender->fd();
    const io::SendSlot& slot = slots_->slot(index);
    msghdr* header = &slots_->message(index).header();
    switch (variant_.operation) {
      case Operation::sendmsg:
        io_uring_prep_sendmsg(sqe, fd, header, MSG_DONTWAIT);
        break;
      case Operation::send_connected:
        io_uring_prep_send(sqe, fd, slot.bytes, slot.size, MSG_DONTWAIT);
        break;
      case Operation::sendmsg_zc:
        io_uring_prep_sendmsg_zc(sqe, fd, header, MSG_DONTWAIT);
        sqe->ioprio |= IORING_SEND_ZC_REPORT_USAGE;
        break;
      case Operation::sendmsg_zc_fixed:
        io_uring_prep_sendmsg_zc_fixed(sqe, fd, header, MSG_DONTWAIT, index);
        sqe->ioprio |= IORING_SEND_ZC_REPORT_USAGE;
        break;
      case Operation::send_bundle:
        add_bundle(index);
        io_uring_prep_send_bundle(sqe, fd, 0, MSG_DONTWAIT);
        sqe->flags |= IOSQE_BUFFER_SELECT;
        sqe->buf_group = static_cast<std::uint16_t>(index);
        break;
    }
    if (variant_.file_table) sqe->flags |= IOSQE_FIXED_FILE;
  }

  bool wait_for(io_uring_cqe** completion) {
    if (variant_.poller == Poller::own_core) {  // polls too
      while (io_uring_peek_cqe(&ring_, completion) != 0) io::pause_briefly();
      return true;
    }
    __kernel_timespec timeout{.tv_sec = 5, .tv_nsec = 0};
    if (io_uring_wait_cqe_timeout(&ring_, completion, &timeout) == 0) return true;
    refuse("a completion did not come");
    return false;
  }

  const Variant& variant_;
  const Load& load_;
  UdpPath path_;
  io_uring ring_{};
  bool has_ring_ = false;
  std::unique_ptr<io::SendSlots> slots_;
  std::vector<io_uring_buf_ring*> bundles_;
  std::string refused_;
  std::uint64_t sent_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t notified_ = 0;
  std::uint64_t copied_ = 0;
};

void measure(benchmark::State& state, const Variant& variant, const Load& load, Way way) {
  const std::vector<int> cpus = io::allowed_cpus();
  const Pinned pinned(cpus.front());
  Sending sending(variant, load, way, cpus);
  const bool usable = sending.refused().empty() && sending.batch();
  if (usable && !sending.right()) return state.SkipWithError("what was sent did not arrive");
  double cpu = 0;
  double own = 0;
  for (auto _ : state) {
    if (!usable) {
      state.SetIterationTime(1);
      continue;
    }
    const double cpu_before = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    const double own_before = seconds_of(CLOCK_THREAD_CPUTIME_ID);
    const auto begin = std::chrono::steady_clock::now();
    if (!sending.batch()) return state.SkipWithError(sending.refused().c_str());
    const auto end = std::chrono::steady_clock::now();
    own += seconds_of(CLOCK_THREAD_CPUTIME_ID) - own_before;
    cpu += seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_before;
    state.SetIterationTime(std::chrono::duration<double>(end - begin).count());
    if (!sending.right()) return state.SkipWithError("what was sent did not arrive");
  }
  if (!usable) return state.SetLabel(sending.refused());
  const auto mean = benchmark::Counter::kAvgIterations;
  state.counters["cpu_ns"] = benchmark::Counter(cpu * 1e9, mean);
  state.counters["own_ns"] = benchmark::Counter(own * 1e9, mean);
  if (way != Way::nowhere) state.counters["messages"] = static_cast<double>(sending.messages());
  if (sending.has_notifications()) state.counters["copied"] = sending.copied();
}

// What the ring does does not depend on the way, and the largest batch is there for the copying.
bool is_worth_asking(const Variant& variant, const Load& load, Way way) {
  const bool zero_copy = variant.operation == Operation::sendmsg_zc ||
                         variant.operation == Operation::sendmsg_zc_fixed;
  const bool today = &variant == kVariants;
  if (load.trains() && load.count == kMostInBatch) return today || zero_copy;
  return way == Way::loopback || today || variant.operation != Operation::sendmsg;
}

bool register_all() {
  for (const Way way : {Way::loopback, Way::veth, Way::nowhere}) {
    for (const Load& load : kLoads) {
      for (const Variant& variant : kVariants) {
        if (!is_worth_asking(variant, load, way)) continue;
        const std::string name =
            std::string("UringSend/") + name_of(way) + "/" + load.name + "/" + variant.name;
        benchmark::RegisterBenchmark(name.c_str(), [&variant, &load, way](benchmark::State& state) {
          measure(state, variant, load, way);
        })->UseManualTime();
      }
    }
  }
  return true;
}
const bool kRegistered = register_all();

}  // namespace
}  // namespace quicore::perf
