// SPDX-License-Identifier: Apache-2.0
//
// What happened, in order: every datagram sent, dropped, doubled, delivered and received. The
// fingerprint covers all of it, payloads included: two runs of one seed have the same one.
//
// For looking at a failure: the last events are kept and printed with it; QUICORE_SIM_TRACE=FILE
// writes all of them as text, QUICORE_SIM_PCAP=FILE writes what was sent for Wireshark.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/sim/datagram.h"
#include "io/sim/pcap.h"
#include "io/sim/timeline.h"

namespace quicore::sim {

enum class What : std::uint8_t {
  sent,        // left a socket (or was injected)
  refused,     // the host would not send it, as a system call that fails
  duplicated,  // a link made a second one
  dropped,     // by a link, a NAT, or a host without room or socket for it
  delivered,   // waits in a socket
  received,    // was handed to the node by SimPort::wait
};
inline constexpr std::size_t kWhatCount = 6;
const char* to_string(What what) noexcept;

// Valid during the call of an observer only.
struct Sight {
  What what{};
  Instant at;
  const std::string& host;  // where it was seen: the sender for all but delivered and received
  const Datagram& datagram;
  const char* reason = nullptr;  // of dropped and refused
};

class Trace {
 public:
  using Observer = std::move_only_function<void(const Sight&)>;

  // `keep_everything`: text() tells the whole story instead of its end.
  Trace(const Timeline& timeline, bool keep_everything);
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  void record(What what, const std::string& host, const Datagram& datagram,
              const char* reason = nullptr);
  void observe(Observer observer) { observers_.push_back(std::move(observer)); }

  std::uint64_t count(What what) const noexcept { return counts_[static_cast<std::size_t>(what)]; }
  std::uint64_t fingerprint() const noexcept { return fingerprint_; }
  Instant last_event() const noexcept { return last_event_; }
  // One line per event kept, the oldest first.
  std::string text() const;

 private:
  struct Entry {
    What what{};
    Duration at{};
    const std::string* host = nullptr;
    std::uint64_t number = 0;
    Address source;
    Address destination;
    io::Ecn ecn{};
    std::size_t size = 0;
    std::uint64_t digest = 0;
    const char* reason = nullptr;
  };
  static std::string line(const Entry& entry);
  void mix(std::uint64_t value) noexcept;

  static constexpr std::size_t kKept = 48;  // a failure's last events: a screen full

  const Timeline& timeline_;
  const bool keep_everything_;
  std::array<std::uint64_t, kWhatCount> counts_{};
  std::uint64_t fingerprint_ = 0;
  Instant last_event_ = kBeginning;
  std::vector<Entry> entries_;  // a ring unless keep_everything_
  std::size_t oldest_ = 0;
  std::vector<Observer> observers_;
  std::FILE* file_ = nullptr;
  std::unique_ptr<PcapWriter> pcap_;
};

}  // namespace quicore::sim
