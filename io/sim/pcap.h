// SPDX-License-Identifier: Apache-2.0
//
// Writes datagrams as a pcap file of raw IP packets with nanosecond time stamps, for Wireshark.
#pragma once

#include <cstdint>
#include <cstdio>

#include "io/sim/datagram.h"
#include "io/time.h"

namespace quicore::sim {

class PcapWriter {
 public:
  // A file that cannot be written is said on stderr once; write() then does nothing.
  explicit PcapWriter(const char* path);
  ~PcapWriter();
  PcapWriter(const PcapWriter&) = delete;
  PcapWriter& operator=(const PcapWriter&) = delete;

  void write(Instant at, const Datagram& datagram);

 private:
  std::FILE* file_;
};

}  // namespace quicore::sim
