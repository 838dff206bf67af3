// SPDX-License-Identifier: Apache-2.0
#include "tools/common/machine.h"

#include <sched.h>
#include <sys/utsname.h>

#include <algorithm>
#include <fstream>
#include <thread>

namespace quicore::tools {

std::string describe_machine() {
  std::string model = "unknown CPU";
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) {
      model = line.substr(std::min(line.size(), line.find(':') + 2));
      break;
    }
  }
  utsname kernel{};
  uname(&kernel);
  const unsigned cpus = std::thread::hardware_concurrency();
  return model + ", " + std::to_string(cpus) + (cpus == 1 ? " CPU, " : " CPUs, ") + kernel.sysname +
         " " + kernel.release;
}

std::vector<int> two_cpus() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof allowed, &allowed);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE && cpus.size() < 2; ++cpu) {
    if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
  }
  return cpus;
}

}  // namespace quicore::tools
