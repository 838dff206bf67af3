// SPDX-License-Identifier: Apache-2.0
//
// HTTP/3 between one endpoint of ours and a hostile one, and the names of its errors (RFC 9114 8.1,
// RFC 9204 6).
#pragma once

#include <string>
#include <utility>

#include "engine/http3_error.h"
#include "tests/conformance/peers.h"
#include "tests/support/http3_wire.h"

namespace quicore::test {

inline constexpr Close kStreamCreationError = application(http3::kStreamCreationError);
inline constexpr Close kClosedCriticalStream = application(http3::kClosedCriticalStream);
inline constexpr Close kFrameUnexpected = application(http3::kFrameUnexpected);
inline constexpr Close kFrameError = application(http3::kFrameError);
inline constexpr Close kExcessiveLoad = application(http3::kExcessiveLoad);
inline constexpr Close kIdError = application(http3::kIdError);
inline constexpr Close kSettingsError = application(http3::kSettingsError);
inline constexpr Close kMissingSettings = application(http3::kMissingSettings);
inline constexpr Close kRequestIncomplete = application(http3::kRequestIncomplete);
inline constexpr Close kMessageError = application(http3::kMessageError);
inline constexpr Close kDecompressionFailed = application(http3::kQpackDecompressionFailed);
inline constexpr Close kEncoderStreamError = application(http3::kQpackEncoderStreamError);
inline constexpr Close kDecoderStreamError = application(http3::kQpackDecoderStreamError);

inline const wire::FieldList kGet{
    {":method", "GET"}, {":scheme", "https"}, {":authority", "localhost"}, {":path", "/"}};

inline wire::FieldList plus(wire::FieldList fields, std::string name, std::string value) {
  fields.emplace_back(std::move(name), std::move(value));
  return fields;
}

// A unidirectional stream of that type (RFC 9114 6.2).
inline std::string stream_of(std::uint64_t type, std::string_view bytes = {}) {
  return wire::varint(type).append(bytes);
}

inline HostileOptions of_http3() {
  HostileOptions options;
  options.alpn = "h3";
  return options;
}

// What our side did: how it closed, with which code it reset the stream, and what its application
// was given of the message.
struct Http3Answer {
  std::optional<Close> close;
  std::optional<std::uint64_t> reset;    // RESET_STREAM of the request's stream
  std::optional<std::uint64_t> stopped;  // STOP_SENDING
  std::optional<std::uint64_t> failed;   // what the application's stream closed with
  std::size_t sections = 0;              // field sections that the application saw
  std::string content;
  bool finished = false;
};

inline Http3Answer look(HostileEndpoint& hostile, std::deque<TestConnection>& connections,
                        std::uint64_t stream) {
  Http3Answer answer;
  answer.close = hostile.close();
  for (const wire::Frame& frame : hostile.frames(Level::application)) {
    if (frame.type == 0x04 && frame.numbers[0] == stream) answer.reset = frame.numbers[1];
    if (frame.type == 0x05 && frame.numbers[0] == stream) answer.stopped = frame.numbers[1];
  }
  for (const TestConnection& connection : connections) {
    for (const TestStream& seen : connection.streams) {
      answer.sections += seen.headers.size();
      answer.content += seen.received;
      answer.finished = answer.finished || seen.fin;
      if (seen.error) answer.failed = seen.error->code;
    }
  }
  return answer;
}

// A hostile client sends these bytes on its first request stream.
inline Http3Answer server_gets(std::string_view bytes, bool fin = true) {
  AgainstServer test(of_http3(), server_config("h3"));
  EXPECT_EQ(test.handshake(), kOpen);
  test.answer_to(wire::stream(kClientBidi, 0, bytes, fin));
  return look(test.hostile, test.victim.connections, kClientBidi);
}

// A hostile client sends these bytes on its first unidirectional stream, or the first few.
inline std::optional<Close> server_gets_on_uni(const std::vector<std::string>& streams,
                                               bool fin = false) {
  AgainstServer test(of_http3(), server_config("h3"));
  EXPECT_EQ(test.handshake(), kOpen);
  std::string frames;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    frames += wire::stream(kClientUni + 4 * i, 0, streams[i], fin);
  }
  return test.answer_to(frames);
}

inline std::optional<Close> client_gets_on_uni(const std::vector<std::string>& streams,
                                               bool fin = false) {
  AgainstClient test(of_http3(), client_config("h3"));
  EXPECT_EQ(test.handshake(), kOpen);
  std::string frames;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    frames += wire::stream(kServerUni + 4 * i, 0, streams[i], fin);
  }
  return test.answer_to(frames);
}

// A client of ours sends a request; the hostile server answers it by these bytes.
inline Http3Answer client_gets(std::string_view bytes, bool fin = true,
                               const Headers& request = {}) {
  AgainstClient test(of_http3(), client_config("h3"));
  EXPECT_EQ(test.handshake(), kOpen);
  TestStream& exchange = test.session().open();
  EXPECT_TRUE(exchange.stream->send_headers(engine::FieldSection::headers, request, true));
  test.world.run_for(50ms);
  test.answer_to(wire::stream(kClientBidi, 0, bytes, fin));
  return look(test.hostile, test.victim.connections, kClientBidi);
}

}  // namespace quicore::test
