// SPDX-License-Identifier: Apache-2.0
#include "engine/http3_watch.h"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <string_view>

#include "tests/support/http3_wire.h"
#include "tests/support/wire.h"

namespace quicore::engine {
namespace {

namespace wire = test::wire;

Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

Http3Watch watch(Side side, bool unidirectional, std::string_view stream, std::size_t piece) {
  Http3Watch watch;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    watch.read(side, unidirectional, bytes_of(stream.substr(at, piece)));
  }
  return watch;
}

TEST(Http3Watch, SeesHeadersBetweenOtherFrames) {
  const std::string begin = wire::h3_frame(0x21, "grease");
  const std::string rest = wire::h3_headers({{"a", "b"}, {"c", "d"}}) + wire::h3_data("body") +
                           wire::h3_frame(0x21, "") + wire::h3_headers({{"e", "f"}});
  for (const std::size_t piece : {1u, 2u, 5u, 1000u}) {
    EXPECT_FALSE(watch(Side::server, false, begin, piece).headers_seen());
    const Http3Watch seen = watch(Side::server, false, begin + rest, piece);
    EXPECT_TRUE(seen.headers_seen());
    EXPECT_FALSE(seen.nothing_asked());
    EXPECT_FALSE(seen.id_error());
  }
}

TEST(Http3Watch, KnowsWhetherAnythingWasAsked) {
  EXPECT_TRUE(watch(Side::server, false, "", 1).nothing_asked());
  EXPECT_TRUE(watch(Side::server, false, wire::h3_frame(0x21, "grease"), 1).nothing_asked());
  const std::string headers = wire::h3_headers({{"a", "b"}});
  EXPECT_FALSE(watch(Side::server, false, headers, 1).nothing_asked());
  for (std::size_t size = 1; size < headers.size(); ++size) {  // inside of the frame
    EXPECT_FALSE(watch(Side::server, false, headers.substr(0, size), 1).nothing_asked()) << size;
  }
}

TEST(Http3Watch, NoticesWhatIsWrongWithPush) {
  const std::string control = wire::varint(0) + wire::h3_settings();
  const auto max_push_id = [](std::uint64_t id) {
    return wire::h3_frame(wire::kMaxPushId, wire::varint(id));
  };
  for (const std::size_t piece : {1u, 3u, 1000u}) {
    const auto id_error = [&](Side side, const std::string& stream, bool unidirectional = true) {
      return watch(side, unidirectional, stream, piece).id_error();
    };
    EXPECT_FALSE(id_error(Side::server, control + max_push_id(70) + max_push_id(70)));
    EXPECT_TRUE(id_error(Side::server, control + max_push_id(70) + max_push_id(69)));
    EXPECT_TRUE(
        id_error(Side::server, control + wire::h3_frame(wire::kCancelPush, wire::varint(0))));
    EXPECT_TRUE(id_error(Side::client, wire::varint(1) + "push stream"));
    EXPECT_FALSE(id_error(Side::client, wire::varint(2) + "encoder stream"));
    const std::string promise = wire::h3_frame(wire::kPushPromise, wire::varint(0));
    EXPECT_TRUE(id_error(Side::client, promise, false));
    EXPECT_FALSE(id_error(Side::server, promise, false));
  }
}

}  // namespace
}  // namespace quicore::engine
