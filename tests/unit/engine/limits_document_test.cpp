// SPDX-License-Identifier: Apache-2.0
//
// docs/limits.md against the headers it describes.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>

namespace quicore {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(std::string(QUICORE_SOURCE_DIR) + "/" + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

using Values = std::map<std::string, std::string>;

Values matches(const std::string& text, const std::regex& pattern) {
  Values values;
  for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at) {
    values[(*at)[1]] = (*at)[2];
  }
  return values;
}

TEST(LimitsDocument, NamesEveryLimitWithItsValueAndNoOther) {
  const std::regex constant(R"(inline constexpr [\w:]+ (k\w+) = ([^;]+);)");
  Values code = matches(content_of("engine/limits.h"), constant);
  code.merge(matches(content_of("io/limits.h"), constant));
  const std::regex row(R"(\n\| `(k\w+)` = `([^`]+)` \|)");
  const Values document = matches(content_of("docs/limits.md"), row);
  ASSERT_GT(code.size(), 30u) << "the headers were not found or are written otherwise";
  for (const auto& [name, value] : code) {
    const auto found = document.find(name);
    if (found == document.end()) {
      ADD_FAILURE() << name << " is not in docs/limits.md";
    } else {
      EXPECT_EQ(found->second, value) << name << " has another value in docs/limits.md";
    }
  }
  for (const auto& [name, value] : document) {
    EXPECT_TRUE(code.contains(name)) << name << " is in docs/limits.md only";
  }
}

}  // namespace
}  // namespace quicore
