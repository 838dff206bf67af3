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
  visit("aead_gbps", limit.aead_gbps);
  visit("two_cores_gbps", limit.two_cores_gbps);
  visit("one_core_gbps", limit.one_core_gbps);
}

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
  aead_gbps = gbps_of(payload, slower);
  two_cores_gbps = one_core_gbps = 0;
  if (kernel_two_cores_gbps > 0) {
    two_cores_gbps = gbps_of(payload, ns_of(payload, kernel_two_cores_gbps) + slower);
  }
  if (kernel_one_core_gbps > 0) {
    one_core_gbps = gbps_of(payload, ns_of(payload, kernel_one_core_gbps) + seal_ns + open_ns);
  }
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
  joined.seal_ns = (seal_ns + other.seal_ns) / 2;
  joined.open_ns = (open_ns + other.open_ns) / 2;
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
