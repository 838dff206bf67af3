// SPDX-License-Identifier: Apache-2.0
#include "io/uring_ring.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "io/check.h"

namespace quicore::io {

namespace {

// From the best to the oldest: each kernel refuses flags it does not know with EINVAL.
constexpr unsigned kBaseFlags = IORING_SETUP_CQSIZE | IORING_SETUP_R_DISABLED |
                                IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER;
constexpr std::array kSetupFlags = {
    kBaseFlags | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
        IORING_SETUP_NO_SQARRAY,                                          // Linux 6.6
    kBaseFlags | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,  // Linux 6.1
    kBaseFlags | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,   // Linux 6.0
};

// Unlike pthread_self() never used twice.
std::uint64_t this_thread() noexcept {
  static std::atomic<std::uint64_t> last{0};
  thread_local const std::uint64_t kId = ++last;
  return kId;
}

int io_uring_disabled_setting() {
  int value = 0;
  std::ifstream("/proc/sys/kernel/io_uring_disabled") >> value;
  return value;
}

std::string advice_for(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      if (const int setting = io_uring_disabled_setting(); setting != 0) {
        return "kernel.io_uring_disabled=" + std::to_string(setting) + ": set it to 0" +
               (setting == 1 ? ", or put the user into kernel.io_uring_group" : "");
      }
      return "allow io_uring_setup, io_uring_enter and io_uring_register in the container's "
             "seccomp profile";
    case ENOSYS:
      return "the kernel is built without io_uring, or the container's seccomp profile hides it: "
             "allow io_uring_setup, io_uring_enter and io_uring_register";
    case ENOMEM:
      return "raise the limit of locked memory (ulimit -l) or the container's memory limit";
    default:
      return "Linux 6.0 or newer is needed";
  }
}

std::unexpected<Error> ring_failure(int error, const char* call) {
  return std::unexpected(Error::system(
      error, std::string(call) + ": " + std::strerror(error) + "; " + advice_for(error)));
}

}  // namespace

Result<std::unique_ptr<UringRing>> UringRing::open(const UringRingConfig& config,
                                                   KernelCalls& kernel) {
  std::unique_ptr<UringRing> ring(new UringRing(kernel));
  auto ready = ring->set_up(config);
  if (ready) ready = ring->check_features();
  if (!ready) return std::unexpected(std::move(ready.error()));
  return ring;
}

Result<> UringRing::set_up(const UringRingConfig& config) {
  int result = -EINVAL;
  for (const unsigned flags : kSetupFlags) {
    io_uring_params params{};
    params.flags = flags;
    params.cq_entries = config.completion_entries;
    result = kernel_.ring_setup(config.submission_entries, &ring_, &params);
    if (result != -EINVAL) break;
  }
  if (result < 0) return ring_failure(-result, "io_uring_setup");
  is_set_up_ = true;
  completions_.resize(ring_.cq.ring_entries);
  // IORING_ENTER_ABS_TIMER came with the same release as this feature.
  has_absolute_deadline_ = (ring_.features & IORING_FEAT_MIN_TIMEOUT) != 0;
  return {};
}

Result<> UringRing::check_features() {
  constexpr unsigned kNeeded = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP | IORING_FEAT_CQE_SKIP;
  if ((ring_.features & kNeeded) != kNeeded) return ring_failure(EINVAL, "io_uring features");
  // Multishot recvmsg has no operation of its own to ask for; SEND_ZC came with the same release.
  std::unique_ptr<io_uring_probe, void (*)(io_uring_probe*)> probe(io_uring_get_probe_ring(&ring_),
                                                                   io_uring_free_probe);
  if (probe == nullptr || io_uring_opcode_supported(probe.get(), IORING_OP_SEND_ZC) == 0) {
    return ring_failure(EINVAL, "io_uring multishot recvmsg");
  }
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);  // the kernel refuses a table larger than this
  const auto entries = static_cast<unsigned>(std::min<rlim_t>(kMaxSockets, files.rlim_cur));
  has_file_table_ = entries == kMaxSockets && io_uring_register_files_sparse(&ring_, entries) == 0;
  return {};
}

UringRing::~UringRing() {
  if (!is_set_up_) return;
  if (registered_fd_ >= 0 && on_own_thread()) {
    io_uring_rsrc_update update{};
    update.offset = static_cast<std::uint32_t>(registered_fd_);
    io_uring_register(static_cast<unsigned>(ring_.ring_fd), IORING_UNREGISTER_RING_FDS, &update, 1);
  }
  io_uring_queue_exit(&ring_);
}

void UringRing::adopt_thread() noexcept {
  if (adopted_) return;
  adopted_ = true;
  thread_ = this_thread();
  QUICORE_CHECK(io_uring_enable_rings(&ring_) == 0);
  // Not io_uring_register_ring_fd(): liburing would use the index of this thread's table on
  // whatever thread destroys the ring.
  io_uring_rsrc_update update{};
  update.offset = ~0U;
  update.data = static_cast<std::uint64_t>(ring_.ring_fd);
  if (io_uring_register(static_cast<unsigned>(ring_.ring_fd), IORING_REGISTER_RING_FDS, &update,
                        1) == 1) {
    registered_fd_ = static_cast<int>(update.offset);
  }
}

bool UringRing::on_own_thread() const noexcept { return adopted_ && thread_ == this_thread(); }

io_uring_sqe* UringRing::next() noexcept {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  while (sqe == nullptr) {
    enter(0, kNever);
    sqe = io_uring_get_sqe(&ring_);
  }
  return sqe;
}

std::uint32_t UringRing::publish_submissions() noexcept {
  io_uring_sq& queue = ring_.sq;
  if (queue.sqe_head != queue.sqe_tail) {
    queue.sqe_head = queue.sqe_tail;
    __atomic_store_n(queue.ktail, queue.sqe_tail, __ATOMIC_RELEASE);
  }
  return queue.sqe_tail - __atomic_load_n(queue.khead, __ATOMIC_ACQUIRE);
}

void UringRing::submit() noexcept {
  if (ring_.sq.sqe_head != ring_.sq.sqe_tail) enter(0, 0, kNever);
}

void UringRing::enter(std::uint32_t wait_for, Instant deadline) noexcept {
  enter(IORING_ENTER_GETEVENTS, wait_for, deadline);
}

void UringRing::enter(unsigned flags, std::uint32_t wait_for, Instant deadline) noexcept {
  adopt_thread();
  timespec timeout{};
  const bool has_timeout = wait_for != 0 && deadline != kNever;
  if (has_timeout) {
    Duration time = deadline.time_since_epoch();
    if (has_absolute_deadline_) {
      flags |= IORING_ENTER_ABS_TIMER;
    } else {
      time = std::max(deadline - std::chrono::steady_clock::now(), Duration::zero());
    }
    constexpr auto kSecond = std::chrono::nanoseconds(std::chrono::seconds(1)).count();
    timeout = {time.count() / kSecond, time.count() % kSecond};
  }
  auto fd = static_cast<unsigned>(ring_.ring_fd);
  if (registered_fd_ >= 0) {
    fd = static_cast<unsigned>(registered_fd_);
    flags |= IORING_ENTER_REGISTERED_RING;
  }
  int result = 0;
  do {  // a signal does not end a wait
    ++system_calls_;
    result = kernel_.ring_enter(&ring_, fd, publish_submissions(), wait_for, flags,
                                has_timeout ? &timeout : nullptr);
  } while (result == -EINTR);
  // ETIME ends a wait; EAGAIN, EBUSY and ENOMEM leave submissions for the next enter.
  QUICORE_CHECK(result >= 0 || result == -ETIME || result == -EAGAIN || result == -EBUSY ||
                result == -ENOMEM);
}

bool UringRing::has_work() const noexcept {
  const unsigned flags = __atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED);
  return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0 ||
         ring_.sq.sqe_tail != __atomic_load_n(ring_.sq.khead, __ATOMIC_RELAXED);
}

bool UringRing::overflowed() const noexcept {
  return (__atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_CQ_OVERFLOW) != 0;
}

std::span<const Completion> UringRing::drain() noexcept {
  io_uring_cq& queue = ring_.cq;
  unsigned head = *queue.khead;
  const unsigned tail = __atomic_load_n(queue.ktail, __ATOMIC_ACQUIRE);
  std::size_t count = 0;
  for (; head != tail; ++head) {
    const io_uring_cqe& entry = queue.cqes[head & queue.ring_mask];
    completions_[count++] = {entry.user_data, entry.res, entry.flags};
  }
  __atomic_store_n(queue.khead, head, __ATOMIC_RELEASE);
  const std::span batch(completions_.data(), count);
  kernel_.ring_completions(batch);
  return batch;
}

void UringRing::set_file(std::uint32_t index, int fd) noexcept {
  if (!has_file_table_) return;
  const int result = io_uring_register_files_update(&ring_, index, &fd, 1);
  QUICORE_CHECK(result == 1);
}

}  // namespace quicore::io
