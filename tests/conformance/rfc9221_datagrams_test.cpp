// SPDX-License-Identifier: Apache-2.0
//
// RFC 9221: DATAGRAM frames.
#include "tests/conformance/peers.h"

namespace quicore::test {
namespace {

SessionConfig with_datagrams(std::uint64_t largest_frame) {
  SessionConfig config = server_config("raw");
  config.transport.max_datagram_frame_size = largest_frame;
  return config;
}

TEST(Rfc9221Section3, ADatagramThatWasNotAllowedIsAProtocolViolation) {
  AgainstServer test({}, with_datagrams(0));
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.answer_to(wire::datagram("x")), kProtocolViolation);
  EXPECT_TRUE(test.accepted().datagrams.empty());
}

TEST(Rfc9221Section3, ADatagramFrameLargerThanAllowedIsAProtocolViolation) {
  // The limit counts the whole frame: its type, its length and its content.
  const std::string content(97, 'd');
  const std::string frame = wire::datagram(content);
  AgainstServer fits({}, with_datagrams(frame.size()));
  ASSERT_EQ(fits.handshake(), kOpen);
  EXPECT_EQ(fits.answer_to(frame), kOpen);
  ASSERT_EQ(fits.accepted().datagrams.size(), 1u);
  EXPECT_EQ(fits.accepted().datagrams[0], content);
  AgainstServer too_large({}, with_datagrams(frame.size() - 1));
  ASSERT_EQ(too_large.handshake(), kOpen);
  EXPECT_EQ(too_large.answer_to(frame), kProtocolViolation);
}

TEST(Rfc9221Section4, AFrameWithoutLengthReachesToTheEndOfThePacket) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.answer_to("\x30to the end"), kOpen);
  ASSERT_EQ(test.accepted().datagrams.size(), 1u);
  EXPECT_EQ(test.accepted().datagrams[0], "to the end");
}

TEST(Rfc9221Section4, AnEmptyDatagramIsADatagram) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.answer_to(wire::datagram("")), kOpen);
  EXPECT_EQ(test.accepted().datagrams.size(), 1u);
}

TEST(Rfc9221Section3, NothingIsSentToAPeerThatDoesNotTakeDatagrams) {
  HostileOptions options;
  options.edit_parameters = [](wire::Parameters& list) {
    wire::remove(list, wire::kMaxDatagramFrameSize);
  };
  AgainstServer test(options);
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.accepted().connection->max_datagram_size(), 0u);
  EXPECT_FALSE(test.accepted().connection->send_datagram(Buf::copy("x")).has_value());
}

TEST(Rfc9221Section3, NoLargerFrameIsSentThanThePeerTakes) {
  HostileOptions options;
  options.edit_parameters = [](wire::Parameters& list) {
    wire::set(list, wire::kMaxDatagramFrameSize, std::uint64_t{100});
  };
  AgainstServer test(options);
  ASSERT_EQ(test.handshake(), kOpen);
  const std::size_t largest = test.accepted().connection->max_datagram_size();
  EXPECT_LT(largest, 100u);
  EXPECT_GT(largest, 90u);
  EXPECT_FALSE(test.accepted().connection->send_datagram(Buf::copy(std::string(largest + 1, 'x'))));
  ASSERT_TRUE(test.accepted().connection->send_datagram(Buf::copy(std::string(largest, 'x'))));
  test.world.run_for(100ms);
  EXPECT_EQ(test.hostile.count_frames(Level::application, 0x30) +
                test.hostile.count_frames(Level::application, 0x31),
            1u);
}

TEST(Rfc9221Section5, DatagramsAreAcknowledgedButNeverSentAgain) {
  AgainstServer test;
  ASSERT_EQ(test.handshake(), kOpen);
  const std::size_t acks = test.hostile.count_frames(Level::application, 0x02);
  EXPECT_EQ(test.answer_to(wire::datagram("x")), kOpen);
  EXPECT_GT(test.hostile.count_frames(Level::application, 0x02), acks);
}

}  // namespace
}  // namespace quicore::test
