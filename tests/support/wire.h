// SPDX-License-Identifier: Apache-2.0
//
// Frames and transport parameters as bytes, made and taken apart without any QUIC library: what a
// peer may send that no library would (RFC 9000 16, 18, 19; RFC 9221 4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quicore::test::wire {

// `size` is 1, 2, 4 or 8; 0: the shortest that holds it.
std::string varint(std::uint64_t value, std::size_t size = 0);
// Takes it from the front; the bytes must be there.
std::uint64_t take_varint(std::string_view& bytes);
std::string big_endian(std::uint64_t value, std::size_t size);

// --- frames --------------------------------------------------------------------------------------

std::string padding(std::size_t count);
std::string ping();
// `ranges` are further pairs of gap and length, as encoded.
std::string ack(std::uint64_t largest, std::uint64_t first_range = 0,
                const std::vector<std::pair<std::uint64_t, std::uint64_t>>& ranges = {});
std::string reset_stream(std::uint64_t id, std::uint64_t code, std::uint64_t final_size);
std::string stop_sending(std::uint64_t id, std::uint64_t code);
std::string crypto(std::uint64_t offset, std::string_view data);
std::string new_token(std::string_view token);
std::string stream(std::uint64_t id, std::uint64_t offset, std::string_view data, bool fin = false);
std::string max_data(std::uint64_t value);
std::string max_stream_data(std::uint64_t id, std::uint64_t value);
std::string max_streams(bool unidirectional, std::uint64_t value);
std::string data_blocked(std::uint64_t limit);
std::string stream_data_blocked(std::uint64_t id, std::uint64_t limit);
std::string streams_blocked(bool unidirectional, std::uint64_t limit);
std::string new_connection_id(std::uint64_t sequence, std::uint64_t retire_prior_to,
                              std::string_view id, std::string_view reset_token);
std::string retire_connection_id(std::uint64_t sequence);
std::string path_challenge(std::string_view data);
std::string path_response(std::string_view data);
std::string connection_close(std::uint64_t code, std::string_view reason = {});
std::string application_close(std::uint64_t code, std::string_view reason = {});
std::string handshake_done();
std::string datagram(std::string_view data);

struct Frame {
  std::uint64_t type = 0;
  std::vector<std::uint64_t> numbers;  // its integers, in order, without lengths
  std::string data;                    // its bytes: content, token, ID, reason
};

// All frames of a packet that one of our endpoints sent: they are well-formed, or the test fails.
std::vector<Frame> parse_frames(std::string_view payload);

// --- transport parameters (RFC 9000 18.2) ----------------------------------------------------------

enum Parameter : std::uint64_t {
  kOriginalDcid = 0x00,
  kMaxIdleTimeout = 0x01,
  kStatelessResetToken = 0x02,
  kMaxUdpPayloadSize = 0x03,
  kInitialMaxData = 0x04,
  kInitialMaxStreamDataBidiLocal = 0x05,
  kInitialMaxStreamDataBidiRemote = 0x06,
  kInitialMaxStreamDataUni = 0x07,
  kInitialMaxStreamsBidi = 0x08,
  kInitialMaxStreamsUni = 0x09,
  kAckDelayExponent = 0x0a,
  kMaxAckDelay = 0x0b,
  kDisableActiveMigration = 0x0c,
  kPreferredAddress = 0x0d,
  kActiveConnectionIdLimit = 0x0e,
  kInitialScid = 0x0f,
  kRetryScid = 0x10,
  kVersionInformation = 0x11,   // RFC 9368
  kMaxDatagramFrameSize = 0x20  // RFC 9221
};

using Parameters = std::vector<std::pair<std::uint64_t, std::string>>;

std::string encode(const Parameters& parameters);
Parameters parse_parameters(std::string_view bytes);
// Replaces the value, or appends it.
void set(Parameters& parameters, std::uint64_t id, std::string value);
void set(Parameters& parameters, std::uint64_t id, std::uint64_t value);
void remove(Parameters& parameters, std::uint64_t id);

}  // namespace quicore::test::wire
