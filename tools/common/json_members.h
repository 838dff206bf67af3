// SPDX-License-Identifier: Apache-2.0
//
// Structs to JSON and back, by one list of keys for both directions. A struct offers
//
//   template <class Self, class Visit>
//   void for_each_key(Self& self, Visit&& visit) { visit("seconds", self.seconds); ... }
//
// found through the struct's namespace. Private to the .cpp files that define a format: the JSON
// library is slow to compile.
#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace quicore::tools {

template <class T>
void members_to_json(nlohmann::ordered_json& json, const T& value) {
  json = nlohmann::ordered_json::object();
  for_each_key(value, [&](const char* key, const auto& member) { json[key] = member; });
}

// One line, no newline at its end. A string that is not UTF-8 (an error may quote a peer) is
// repaired rather than refused.
inline std::string json_line(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// `what` names the format in the sentence of an error: "load report". Unknown keys are passed over,
// missing ones refused.
template <class T>
std::expected<T, std::string> members_from_json(std::string_view text, const std::string& what) {
  const auto json = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::unexpected("the " + what + " is not a JSON object");
  T value;
  const char* reading = "";
  try {
    for_each_key(value, [&](const char* key, auto& member) {
      reading = key;
      json.at(key).get_to(member);
    });
  } catch (const nlohmann::json::exception& error) {
    return std::unexpected("the " + what + "'s \"" + std::string(reading) +
                           "\" is missing or of the wrong type: " + error.what());
  }
  return value;
}

}  // namespace quicore::tools
