// SPDX-License-Identifier: Apache-2.0
#include "tools/common/machine_limit.h"

#include <algorithm>
#include <concepts>
#include <type_traits>

#include "tools/common/json_members.h"

namespace quicore::tools {

template <class Limit, class Visit>
requires std::same_as<std::remove_const_t<Limit>, MachineLimit>
static void for_each_key(Limit& limit, Visit&& visit) {
  visit("payload", limit.payload);
  visit("segments", limit.segments);
  visit("aead", limit.aead);
  visit("seal_ns", limit.seal_ns);
  visit("open_ns", limit.open_ns);
  visit("kernel_two_cores_gbps", limit.kernel_two_cores_gbps);
  visit("kernel_one_core_gbps", limit.kernel_one_core_gbps);
  visit("kernel_two_cores_rounds", limit.kernel_two_cores_rounds);
  visit("kernel_one_core_rounds", limit.kernel_one_core_rounds);
  visit("request_size", limit.request_size);
  visit("answer_size", limit.answer_size);
  visit("exchange_two_cores", limit.exchange_two_cores);
  visit("exchange_one_core", limit.exchange_one_core);
  visit("exchange_server_aead_ns", limit.exchange_server_aead_ns);
  visit("exchange_client_aead_ns", limit.exchange_client_aead_ns);
  visit("handshake_server_ns", limit.handshake_server_ns);
  visit("handshake_client_ns", limit.handshake_client_ns);
  visit("stall_p99_two_cores_us", limit.stall_p99_two_cores_us);
  visit("stall_p99_one_core_us", limit.stall_p99_one_core_us);
  visit("stall_p99_9_two_cores_us", limit.stall_p99_9_two_cores_us);
  visit("stall_p99_9_one_core_us", limit.stall_p99_9_one_core_us);
  visit("longest_stall_us", limit.longest_stall_us);
  visit("aead_gbps", limit.aead_gbps);
  visit("two_cores_gbps", limit.two_cores_gbps);
  visit("one_core_gbps", limit.one_core_gbps);
  visit("requests_two_cores", limit.requests_two_cores);
  visit("requests_one_core", limit.requests_one_core);
  visit("handshakes_two_cores", limit.handshakes_two_cores);
  visit("handshakes_one_core", limit.handshakes_one_core);
}

namespace {

// Per second from nanoseconds each, and back; 0 stands for "not measured" on both sides.
double inverse(double value) { return value > 0 ? 1e9 / value : 0; }

// A cost that was not measured makes the sum unknown, too.
double plus(double measured_ns, double more_ns) {
  return measured_ns > 0 ? measured_ns + more_ns : 0;
}

}  // namespace

double gbps_of(unsigned payload, double ns) { return ns > 0 ? payload * 8.0 / ns : 0; }

double ns_of(unsigned payload, double gbps) { return gbps > 0 ? payload * 8.0 / gbps : 0; }

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

void MachineLimit::derive() {
  const double slower = std::max(seal_ns, open_ns);
  const double both = seal_ns + open_ns;
  aead_gbps = gbps_of(payload, slower);
  two_cores_gbps = gbps_of(payload, plus(ns_of(payload, kernel_two_cores_gbps), slower));
  one_core_gbps = gbps_of(payload, plus(ns_of(payload, kernel_one_core_gbps), both));

  const double busier = std::max(exchange_server_aead_ns, exchange_client_aead_ns);
  const double sum = exchange_server_aead_ns + exchange_client_aead_ns;
  requests_two_cores = inverse(plus(inverse(exchange_two_cores), busier));
  requests_one_core = inverse(plus(inverse(exchange_one_core), sum));

  const bool two_cores = kernel_two_cores_gbps > 0;
  handshakes_two_cores =
      two_cores ? inverse(std::max(handshake_server_ns, handshake_client_ns)) : 0;
  handshakes_one_core = inverse(handshake_server_ns + handshake_client_ns);
}

MachineLimit MachineLimit::joined_with(const MachineLimit& other) const {
  MachineLimit joined = *this;
  const auto append = [](std::vector<double>& to, const std::vector<double>& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  append(joined.kernel_two_cores_rounds, other.kernel_two_cores_rounds);
  append(joined.kernel_one_core_rounds, other.kernel_one_core_rounds);
  joined.kernel_two_cores_gbps = median(joined.kernel_two_cores_rounds);
  joined.kernel_one_core_gbps = median(joined.kernel_one_core_rounds);
  for (const auto member :
       {&MachineLimit::seal_ns, &MachineLimit::open_ns, &MachineLimit::exchange_two_cores,
        &MachineLimit::exchange_one_core, &MachineLimit::exchange_server_aead_ns,
        &MachineLimit::exchange_client_aead_ns, &MachineLimit::handshake_server_ns,
        &MachineLimit::handshake_client_ns, &MachineLimit::stall_p99_two_cores_us,
        &MachineLimit::stall_p99_one_core_us, &MachineLimit::stall_p99_9_two_cores_us,
        &MachineLimit::stall_p99_9_one_core_us}) {
    joined.*member = (this->*member + other.*member) / 2;
  }
  joined.longest_stall_us = std::max(longest_stall_us, other.longest_stall_us);
  joined.derive();
  return joined;
}

void to_json(nlohmann::ordered_json& json, const MachineLimit& limit) {
  members_to_json(json, limit);
}

std::string to_json_line(const MachineLimit& limit) { return json_line(limit); }

std::expected<MachineLimit, std::string> parse_machine_limit(std::string_view json) {
  return members_from_json<MachineLimit>(json, "machine's limit");
}

}  // namespace quicore::tools
