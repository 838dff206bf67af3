// SPDX-License-Identifier: Apache-2.0
#include "engine/transport_settings.h"

#include <gtest/gtest.h>

#include <span>
#include <string>

#include "tests/support/wire.h"

namespace quicore::engine {
namespace {

namespace wire = test::wire;

bool repeats(const std::string& encoded) {
  return repeats_parameter({reinterpret_cast<const std::uint8_t*>(encoded.data()), encoded.size()});
}

TEST(TransportSettings, NoticesAParameterThatStandsTwice) {
  EXPECT_FALSE(repeats(""));
  EXPECT_FALSE(repeats(wire::encode({{4, "a"}, {5, "a"}, {0x3127, ""}})));
  EXPECT_TRUE(repeats(wire::encode({{4, "a"}, {5, "a"}, {4, "b"}})));
  EXPECT_TRUE(repeats(wire::encode({{0x3127, ""}, {0x3127, ""}})));
  // The same number in another encoding is the same number.
  EXPECT_TRUE(repeats(wire::encode({{4, "a"}}) + wire::varint(4, 4) + wire::varint(0)));
}

TEST(TransportSettings, LeavesMalformedParametersToOthers) {
  const std::string whole = wire::encode({{4, "abc"}, {4, "abc"}});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(repeats(whole.substr(0, size))) << size;
  }
}

}  // namespace
}  // namespace quicore::engine
