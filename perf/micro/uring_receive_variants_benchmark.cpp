// SPDX-License-Identifier: Apache-2.0
//
// The ways io_uring has to receive datagrams and to wait for them, beside those that UringPort uses
// (`today`): is any of them cheaper? What was decided from it: docs/decisions/0019.
//
//   quicore_microbench --benchmark_filter='UringReceive|UringWait'
//       --benchmark_enable_random_interleaving=true --benchmark_repetitions=5
//
// UringReceive: one iteration takes in what was sent before it, 8 trains of 44 datagrams of 1,472
// bytes or 32 datagrams of 100 bytes, and gives the buffers back. `completions` per iteration;
// `cut_off` are messages per iteration that lacked room: only `today` has always enough.
// `incremental` fills buffers of 1 MiB piece by piece, `bundle` might fill several of 4 KiB at
// once, without addresses and control messages.
//
// UringWait: one iteration is a datagram to another core and back. The label says what came of NAPI
// busy polling: whether the kernel took it, and the number of the device's queue (0: there is none).
#include <benchmark/benchmark.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "io/limits.h"
#include "io/memory_region.h"
#include "io/send_slots.h"
#include "perf/micro/pinned.h"
#include "perf/micro/udp_path.h"

namespace quicore::perf {
namespace {

constexpr std::uint32_t kSegment = 1472;
constexpr std::uint32_t kTrain = 44 * kSegment;
constexpr std::uint32_t kSmall = 100;

struct Load {
  const char* name;
  std::uint32_t count;
  std::uint32_t size;
};
constexpr Load kLoads[] = {{"trains:8", 8, kTrain}, {"datagrams:32", 32, kSmall}};

enum class Buffers { whole, incremental, bundle };
struct Variant {
  const char* name;
  Buffers buffers;
};
constexpr Variant kVariants[] = {
    {"today", Buffers::whole}, {"incremental", Buffers::incremental}, {"bundle", Buffers::bundle}};

// A ring as UringRing sets it up, for the calling thread.
class Ring {
 public:
  explicit Ring(int fd) {
    io_uring_params params{};
    params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
                   IORING_SETUP_NO_SQARRAY | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
    params.cq_entries = io::kCompletionEntries;
    const int error = io_uring_queue_init_params(io::kSubmissionEntries, &ring_, &params);
    if (error < 0) {
      refused = std::string("no ring: ") + std::strerror(-error);
      return;
    }
    made_ = true;
    if (io_uring_register_files(&ring_, &fd, 1) != 0) refused = "no file table";
    if (io_uring_register_ring_fd(&ring_) != 1) refused = "no registered ring";
  }
  ~Ring() {
    if (made_) io_uring_queue_exit(&ring_);
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  io_uring* get() { return &ring_; }

  std::string refused;

 private:
  io_uring ring_{};
  bool made_ = false;
};

class Receiving {
 public:
  Receiving(Buffers kind, const Load& load)
      : kind_(kind),
        load_(load),
        path_(UdpPath::open(Way::loopback)),
        ring_(path_.receiver->fd()),
        size_(kind == Buffers::whole         ? kHeader + io::kReceivePayloadSize
              : kind == Buffers::incremental ? 1U << 20
                                             : 4096U),
        count_(kind == Buffers::bundle ? 256U
               : load.count > 16       ? 64U
                                       : 16U),
        memory_(std::size_t{size_} * count_),
        offsets_(count_) {
    refused_ = path_.refused.empty() ? ring_.refused : path_.refused;
    if (!refused_.empty()) return;
    int error = 0;
    buffers_ = io_uring_setup_buf_ring(
        ring_.get(), count_, 0, kind == Buffers::incremental ? IOU_PBUF_RING_INC : 0, &error);
    if (buffers_ == nullptr) {
      refused_ = std::string("no ring of buffers: ") + std::strerror(-error);
      return;
    }
    for (std::uint32_t i = 0; i < count_; ++i) give(static_cast<std::uint16_t>(i));
    layout_.msg_namelen = io::kReceiveNameSize;
    layout_.msg_controllen = io::kReceiveControlSize;
    slot_ = slots_.lease();
    slot_->size = load.size;
    slot_->segment_size = kSegment;
    slot_->ecn = io::Ecn::ect0;
    slot_->remote = path_.to;
    slots_.message(slot_->index)
        .prepare(*slot_, {slot_->bytes, slot_->size}, load.size > kSegment ? kSegment : 0);
    arm();
  }
  ~Receiving() {
    if (buffers_ != nullptr) io_uring_free_buf_ring(ring_.get(), buffers_, count_, 0);
  }
  Receiving(const Receiving&) = delete;
  Receiving& operator=(const Receiving&) = delete;

  const std::string& refused() const { return refused_; }

  void fill() {
    for (std::uint32_t i = 0; i < load_.count; ++i) {
      ::sendmsg(path_.sender->fd(), &slots_.message(slot_->index).header(), 0);
    }
  }

  // False when less came than was sent.
  bool batch() {
    const std::uint64_t expected = std::uint64_t{load_.count} * load_.size;
    for (std::uint64_t got = 0; got < expected;) {
      io_uring_cqe* completion = nullptr;
      __kernel_timespec timeout{.tv_sec = 2, .tv_nsec = 0};
      if (io_uring_peek_cqe(ring_.get(), &completion) != 0 &&
          io_uring_submit_and_wait_timeout(ring_.get(), &completion, 1, &timeout, nullptr) < 0) {
        return false;
      }
      if (completion->res < 0 && completion->res != -ENOBUFS) {
        // EFAULT: what is left of a buffer has no room for a header, and is not skipped either.
        refused_ = std::string("ended: ") + std::strerror(-completion->res);
        return false;
      }
      ++completions;
      if ((completion->flags & IORING_CQE_F_BUFFER) != 0) got += take(*completion);
      if ((completion->flags & IORING_CQE_F_MORE) == 0) arm();
      io_uring_cqe_seen(ring_.get(), completion);
    }
    return true;
  }

  std::uint64_t completions = 0;
  std::uint64_t cut_off = 0;

 private:
  static constexpr std::uint32_t kHeader =
      sizeof(io_uring_recvmsg_out) + io::kReceiveNameSize + io::kReceiveControlSize;

  std::byte* bytes_of(std::uint16_t buffer) { return memory_.data() + std::size_t{buffer} * size_; }

  void give(std::uint16_t buffer) {
    offsets_[buffer] = 0;
    io_uring_buf_ring_add(buffers_, bytes_of(buffer), size_, buffer, io_uring_buf_ring_mask(count_),
                          0);
    io_uring_buf_ring_advance(buffers_, 1);
  }

  void arm() {
    io_uring_sqe* sqe = io_uring_get_sqe(ring_.get());
    if (kind_ == Buffers::bundle) {
      io_uring_prep_recv_multishot(sqe, 0, nullptr, 0, 0);
      sqe->ioprio |= IORING_RECVSEND_BUNDLE;
    } else {
      io_uring_prep_recvmsg_multishot(sqe, 0, &layout_, MSG_TRUNC);
    }
    sqe->flags |= IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE;
    sqe->buf_group = 0;
    io_uring_submit_and_get_events(ring_.get());
  }

  std::uint64_t take(const io_uring_cqe& completion) {
    const auto size = static_cast<std::uint32_t>(completion.res);
    auto buffer = static_cast<std::uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
    if (kind_ == Buffers::bundle) {  // buffers in the order in which they were given
      for (std::uint32_t i = 0; i < (size + size_ - 1) / size_; ++i) {
        give(static_cast<std::uint16_t>((buffer + i) % count_));
      }
      const bool whole = size == load_.size;
      if (!whole) ++cut_off;
      return whole ? size : load_.size;
    }
    std::byte* at = bytes_of(buffer) + offsets_[buffer];
    offsets_[buffer] += size;
    const io_uring_recvmsg_out* out = io_uring_recvmsg_validate(at, completion.res, &layout_);
    const std::uint64_t whole = out == nullptr ? 0 : out->payloadlen;
    if (out == nullptr || (out->flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) ++cut_off;
    if ((completion.flags & IORING_CQE_F_BUF_MORE) == 0) give(buffer);
    return whole;
  }

  Buffers kind_;
  const Load& load_;
  UdpPath path_;
  Ring ring_;
  std::uint32_t size_;
  std::uint32_t count_;
  io::MemoryRegion memory_;
  std::vector<std::uint32_t> offsets_;  // filled so far
  io_uring_buf_ring* buffers_ = nullptr;
  msghdr layout_{};
  io::SendSlots slots_{1};
  io::SendSlot* slot_ = nullptr;
  std::string refused_;
};

void receive(benchmark::State& state, const Variant& variant, const Load& load) {
  const Pinned pinned(io::allowed_cpus().front());
  Receiving receiving(variant.buffers, load);
  if (receiving.refused().empty()) {
    receiving.fill();
    if (!receiving.batch() && receiving.refused().empty()) {
      return state.SkipWithError("not everything arrived");
    }
  }
  receiving.completions = receiving.cut_off = 0;
  for (auto _ : state) {
    if (!receiving.refused().empty()) {
      state.SetIterationTime(1);
      continue;
    }
    receiving.fill();
    const auto begin = std::chrono::steady_clock::now();
    const bool right = receiving.batch();
    const auto end = std::chrono::steady_clock::now();
    if (!right && receiving.refused().empty()) return state.SkipWithError("not everything arrived");
    state.SetIterationTime(std::chrono::duration<double>(end - begin).count());
  }
  if (!receiving.refused().empty()) return state.SetLabel(receiving.refused());
  const auto mean = benchmark::Counter::kAvgIterations;
  state.counters["completions"] =
      benchmark::Counter(static_cast<double>(receiving.completions), mean);
  state.counters["cut_off"] = benchmark::Counter(static_cast<double>(receiving.cut_off), mean);
}

// --- waiting ----------------------------------------------------------------------------------------

void answer(const UdpPath& path, int cpu, const std::atomic<bool>& stop) {
  if (!io::pin_this_thread(cpu)) return;
  char byte = 0;
  while (!stop.load(std::memory_order_relaxed)) {
    if (::recv(path.receiver->fd(), &byte, 1, 0) == 1) ::send(path.receiver->fd(), &byte, 1, 0);
  }
}

bool round_trip(io_uring* ring, int fd) {
  char byte = 0;
  io_uring_prep_recv(io_uring_get_sqe(ring), fd, &byte, 1, 0);
  if (::send(fd, &byte, 1, 0) != 1) return false;
  io_uring_cqe* completion = nullptr;
  __kernel_timespec timeout{.tv_sec = 2, .tv_nsec = 0};
  if (io_uring_submit_and_wait_timeout(ring, &completion, 1, &timeout, nullptr) < 0) return false;
  const bool right = completion->res == 1;
  io_uring_cqe_seen(ring, completion);
  return right;
}

void wait_for_answers(benchmark::State& state, Way way, bool busy_poll) {
  const std::vector<int> cpus = io::allowed_cpus();
  const Pinned pinned(cpus.front());
  UdpPath path = UdpPath::open(way);
  Ring ring(path.refused.empty() ? path.sender->fd() : 0);
  std::string refused = path.refused.empty() ? ring.refused : path.refused;
  if (cpus.size() < 2) refused = "two cores are needed";
  std::string label = refused;
  std::atomic<bool> stop{false};
  std::thread answering;
  if (refused.empty()) {
    path.connect();
    answering = std::thread([&] { answer(path, cpus[1], stop); });
    if (busy_poll) {
      io_uring_napi napi{.busy_poll_to = 50, .prefer_busy_poll = 1, .pad = {}, .resv = 0};
      const int error = io_uring_register_napi(ring.get(), &napi);
      label = error == 0 ? "accepted" : std::string("refused: ") + std::strerror(-error);
    }
  }
  bool right = true;
  for (auto _ : state) {
    if (!refused.empty()) {
      state.SetIterationTime(1);
      continue;
    }
    const auto begin = std::chrono::steady_clock::now();
    right = round_trip(ring.get(), path.sender->fd());
    const auto end = std::chrono::steady_clock::now();
    if (!right) break;
    state.SetIterationTime(std::chrono::duration<double>(end - begin).count());
  }
  if (refused.empty()) {
    label += (label.empty() ? "queue " : ", queue ") + std::to_string(path.receive_queue());
    stop = true;
    answering.join();
  }
  if (!right) return state.SkipWithError("no answer");
  state.SetLabel(label);
}

bool register_all() {
  for (const Load& load : kLoads) {
    for (const Variant& variant : kVariants) {
      const std::string name = std::string("UringReceive/") + load.name + "/" + variant.name;
      benchmark::RegisterBenchmark(name.c_str(), [&variant, &load](benchmark::State& state) {
        receive(state, variant, load);
      })->UseManualTime();
    }
  }
  for (const Way way : {Way::loopback, Way::veth}) {
    for (const bool busy_poll : {false, true}) {
      const std::string name = std::string("UringWait/") + name_of(way) +
                               (busy_poll ? "/napi_busy_poll" : "/today_without_polling");
      benchmark::RegisterBenchmark(name.c_str(), [way, busy_poll](benchmark::State& state) {
        wait_for_answers(state, way, busy_poll);
      })->UseManualTime();
    }
  }
  return true;
}
const bool kRegistered = register_all();

}  // namespace
}  // namespace quicore::perf
