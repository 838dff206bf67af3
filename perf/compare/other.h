// SPDX-License-Identifier: Apache-2.0
//
// Other implementations, as a file describes them: which commands do the work of one of our figures,
// and where the result stands in what they say. None is built or fetched here.
//
//   [{"name": "other library", "quantity": "download",
//     "server": ["other-server", "4434"], "ready": "listening",
//     "client": ["other-client", "127.0.0.1", "4434"],
//     "value": "rate: ([0-9.]+) Mbit/s", "scale": 0.001}]
//
// `quantity` is one of --list. `value` is an ECMAScript regular expression with one group; its last
// match, multiplied by `scale` (1 when missing), is the result in the quantity's unit. `ready` may be
// missing: then the server has half a second.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace quicore::perf {

struct Other {
  std::string name;
  std::string quantity;
  std::vector<std::string> server;
  std::string ready;
  std::vector<std::string> client;
  std::string value;
  double scale = 1;
};

// Every problem at once, each with its place in the list.
[[nodiscard]] std::expected<std::vector<Other>, std::string> parse_others(std::string_view json);

// The result in what a client has said; a sentence when there is none.
[[nodiscard]] std::expected<double, std::string> read_value(const Other& other,
                                                            const std::string& said);

}  // namespace quicore::perf
