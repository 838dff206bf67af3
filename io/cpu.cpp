// SPDX-License-Identifier: Apache-2.0
#include "io/cpu.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

#include <cerrno>
#include <memory>
#include <string>

#include "io/limits.h"

namespace quicore::io {

namespace {

constexpr int kMaxCpus = 8192;  // CONFIG_NR_CPUS of the largest distribution kernels

struct CpuSetDeleter {
  void operator()(cpu_set_t* set) const noexcept { CPU_FREE(set); }
};
using CpuSet = std::unique_ptr<cpu_set_t, CpuSetDeleter>;

const std::size_t kSetSize = CPU_ALLOC_SIZE(kMaxCpus);

CpuSet empty_set() {
  CpuSet set(CPU_ALLOC(kMaxCpus));
  if (set == nullptr) throw std::bad_alloc();
  CPU_ZERO_S(kSetSize, set.get());
  return set;
}

std::string list_of(const std::vector<int>& cpus) {
  std::string text;
  for (const int cpu : cpus) text += (text.empty() ? "" : ", ") + std::to_string(cpu);
  return text;
}

}  // namespace

std::vector<int> allowed_cpus() {
  const CpuSet set = empty_set();
  std::vector<int> cpus;
  if (sched_getaffinity(0, kSetSize, set.get()) != 0) return cpus;
  for (int cpu = 0; cpu < kMaxCpus; ++cpu) {
    if (CPU_ISSET_S(cpu, kSetSize, set.get())) cpus.push_back(cpu);
  }
  return cpus;
}

Result<> pin_this_thread(int cpu) {
  const CpuSet set = empty_set();
  if (cpu >= 0 && cpu < kMaxCpus) {
    CPU_SET_S(cpu, kSetSize, set.get());
    if (sched_setaffinity(0, kSetSize, set.get()) == 0) return {};
  }
  return failure(Errc::invalid_argument, "CPU " + std::to_string(cpu) +
                                             " cannot be used by this process; it may use " +
                                             list_of(allowed_cpus()));
}

int current_cpu() noexcept { return sched_getcpu(); }

void name_this_thread(std::string_view name) {
  const std::string shortened(name.substr(0, 15));
  pthread_setname_np(pthread_self(), shortened.c_str());
}

void reduce_timer_slack() noexcept {
  // Cannot fail; where it did, timers would only be as late as they are everywhere.
  ::prctl(PR_SET_TIMERSLACK, static_cast<unsigned long>(kTimerSlack.count()), 0, 0, 0);
}

}  // namespace quicore::io
