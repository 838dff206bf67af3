// SPDX-License-Identifier: Apache-2.0
#include "tests/support/wire.h"

#include <algorithm>

#include "io/check.h"

namespace quicore::test::wire {

namespace {

std::string take(std::string_view& bytes, std::uint64_t size) {
  QUICORE_CHECK(bytes.size() >= size);
  std::string taken(bytes.substr(0, size));
  bytes.remove_prefix(size);
  return taken;
}

std::string sized(std::string_view data) { return varint(data.size()).append(data); }

template <class... Numbers>
std::string frame(std::uint64_t type, Numbers... numbers) {
  std::string bytes = varint(type);
  (bytes.append(varint(numbers)), ...);
  return bytes;
}

}  // namespace

std::string big_endian(std::uint64_t value, std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    bytes[size - 1 - i] = static_cast<char>(value & 0xff);
    value >>= 8;
  }
  return bytes;
}

std::string varint(std::uint64_t value, std::size_t size) {
  QUICORE_CHECK(value < (std::uint64_t{1} << 62));
  if (size == 0) size = value < 64 ? 1 : value < 16384 ? 2 : value < (1u << 30) ? 4 : 8;
  const unsigned prefix = size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3;
  std::string bytes = big_endian(value, size);
  bytes[0] = static_cast<char>(static_cast<std::uint8_t>(bytes[0]) | prefix << 6);
  return bytes;
}

std::uint64_t take_varint(std::string_view& bytes) {
  QUICORE_CHECK(!bytes.empty());
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  const std::size_t size = std::size_t{1} << (first >> 6);
  QUICORE_CHECK(bytes.size() >= size);
  std::uint64_t value = first & 0x3f;
  for (std::size_t i = 1; i < size; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  bytes.remove_prefix(size);
  return value;
}

// --- frames --------------------------------------------------------------------------------------

std::string padding(std::size_t count) { return std::string(count, '\0'); }
std::string ping() { return frame(0x01); }

std::string ack(std::uint64_t largest, std::uint64_t first_range,
                const std::vector<std::pair<std::uint64_t, std::uint64_t>>& ranges) {
  constexpr std::uint64_t kDelay = 0;
  std::string bytes = frame(0x02, largest, kDelay, std::uint64_t{ranges.size()}, first_range);
  for (const auto& [gap, length] : ranges) bytes.append(varint(gap)).append(varint(length));
  return bytes;
}

std::string reset_stream(std::uint64_t id, std::uint64_t code, std::uint64_t final_size) {
  return frame(0x04, id, code, final_size);
}
std::string stop_sending(std::uint64_t id, std::uint64_t code) { return frame(0x05, id, code); }
std::string crypto(std::uint64_t offset, std::string_view data) {
  return frame(0x06, offset).append(sized(data));
}
std::string new_token(std::string_view token) { return frame(0x07).append(sized(token)); }

std::string stream(std::uint64_t id, std::uint64_t offset, std::string_view data, bool fin) {
  constexpr std::uint64_t kWithOffsetAndLength = 0x0e;
  return frame(kWithOffsetAndLength | (fin ? 1 : 0), id, offset).append(sized(data));
}

std::string max_data(std::uint64_t value) { return frame(0x10, value); }
std::string max_stream_data(std::uint64_t id, std::uint64_t value) {
  return frame(0x11, id, value);
}
std::string max_streams(bool unidirectional, std::uint64_t value) {
  return frame(unidirectional ? 0x13 : 0x12, value);
}
std::string data_blocked(std::uint64_t limit) { return frame(0x14, limit); }
std::string stream_data_blocked(std::uint64_t id, std::uint64_t limit) {
  return frame(0x15, id, limit);
}
std::string streams_blocked(bool unidirectional, std::uint64_t limit) {
  return frame(unidirectional ? 0x17 : 0x16, limit);
}

std::string new_connection_id(std::uint64_t sequence, std::uint64_t retire_prior_to,
                              std::string_view id, std::string_view reset_token) {
  std::string bytes = frame(0x18, sequence, retire_prior_to);
  bytes += static_cast<char>(id.size());  // one byte, not a variable-length integer
  return bytes.append(id).append(reset_token);
}

std::string retire_connection_id(std::uint64_t sequence) { return frame(0x19, sequence); }
std::string path_challenge(std::string_view data) { return frame(0x1a).append(data); }
std::string path_response(std::string_view data) { return frame(0x1b).append(data); }
std::string connection_close(std::uint64_t code, std::string_view reason) {
  constexpr std::uint64_t kNoFrame = 0;
  return frame(0x1c, code, kNoFrame).append(sized(reason));
}
std::string application_close(std::uint64_t code, std::string_view reason) {
  return frame(0x1d, code).append(sized(reason));
}
std::string handshake_done() { return frame(0x1e); }
std::string datagram(std::string_view data) { return frame(0x31).append(sized(data)); }

namespace {

void take_numbers(Frame& frame, std::string_view& bytes, int count) {
  for (int i = 0; i < count; ++i) frame.numbers.push_back(take_varint(bytes));
}

void take_ack(Frame& frame, std::string_view& bytes) {
  take_numbers(frame, bytes, 4);
  take_numbers(frame, bytes, static_cast<int>(2 * frame.numbers[2]));
  if (frame.type == 0x03) take_numbers(frame, bytes, 3);
}

void take_stream(Frame& frame, std::string_view& bytes) {
  take_numbers(frame, bytes, 1);
  if ((frame.type & 0x04) != 0) {
    take_numbers(frame, bytes, 1);
  } else {
    frame.numbers.push_back(0);
  }
  frame.data = take(bytes, (frame.type & 0x02) != 0 ? take_varint(bytes) : bytes.size());
}

void take_new_connection_id(Frame& frame, std::string_view& bytes) {
  take_numbers(frame, bytes, 2);
  const auto size = static_cast<std::uint8_t>(take(bytes, 1)[0]);
  frame.data = take(bytes, size);
  take(bytes, 16);
}

Frame take_frame(std::string_view& bytes) {
  Frame frame;
  frame.type = take_varint(bytes);
  const std::uint64_t type = frame.type;
  if (type >= 0x08 && type <= 0x0f) {
    take_stream(frame, bytes);
  } else if (type == 0x02 || type == 0x03) {
    take_ack(frame, bytes);
  } else if (type == 0x18) {
    take_new_connection_id(frame, bytes);
  } else if (type == 0x1a || type == 0x1b) {
    frame.data = take(bytes, 8);
  } else if (type == 0x06 || type == 0x1c || type == 0x1d || type == 0x07 || type == 0x31) {
    take_numbers(frame, bytes, type == 0x1c ? 2 : type == 0x07 || type == 0x31 ? 0 : 1);
    frame.data = take(bytes, take_varint(bytes));
  } else if (type == 0x30) {
    frame.data = take(bytes, bytes.size());
  } else if (type == 0x04) {
    take_numbers(frame, bytes, 3);
  } else if (type == 0x05 || type == 0x11 || type == 0x15) {
    take_numbers(frame, bytes, 2);
  } else if (type == 0x10 || (type >= 0x12 && type <= 0x14) || type == 0x16 || type == 0x17 ||
             type == 0x19) {
    take_numbers(frame, bytes, 1);
  } else {
    QUICORE_CHECK(type <= 0x01 || type == 0x1e);  // else: a type that we never send
  }
  return frame;
}

}  // namespace

std::vector<Frame> parse_frames(std::string_view payload) {
  std::vector<Frame> frames;
  while (!payload.empty()) {
    Frame frame = take_frame(payload);
    if (frame.type != 0x00) frames.push_back(std::move(frame));
  }
  return frames;
}

// --- transport parameters --------------------------------------------------------------------------

std::string encode(const Parameters& parameters) {
  std::string bytes;
  for (const auto& [id, value] : parameters) bytes.append(varint(id)).append(sized(value));
  return bytes;
}

Parameters parse_parameters(std::string_view bytes) {
  Parameters parameters;
  while (!bytes.empty()) {
    const std::uint64_t id = take_varint(bytes);
    parameters.emplace_back(id, take(bytes, take_varint(bytes)));
  }
  return parameters;
}

void set(Parameters& parameters, std::uint64_t id, std::string value) {
  for (auto& entry : parameters) {
    if (entry.first == id) {
      entry.second = std::move(value);
      return;
    }
  }
  parameters.emplace_back(id, std::move(value));
}

void set(Parameters& parameters, std::uint64_t id, std::uint64_t value) {
  set(parameters, id, varint(value));
}

void remove(Parameters& parameters, std::uint64_t id) {
  std::erase_if(parameters, [&](const auto& entry) { return entry.first == id; });
}

}  // namespace quicore::test::wire
