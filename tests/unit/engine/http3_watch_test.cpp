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

std::uint32_t lines_of(std::string_view section, std::size_t piece) {
  FieldLineCounter counter;
  for (std::size_t at = 0; at < section.size(); at += piece) {
    counter.read(bytes_of(section.substr(at, piece)));
  }
  return counter.lines();
}

void expect_lines(std::string_view section, std::uint32_t lines) {
  for (const std::size_t piece : {1u, 2u, 3u, 7u, 1000u}) {
    EXPECT_EQ(lines_of(section, piece), lines) << "pieces of " << piece;
  }
}

const std::string kPrefix(2, '\0');

TEST(FieldLineCounter, CountsEveryKindOfLine) {  // RFC 9204 4.5.2 to 4.5.6
  const std::string value = wire::prefixed(0, 7, 3) + "abc";
  const std::string indexed = wire::prefixed(0xc0, 6, 17) + wire::prefixed(0x80, 6, 200);
  const std::string post_base = wire::prefixed(0x10, 4, 1) + wire::prefixed(0x10, 4, 99);
  const std::string named =
      wire::prefixed(0x50, 4, 90) + value + wire::prefixed(0x40, 4, 0) + value;
  const std::string post_base_named = wire::prefixed(0x00, 3, 2) + value;
  const std::string literal = wire::prefixed(0x20, 3, 4) + "name" + value;
  expect_lines(kPrefix + indexed, 2);
  expect_lines(kPrefix + post_base, 2);
  expect_lines(kPrefix + named, 2);
  expect_lines(kPrefix + post_base_named, 1);
  expect_lines(kPrefix + literal, 1);
  expect_lines(kPrefix + indexed + literal + post_base + named + post_base_named + literal, 9);
}

TEST(FieldLineCounter, ReadsLongIntegersAndEmptyStrings) {
  expect_lines(
      wire::prefixed(0, 8, 70'000) + wire::prefixed(0x80, 7, 5000) + wire::prefixed(0xc0, 6, 63),
      1);
  expect_lines(kPrefix, 0);
  expect_lines("", 0);
  expect_lines(wire::field_section({{"", ""}, {"a", ""}, {"", "b"}}), 3);
  expect_lines(wire::field_section({{std::string(300, 'n'), std::string(20'000, 'v')}, {"a", "b"}}),
               2);
}

TEST(FieldLineCounter, CountsALineOnceTheLengthOfItsValueIsKnown) {
  const std::string section = wire::field_section({{"a", "b"}, {"name", "value"}});
  expect_lines(section.substr(0, section.size() - 1), 2);
  expect_lines(section.substr(0, section.size() - 6), 1);
}

Http3Watch watch(Side side, bool unidirectional, std::string_view stream, std::size_t piece) {
  Http3Watch watch;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    watch.read(side, unidirectional, bytes_of(stream.substr(at, piece)));
  }
  return watch;
}

TEST(Http3Watch, TellsTheLinesOfEachSectionInTurn) {
  const std::string stream = wire::h3_frame(0x21, "grease") +
                             wire::h3_headers({{"a", "b"}, {"c", "d"}}) + wire::h3_data("body") +
                             wire::h3_frame(0x21, "") + wire::h3_headers({{"e", "f"}});
  for (const std::size_t piece : {1u, 2u, 5u, 1000u}) {
    Http3Watch seen = watch(Side::server, false, stream, piece);
    EXPECT_EQ(seen.next_section(), 2u);
    EXPECT_EQ(seen.next_section(), 1u);
    EXPECT_EQ(seen.next_section(), std::nullopt);
    EXPECT_TRUE(seen.headers_seen());
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

TEST(Http3Watch, GivesUpCountingWhenTooManySectionsWait) {
  std::string stream;
  for (std::size_t i = 0; i <= limits::kWatchedFieldSections; ++i) {
    stream += wire::h3_headers({{"a", "b"}});
  }
  EXPECT_EQ(watch(Side::client, false, stream, 1000).next_section(), std::nullopt);
}

}  // namespace
}  // namespace quicore::engine
