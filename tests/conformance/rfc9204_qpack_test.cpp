// SPDX-License-Identifier: Apache-2.0
//
// RFC 9204: QPACK. First what is right and unusual, then what must be refused.
#include "tests/conformance/http3_peers.h"

namespace quicore::test {
namespace {

// --- instructions of the encoder (4.3) and pieces of sections (4.5) -----------------------------------------

// Of the table that our side announces: MaxEntries is its capacity / 32 (4.5.1.1).
constexpr std::uint64_t kMaxEntries = engine::limits::kQpackTableCapacity / 32;

std::string set_capacity(std::uint64_t bytes) { return wire::prefixed(0x20, 5, bytes); }
std::string text(std::string_view bytes) {
  return wire::prefixed(0x00, 7, bytes.size()).append(bytes);
}
std::string insert(std::string_view name, std::string_view value) {
  return wire::prefixed(0x40, 5, name.size()).append(name) + text(value);
}
std::string duplicate(std::uint64_t index) { return wire::prefixed(0x00, 5, index); }

std::string prefix(std::uint64_t required_insert_count) {
  const std::uint64_t encoded =
      required_insert_count == 0 ? 0 : required_insert_count % (2 * kMaxEntries) + 1;
  return wire::prefixed(0x00, 8, encoded) + std::string(1, '\0');
}
// The base lies this many entries before the last that the section needs.
std::string prefix_with_base_before(std::uint64_t required_insert_count, std::uint64_t entries) {
  return wire::prefixed(0x00, 8, required_insert_count % (2 * kMaxEntries) + 1) +
         wire::prefixed(0x80, 7, entries - 1);
}
std::string dynamic(std::uint64_t index) { return wire::prefixed(0x80, 6, index); }
std::string past_base(std::uint64_t index) { return wire::prefixed(0x10, 4, index); }
std::string dynamic_name(std::uint64_t index, std::string_view value) {
  return wire::prefixed(0x40, 4, index) + text(value);
}
std::string past_base_name(std::uint64_t index, std::string_view value) {
  return wire::prefixed(0x00, 3, index) + text(value);
}
std::string static_index(std::uint64_t index) { return wire::prefixed(0xc0, 6, index); }

// GET https://localhost/ by the static table, but for `:authority`.
std::string request_line() {
  return static_index(17) + static_index(23) + wire::prefixed(0x50, 4, 0) + text("localhost") +
         static_index(1);
}

const Headers kRequest{{":method", "GET"},
                       {":scheme", "https"},
                       {":authority", "a.example"},
                       {":path", "/"},
                       {"user-agent", "the same every time"}};

// --- instructions of the decoder (4.4) -----------------------------------------------------------------------

std::string acknowledgement(std::uint64_t stream) { return wire::prefixed(0x80, 7, stream); }
std::string cancellation(std::uint64_t stream) { return wire::prefixed(0x40, 6, stream); }
std::string increment(std::uint64_t count) { return wire::prefixed(0x00, 6, count); }

// What our side wrote to its unidirectional stream of that type.
std::string written(const HostileEndpoint& hostile, std::uint64_t type, std::uint64_t first) {
  for (std::uint64_t id = first; id < first + 20; id += 4) {
    const std::string bytes = hostile.received_on_stream(id);
    if (bytes.starts_with(wire::varint(type))) return bytes.substr(1);
  }
  return "no such stream";
}

// A server of ours, and a client with an encoder stream.
class Decoding {
 public:
  explicit Decoding(SessionConfig config = server_config("h3"))
      : test(of_http3(), std::move(config)) {
    EXPECT_EQ(test.handshake(), kOpen);
    instruct(stream_of(wire::kEncoder, set_capacity(kCapacity)));
  }
  void instruct(std::string_view bytes) {
    EXPECT_EQ(test.answer_to(wire::stream(kClientUni, sent_, bytes)), kOpen);
    sent_ += bytes.size();
  }
  void request(std::string_view section, std::uint64_t id = kClientBidi) {
    test.answer_to(wire::stream(id, 0, wire::h3_frame(wire::kHeaders, section), true));
  }
  // The value of the field in the first section of the last stream; nothing: not there yet.
  std::optional<std::string> field(std::string_view name) {
    const auto& streams = test.accepted().streams;
    if (streams.empty() || streams.back().headers.empty()) return std::nullopt;
    const auto value = streams.back().headers.front().second.get(name);
    return value ? std::optional<std::string>(*value) : std::nullopt;
  }
  std::string decoder_stream() const { return written(test.hostile, wire::kDecoder, kServerUni); }

  static constexpr std::uint64_t kCapacity = 1000;
  AgainstServer test;

 private:
  std::uint64_t sent_ = 0;
};

TEST(Rfc9204Section4_5_2, FieldLinesMayNameEntriesOfTheDynamicTable) {
  Decoding peer;
  peer.instruct(insert("x-old", "1") + insert("x-new", "2"));
  peer.request(prefix(2) + request_line() + dynamic(1) + dynamic(0));
  EXPECT_EQ(peer.field("x-old"), "1");
  EXPECT_EQ(peer.field("x-new"), "2");
  EXPECT_EQ(peer.test.verdict(), kOpen);
}

TEST(Rfc9204Section4_5_3, FieldLinesMayNameEntriesPastTheBase) {
  Decoding peer;
  peer.instruct(insert("x-old", "1") + insert("x-new", "2"));
  peer.request(prefix_with_base_before(2, 1) + request_line() + dynamic(0) + past_base(0));
  EXPECT_EQ(peer.field("x-old"), "1");
  EXPECT_EQ(peer.field("x-new"), "2");
}

TEST(Rfc9204Section4_5_4, TheNameAloneMayComeFromTheDynamicTable) {
  Decoding peer;
  peer.instruct(insert("x-old", "1") + insert("x-new", "2"));
  peer.request(prefix_with_base_before(2, 1) + request_line() + dynamic_name(0, "a") +
               past_base_name(0, "b"));
  EXPECT_EQ(peer.field("x-old"), "a");
  EXPECT_EQ(peer.field("x-new"), "b");
}

TEST(Rfc9204Section4_3_4, ADuplicateIsAnEntryOfItsOwn) {
  Decoding peer;
  // Room for two entries of 40 bytes: the duplicate keeps the first from being lost.
  peer.instruct(set_capacity(80) + insert("x-one", "111") + duplicate(0) + insert("x-two", "222"));
  peer.request(prefix(3) + request_line() + dynamic(1) + dynamic(0));
  EXPECT_EQ(peer.field("x-one"), "111");
  EXPECT_EQ(peer.field("x-two"), "222");
}

TEST(Rfc9204Section3_2_2, AnEntryThatWasEvictedFailsToDecompress) {
  Decoding peer;
  peer.instruct(set_capacity(80) + insert("x-one", "111") + insert("x-two", "222") +
                insert("x-3rd", "333"));
  peer.request(prefix(3) + request_line() + dynamic(2));
  EXPECT_EQ(peer.test.verdict(), kDecompressionFailed);
}

TEST(Rfc9204Section3_2_3, ASmallerCapacityEvicts) {
  Decoding peer;
  peer.instruct(insert("x-one", "111") + set_capacity(0) + set_capacity(Decoding::kCapacity));
  peer.request(prefix(1) + request_line() + dynamic(0));
  EXPECT_EQ(peer.test.verdict(), kDecompressionFailed);
}

TEST(Rfc9204Section2_2_1, ASectionWaitsForTheEntriesItNeeds) {
  Decoding peer;
  peer.request(prefix(1) + request_line() + dynamic(0));
  EXPECT_EQ(peer.field(":path"), std::nullopt);
  EXPECT_EQ(peer.decoder_stream(), "");
  peer.instruct(insert("x-late", "here"));
  EXPECT_EQ(peer.field(":path"), "/");
  EXPECT_EQ(peer.field("x-late"), "here");
  EXPECT_EQ(peer.decoder_stream(), acknowledgement(kClientBidi));
}

TEST(Rfc9204Section2_2_1, OtherRequestsDoNotWaitForABlockedOne) {
  Decoding peer;
  peer.request(prefix(1) + request_line() + dynamic(0), 0);
  peer.request(prefix(0) + request_line(), 4);
  EXPECT_EQ(peer.field(":path"), "/");  // of the second
}

TEST(Rfc9204Section4_4_1, ASectionThatNeededEntriesIsAcknowledged) {
  Decoding peer;
  peer.instruct(insert("x-old", "1"));
  peer.request(prefix(1) + request_line() + dynamic(0), 0);
  peer.request(prefix(0) + request_line(), 4);
  EXPECT_THAT(peer.decoder_stream(), testing::EndsWith(acknowledgement(0)));
}

TEST(Rfc9204Section4_4_2, ABlockedStreamThatIsResetIsCancelled) {
  Decoding peer;
  const std::string frame = wire::h3_frame(wire::kHeaders, prefix(1) + request_line() + dynamic(0));
  EXPECT_EQ(peer.test.answer_to(wire::stream(kClientBidi, 0, frame)), kOpen);
  EXPECT_EQ(
      peer.test.answer_to(wire::reset_stream(kClientBidi, http3::kRequestCancelled, frame.size())),
      kOpen);
  EXPECT_EQ(peer.decoder_stream(), cancellation(kClientBidi));
}

TEST(Rfc9204Section4_4_3, EntriesThatNoSectionUsedAreCounted) {
  Decoding peer;
  peer.instruct(insert("x-a", "1") + insert("x-b", "2"));
  peer.instruct(insert("x-c", "3"));
  EXPECT_EQ(peer.decoder_stream(), increment(2) + increment(1));
}

// A client of ours got a whole response that needs an entry which is not there yet: QUIC has closed
// the stream by then.
class BlockedResponse {
 public:
  BlockedResponse() : test(of_http3(), client_config("h3")) {
    EXPECT_EQ(test.handshake(), kOpen);
    instruct(stream_of(wire::kEncoder, set_capacity(1000)));
    EXPECT_EQ(
        test.answer_to(wire::stream(kServerUni, 0, stream_of(wire::kControl, wire::h3_settings()))),
        kOpen);
    exchange = &test.session().open();
    EXPECT_TRUE(exchange->stream->send_headers(engine::FieldSection::headers, kRequest, true));
    test.world.run_for(50ms);
    const std::string response =
        wire::h3_frame(wire::kHeaders, prefix(1) + static_index(25) + dynamic(0)) +
        wire::h3_data("content");
    EXPECT_EQ(test.answer_to(wire::stream(kClientBidi, 0, response, true)), kOpen);
    EXPECT_TRUE(exchange->headers.empty());
    EXPECT_FALSE(exchange->closed);
  }
  void instruct(std::string_view bytes) {
    EXPECT_EQ(test.answer_to(wire::stream(kServerUni + 4, sent_, bytes)), kOpen);
    sent_ += bytes.size();
  }
  AgainstClient test;
  TestStream* exchange = nullptr;

 private:
  std::uint64_t sent_ = 0;
};

TEST(Rfc9204Section2_2_1, AResponseThatHasEndedWaitsForTheEntriesItNeeds) {
  BlockedResponse peer;
  peer.instruct(insert("x-late", "here"));
  const TestStream& exchange = *peer.exchange;
  ASSERT_EQ(exchange.headers.size(), 1u);
  EXPECT_EQ(exchange.headers.front().second.get("x-late"), "here");
  EXPECT_EQ(exchange.received, "content");
  EXPECT_TRUE(exchange.fin);
  EXPECT_TRUE(exchange.closed);
  EXPECT_FALSE(exchange.error);
}

TEST(Rfc9204Section2_2_1, ABlockedResponseThatHasEndedCanBeGivenUp) {
  BlockedResponse peer;
  peer.exchange->stream->stop_sending(http3::kRequestCancelled);
  EXPECT_EQ(peer.test.verdict(), kOpen);
  EXPECT_TRUE(peer.exchange->closed);
  EXPECT_THAT(written(peer.test.hostile, wire::kDecoder, kClientUni),
              testing::EndsWith(cancellation(kClientBidi)));
}

// --- our encoder ----------------------------------------------------------------------------------------------

// A client of ours, and a server with these limits of QPACK.
class Encoding {
 public:
  Encoding(std::uint64_t capacity, std::uint64_t blocked) : test(of_http3(), client_config("h3")) {
    EXPECT_EQ(test.handshake(), kOpen);
    const std::string settings = wire::h3_settings({{0x01, capacity}, {0x07, blocked}});
    EXPECT_EQ(test.answer_to(wire::stream(kServerUni, 0, stream_of(wire::kControl, settings)) +
                             wire::stream(kServerUni + 4, 0, stream_of(wire::kDecoder))),
              kOpen);
  }
  // Sends a request; the first byte of its section, which tells whether entries are needed.
  char request(const Headers& fields = kRequest) {
    TestStream& exchange = test.session().open();
    EXPECT_TRUE(exchange.stream->send_headers(engine::FieldSection::headers, fields, true));
    EXPECT_EQ(test.verdict(), kOpen);
    const std::string bytes = test.hostile.received_on_stream(4 * requests_++);
    EXPECT_TRUE(bytes.size() > 4 && bytes[0] == wire::kHeaders);
    return bytes.size() > 4 ? bytes[bytes[1] & 0x40 ? 3 : 2] : '?';
  }
  void decoder_says(std::string_view bytes) {
    EXPECT_EQ(test.answer_to(wire::stream(kServerUni + 4, said_, bytes)), kOpen);
    said_ += bytes.size();
  }
  std::string encoder_stream() const { return written(test.hostile, wire::kEncoder, kClientUni); }

  AgainstClient test;

 private:
  std::uint64_t requests_ = 0;
  std::uint64_t said_ = 1;
};

TEST(Rfc9204Section3_2_3, NothingIsInsertedWhereThereIsNoTable) {
  Encoding peer(0, 100);
  EXPECT_EQ(peer.request(), '\0');
  EXPECT_EQ(peer.request(), '\0');
  EXPECT_EQ(peer.encoder_stream(), "");
}

TEST(Rfc9204Section2_1_1, FieldsThatComeAgainAreInsertedOnceAndNamed) {
  Encoding peer(1000, 100);
  EXPECT_NE(peer.request(), '\0');
  const std::string inserted = peer.encoder_stream();
  EXPECT_TRUE(inserted.starts_with(set_capacity(1000))) << testing::PrintToString(inserted);
  EXPECT_GT(inserted.size(), 10u);
  peer.decoder_says(acknowledgement(0));
  EXPECT_NE(peer.request(), '\0');
  EXPECT_EQ(peer.encoder_stream(), inserted);
  // A byte a field.
  EXPECT_EQ(peer.test.hostile.received_on_stream(4).size(), 2 + prefix(2).size() + kRequest.size());
}

TEST(Rfc9204Section2_1_2, NoSectionNeedsWhatIsNotAcknowledgedWhereNoStreamMayBlock) {
  Encoding peer(1000, 0);
  EXPECT_EQ(peer.request(), '\0');
  EXPECT_EQ(peer.request(), '\0');
}

TEST(Rfc9204Section7_1_3, SensitiveFieldsAreNeverInserted) {
  Encoding peer(1000, 100);
  const auto with_language = [](bool sensitive) {
    Headers fields = kRequest;
    fields.add("accept-language", "elvish", sensitive);
    return fields;
  };
  peer.request();
  const std::string before = peer.encoder_stream();
  peer.request(with_language(true));
  EXPECT_EQ(peer.encoder_stream(), before);
  peer.request(with_language(false));
  EXPECT_NE(peer.encoder_stream(), before);
}

// --- what must be refused --------------------------------------------------------------------------------------

std::optional<Close> server_decodes(const std::string& section) {
  const Http3Answer answer = server_gets(wire::h3_frame(wire::kHeaders, section));
  EXPECT_EQ(answer.sections, 0u);
  return answer.close;
}

const std::string kNoDynamicTable(2, '\0');

TEST(Rfc9204Section3_1, AnIndexBeyondTheStaticTableFailsToDecompress) {
  EXPECT_EQ(server_decodes(kNoDynamicTable + wire::prefixed(0xc0, 6, 99)), kDecompressionFailed);
  EXPECT_EQ(server_decodes(kNoDynamicTable + wire::prefixed(0x50, 4, 99) + std::string(1, '\0')),
            kDecompressionFailed);
}

TEST(Rfc9204Section2_2_3, AnIndexIntoAnEmptyDynamicTableFailsToDecompress) {
  EXPECT_EQ(server_decodes(kNoDynamicTable + wire::prefixed(0x80, 6, 0)), kDecompressionFailed);
  EXPECT_EQ(server_decodes(kNoDynamicTable + wire::prefixed(0x10, 4, 0)), kDecompressionFailed);
}

TEST(Rfc9204Section4_5_1, ARequiredInsertCountThatCannotBeFailsToDecompress) {
  EXPECT_EQ(server_decodes(wire::prefixed(0, 8, 100'000) + std::string(1, '\0') + "\xd1"),
            kDecompressionFailed);
}

TEST(Rfc9204Section4_1_1, AnIntegerThatDoesNotEndFailsToDecompress) {
  EXPECT_EQ(server_decodes(kNoDynamicTable + "\xff" + std::string(12, '\xff')),
            kDecompressionFailed);
}

TEST(Rfc9204Section4_1_2, AHuffmanStringThatIsNoneFailsToDecompress) {
  // A literal name of four bytes of ones: EOS is not allowed in it (RFC 7541 5.2).
  EXPECT_EQ(server_decodes(kNoDynamicTable + "\x2c" + std::string(4, '\xff') + "\1x"),
            kDecompressionFailed);
}

TEST(Rfc9204Section4_5, ASectionThatIsCutShortFailsToDecompress) {
  const std::string whole = wire::field_section(kGet);
  EXPECT_EQ(server_decodes(whole.substr(0, whole.size() - 3)), kDecompressionFailed);
}

TEST(Rfc9204Section4_2, ASecondEncoderOrDecoderStreamIsRefused) {
  for (const std::uint64_t type : {wire::kEncoder, wire::kDecoder}) {
    EXPECT_EQ(server_gets_on_uni({stream_of(type), stream_of(type)}), kStreamCreationError);
    EXPECT_EQ(client_gets_on_uni({stream_of(type), stream_of(type)}), kStreamCreationError);
  }
}

TEST(Rfc9204Section4_2, ClosingAnEncoderOrDecoderStreamClosesTheConnection) {
  for (const std::uint64_t type : {wire::kEncoder, wire::kDecoder}) {
    AgainstServer test(of_http3(), server_config("h3"));
    ASSERT_EQ(test.handshake(), kOpen);
    EXPECT_EQ(test.answer_to(wire::stream(kClientUni, 0, stream_of(type))), kOpen);
    EXPECT_EQ(test.answer_to(wire::stream(kClientUni, 1, "", true)), kClosedCriticalStream);
  }
}

TEST(Rfc9204Section3_2_3, ATableLargerThanWeAllowIsAnEncoderStreamError) {
  EXPECT_EQ(server_gets_on_uni({stream_of(
                wire::kEncoder, wire::prefixed(0x20, 5, engine::limits::kQpackTableCapacity + 1))}),
            kEncoderStreamError);
}

TEST(Rfc9204Section3_2_2, AnEntryThatDoesNotFitIsAnEncoderStreamError) {
  const std::string insert = wire::prefixed(0x40, 5, 3) + "abc" + wire::prefixed(0, 7, 3) + "def";
  EXPECT_EQ(server_gets_on_uni({stream_of(wire::kEncoder, insert)}), kEncoderStreamError);
  EXPECT_EQ(server_gets_on_uni({stream_of(wire::kEncoder, wire::prefixed(0x20, 5, 1000) + insert)}),
            kOpen);
}

TEST(Rfc9204Section4_3, InstructionsWithAnIndexThatIsNotThereAreEncoderStreamErrors) {
  const std::string capacity = wire::prefixed(0x20, 5, 1000);
  for (const std::string& instruction :
       {wire::prefixed(0xc0, 6, 99) + wire::prefixed(0, 7, 1) + "x",  // static name
        wire::prefixed(0x80, 6, 5) + wire::prefixed(0, 7, 1) + "x",   // dynamic name
        wire::prefixed(0x00, 5, 5)}) {                                // duplicate
    EXPECT_EQ(server_gets_on_uni({stream_of(wire::kEncoder, capacity + instruction)}),
              kEncoderStreamError)
        << testing::PrintToString(instruction);
  }
}

TEST(Rfc9204Section4_4, WhatTheDecoderStreamCannotMeanIsADecoderStreamError) {
  for (const std::string& instruction : {
           wire::prefixed(0x80, 7, 0),   // a section that was never sent
           wire::prefixed(0x00, 6, 0),   // an increment of nothing
           wire::prefixed(0x00, 6, 500)  // of more than there is
       }) {
    EXPECT_EQ(server_gets_on_uni({stream_of(wire::kDecoder, instruction)}), kDecoderStreamError)
        << testing::PrintToString(instruction);
  }
}

TEST(Rfc9204Section2_1_2, MoreBlockedStreamsThanWeAllowFailToDecompress) {
  SessionConfig config = server_config("h3");
  config.transport.initial_max_streams_bidi = 2 * engine::limits::kQpackBlockedStreams;
  AgainstServer test(of_http3(), config);
  ASSERT_EQ(test.handshake(), kOpen);
  EXPECT_EQ(test.answer_to(wire::stream(kClientUni, 0,
                                        stream_of(wire::kEncoder, wire::prefixed(0x20, 5, 1000)))),
            kOpen);
  // Sections that need an entry which never comes.
  const std::string blocked =
      wire::h3_frame(wire::kHeaders, "\x02" + std::string(1, '\0') + "\x80");
  for (std::uint64_t i = 0; i < engine::limits::kQpackBlockedStreams; ++i) {
    test.hostile.send(Level::application, wire::stream(4 * i, 0, blocked));
    test.world.run_for(1ms);
  }
  EXPECT_EQ(test.verdict(), kOpen);
  EXPECT_EQ(test.answer_to(wire::stream(4 * engine::limits::kQpackBlockedStreams, 0, blocked)),
            kDecompressionFailed);
}

}  // namespace
}  // namespace quicore::test
