// SPDX-License-Identifier: Apache-2.0
//
// How many small requests and answers the kernel's UDP path can carry: a client that keeps some
// under way, a server that answers each, one datagram each way, loopback, nothing done with the
// bytes. As requests of many clients they do not form trains; what can be batched are the system
// calls (recvmmsg, sendmmsg).
#pragma once

#include "io/error.h"
#include "perf/limit/udp_pair.h"

namespace quicore::perf {

struct KernelExchangeOptions {
  unsigned request_size = 100;
  unsigned answer_size = 600;
  unsigned outstanding = 100;
  PairTimes times;  // the first is the client
};

// One count is one answer at the client. Errors: as measure_kernel_udp.
Result<PairSample> measure_kernel_exchange(const KernelExchangeOptions& options);

}  // namespace quicore::perf
