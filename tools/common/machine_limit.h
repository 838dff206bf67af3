// SPDX-License-Identifier: Apache-2.0
//
// MachineLimit: what the kernel and the CPU of a machine allow one QUIC transfer at most, and its
// JSON form. quicore-limit measures and writes it, quicore-demo and the scripts under perf/ read
// it.
//
// Bulk transfers, per packet of `payload` bytes:
//
//   Every byte passes the kernel (measured: windowed UDP with GSO and GRO, by itself) and one AEAD
//   operation on each side (measured: by itself). A core does one thing at a time, so on the core
//   that is busier their costs add:
//
//     two cores:  ns = kernel_two_ns + max(seal_ns, open_ns)
//     one core:   ns = kernel_one_ns + seal_ns + open_ns
//     limit       = payload * 8 / ns  Gbit/s
//
//   kernel_two_ns is the wall time per packet when sender and receiver run on different cores: the
//   busier of the two is never idle then, so that is its cost. kernel_one_ns is the wall time with
//   both on the same core. Example: 81 Gbit/s of 1452-byte packets are 143 ns, a seal takes 99 ns:
//   48 Gbit/s.
//
// Small requests: the same, with one datagram each way and the AEAD operations of both. Handshakes:
// the public-key operations alone, of the busier side or of both; the kernel is negligible there.
//
// Latencies of an open loop: what one moment in a hundred, and one in a thousand, has to wait longer
// than until the cores run again, seen by a thread that only reads the clock (perf/limit/stalls.h).
// A 99th percentile below the first needs luck.
//
// Nothing in it counts for QUIC itself: no acknowledgements, no bookkeeping, no header protection.
// An implementation cannot reach it; the ratio says how much it adds.
#pragma once

#include <expected>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace quicore::tools {

struct MachineLimit {
  // Bulk.
  unsigned payload = 0;   // bytes per datagram, and per AEAD operation
  unsigned segments = 0;  // datagrams per message to the kernel
  std::string aead;       // "AES-128-GCM, ipsec-mb"
  double seal_ns = 0;
  double open_ns = 0;
  double kernel_two_cores_gbps = 0;  // 0: the machine, or --cpus, has one CPU only
  double kernel_one_core_gbps = 0;
  // The rounds the medians above were taken of: how steady the machine was.
  std::vector<double> kernel_two_cores_rounds;
  std::vector<double> kernel_one_core_rounds;

  // Small requests and their answers, one datagram each, per second through the kernel.
  unsigned request_size = 0;
  unsigned answer_size = 0;
  double exchange_two_cores = 0;
  double exchange_one_core = 0;
  double exchange_server_aead_ns = 0;  // opens a request, seals an answer
  double exchange_client_aead_ns = 0;

  // Public-key operations of one full handshake.
  double handshake_server_ns = 0;
  double handshake_client_ns = 0;

  // Of requests that are due at any moment, one in a hundred, one in a thousand waits longer: both
  // cores, one. And the longest stall that was seen.
  double stall_p99_two_cores_us = 0;
  double stall_p99_one_core_us = 0;
  double stall_p99_9_two_cores_us = 0;
  double stall_p99_9_one_core_us = 0;
  double longest_stall_us = 0;

  // Derived by the formulas above; 0 where something they need is 0.
  double aead_gbps = 0;  // by the slower of seal and open, one core
  double two_cores_gbps = 0;
  double one_core_gbps = 0;
  double requests_two_cores = 0;
  double requests_one_core = 0;
  double handshakes_two_cores = 0;
  double handshakes_one_core = 0;

  void derive();

  // The limit of the rounds of both: medians anew where there are rounds, means elsewhere. For two
  // measurements of one machine that frame what they are compared with.
  [[nodiscard]] MachineLimit joined_with(const MachineLimit& other) const;
};

// Gbit/s of packets of `payload` bytes that take `ns` each; 0 when ns is 0.
[[nodiscard]] double gbps_of(unsigned payload, double ns);
// And back.
[[nodiscard]] double ns_of(unsigned payload, double gbps);

// The middle value, or the mean of the two in the middle; 0 of none.
[[nodiscard]] double median(std::vector<double> values);

void to_json(nlohmann::ordered_json& json, const MachineLimit& limit);
[[nodiscard]] std::string to_json_line(const MachineLimit& limit);

// The limit in `json`, or a sentence that names what is missing.
[[nodiscard]] std::expected<MachineLimit, std::string> parse_machine_limit(std::string_view json);

}  // namespace quicore::tools
