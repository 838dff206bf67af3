// SPDX-License-Identifier: Apache-2.0
#include "engine/qlog_event.h"

#include <algorithm>
#include <array>

#include "engine/qlog.h"

namespace quicore::engine {

namespace {

// What must not leave the process in a file that people send around.
constexpr std::array<std::string_view, 5> kSecretFields = {
    "authorization", "cookie", "proxy-authorization", "set-cookie", "www-authenticate"};

bool is_secret(std::string_view name) noexcept {
  return std::find(kSecretFields.begin(), kSecretFields.end(), name) != kSecretFields.end();
}

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) noexcept {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

// Times are in milliseconds since the beginning, as ngtcp2 writes them.
QlogEvent::QlogEvent(Qlog& log, Instant now, std::string_view name) : log_(log) {
  const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(now - log.begun());
  record_ = "\x1e{\"time\":" + std::to_string(time.count()) + ",\"name\":\"";
  record_.append(name).append("\",\"data\":{");
}

void QlogEvent::key(std::string_view name) {
  if (record_.back() != '{' && record_.back() != '[') record_ += ',';
  record_.append("\"").append(name).append("\":");
}

// RFC 8259 7. Bytes beyond ASCII count as Latin-1: header values need not be UTF-8.
void QlogEvent::quoted(std::string_view value) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  record_ += '"';
  for (const char character : value) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte == '"' || byte == '\\') {
      record_ += '\\';
      record_ += character;
    } else if (byte < 0x20 || byte >= 0x7f) {
      record_ += "\\u00";
      record_ += kDigits[byte >> 4];
      record_ += kDigits[byte & 0xf];
    } else {
      record_ += character;
    }
  }
  record_ += '"';
}

QlogEvent& QlogEvent::text(std::string_view name, std::string_view value) {
  key(name);
  quoted(value);
  return *this;
}

QlogEvent& QlogEvent::number(std::string_view name, std::uint64_t value) {
  key(name);
  record_ += std::to_string(value);
  return *this;
}

QlogEvent& QlogEvent::frame(std::string_view type) {
  key("frame");
  record_ += '{';
  return text("frame_type", type);
}

void QlogEvent::field(std::string_view name, std::string_view value, bool sensitive) {
  if (record_.back() != '[') record_ += ',';
  record_ += '{';
  text("name", name);
  if (!sensitive && !is_secret(name)) text("value", value);
  record_ += '}';
}

QlogEvent& QlogEvent::fields(const Headers& headers) {
  key("headers");
  record_ += '[';
  for (const Field line : headers) field(line.name, line.value, line.sensitive);
  record_ += ']';
  return *this;
}

QlogEvent& QlogEvent::fields(std::span<const nghttp3_nv> lines) {
  key("headers");
  record_ += '[';
  for (const nghttp3_nv& line : lines) {
    field(text_of(line.name, line.namelen), text_of(line.value, line.valuelen),
          (line.flags & NGHTTP3_NV_FLAG_NEVER_INDEX) != 0);
  }
  record_ += ']';
  return *this;
}

QlogEvent& QlogEvent::end() {
  record_ += '}';
  return *this;
}

void QlogEvent::write() {
  record_ += "}}\n";
  log_.write(record_);
}

}  // namespace quicore::engine
