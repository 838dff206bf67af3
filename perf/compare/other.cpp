// SPDX-License-Identifier: Apache-2.0
#include "perf/compare/other.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>

#include "perf/compare/figure.h"

namespace quicore::perf {
namespace {

using nlohmann::json;

bool is_quantity(const std::string& name) {
  return std::ranges::any_of(all_figures(),
                             [&](const Figure& figure) { return figure.answers(name); });
}

class Reader {
 public:
  Other read(const json& entry, std::size_t index) {
    place_ = "entry " + std::to_string(index + 1);
    Other other;
    if (!entry.is_object()) {
      problem("must be an object");
      return other;
    }
    other.name = text(entry, "name", true);
    other.quantity = text(entry, "quantity", true);
    other.ready = text(entry, "ready", false);
    other.value = text(entry, "value", true);
    other.server = command(entry, "server");
    other.client = command(entry, "client");
    if (entry.contains("scale")) {
      if (entry["scale"].is_number()) {
        other.scale = entry["scale"].get<double>();
      } else {
        problem("scale must be a number");
      }
    }
    if (!other.quantity.empty() && !is_quantity(other.quantity)) {
      problem("quantity \"" + other.quantity + "\" is not known, --list names them");
    }
    try {
      if (const std::regex expression(other.value);
          !other.value.empty() && expression.mark_count() != 1) {
        problem("value must have one group");
      }
    } catch (const std::regex_error& error) {
      problem(std::string("value is no regular expression: ") + error.what());
    }
    return other;
  }
  const std::string& problems() const noexcept { return problems_; }

 private:
  void problem(const std::string& what) {
    problems_ += (problems_.empty() ? "" : "; ") + place_ + ": " + what;
  }
  std::string text(const json& entry, const char* key, bool needed) {
    if (entry.contains(key) && entry[key].is_string()) return entry[key].get<std::string>();
    if (needed || entry.contains(key)) problem(std::string(key) + " must be a text");
    return {};
  }
  std::vector<std::string> command(const json& entry, const char* key) {
    const bool fits =
        entry.contains(key) && entry[key].is_array() && !entry[key].empty() &&
        std::ranges::all_of(entry[key], [](const json& word) { return word.is_string(); });
    if (fits) return entry[key].get<std::vector<std::string>>();
    problem(std::string(key) + " must be a list of texts, the program first");
    return {};
  }

  std::string place_;
  std::string problems_;
};

}  // namespace

std::expected<std::vector<Other>, std::string> parse_others(std::string_view text) {
  const json list = json::parse(text, nullptr, false);
  if (!list.is_array()) return std::unexpected("must hold a JSON list of objects");
  Reader reader;
  std::vector<Other> others;
  others.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) others.push_back(reader.read(list[i], i));
  if (!reader.problems().empty()) return std::unexpected(reader.problems());
  return others;
}

std::expected<double, std::string> read_value(const Other& other, const std::string& said) {
  const std::regex expression(other.value);
  std::string last;
  for (std::sregex_iterator match(said.begin(), said.end(), expression), end; match != end;
       ++match) {
    last = (*match)[1];
  }
  char* rest = nullptr;
  const double number = std::strtod(last.c_str(), &rest);
  if (last.empty() || rest == last.c_str()) {
    return std::unexpected(other.name + ": nothing in what its client said matches \"" +
                           other.value + "\"");
  }
  return number * other.scale;
}

}  // namespace quicore::perf
