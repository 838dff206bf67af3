// SPDX-License-Identifier: Apache-2.0
#include "tools/common/url.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace quicore::tools {
namespace {

std::string resolved(std::string_view reference, std::string_view base = "https://a/b/c/d?q") {
  const auto url = resolve_reference(*parse_url(base), reference);
  return url ? url->origin() + url->path : "error: " + url.error().reason;
}

// RFC 3986 5.4, what a Location field may hold of it.
TEST(UrlReference, IsResolvedAsTheRfcSays) {
  const std::vector<std::pair<std::string, std::string>> samples = {
      {"g", "https://a/b/c/g"},
      {"./g", "https://a/b/c/g"},
      {"g/", "https://a/b/c/g/"},
      {"/g", "https://a/g"},
      {"//g", "https://g/"},
      {"?y", "https://a/b/c/d?y"},
      {"g?y", "https://a/b/c/g?y"},
      {"#s", "https://a/b/c/d?q"},
      {"g#s", "https://a/b/c/g"},
      {"g?y#s", "https://a/b/c/g?y"},
      {";x", "https://a/b/c/;x"},
      {"", "https://a/b/c/d?q"},
      {".", "https://a/b/c/"},
      {"./", "https://a/b/c/"},
      {"..", "https://a/b/"},
      {"../", "https://a/b/"},
      {"../g", "https://a/b/g"},
      {"../..", "https://a/"},
      {"../../g", "https://a/g"},
      {"../../../g", "https://a/g"},
      {"/./g", "https://a/g"},
      {"/../g", "https://a/g"},
      {"g.", "https://a/b/c/g."},
      {"..g", "https://a/b/c/..g"},
      {"./g/.", "https://a/b/c/g/"},
      {"g/./h", "https://a/b/c/g/h"},
      {"g/../h", "https://a/b/c/h"},
      {"g?y/../x", "https://a/b/c/g?y/../x"},
      {"https://other:8443/x", "https://other:8443/x"},
  };
  for (const auto& [reference, expected] : samples) EXPECT_EQ(resolved(reference), expected);
}

TEST(UrlReference, ThatLeavesHttpsIsRefused) {
  EXPECT_TRUE(resolved("http://a/").starts_with("error: 'http://a/' does not begin with https://"));
  EXPECT_TRUE(resolved("mailto:a@b").starts_with("error: "));
}

}  // namespace
}  // namespace quicore::tools
